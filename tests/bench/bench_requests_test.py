"""`leat bench transfer` of small messages: request by request, with calls by hand beside leat's."""

import json
import pathlib
import tempfile
import unittest

from bench_program import bench

SMALL = ["--pairs", "1", "--max-pairs", "1"]


class Json(unittest.TestCase):
    def report(self, *arguments):
        return json.loads(bench(*SMALL, "--json", *arguments, check=0).stdout)

    def check_row(self, row):
        self.assertGreater(row["latency_p50_us"], 0)
        self.assertGreaterEqual(row["latency_p99_us"], row["latency_p50_us"])
        self.assertAlmostEqual(row["wall_s"] * 1e6, row["latency_p50_us"], places=6)
        self.assertEqual(set(row["latency_p99_vs_read_write"]), {"ratio", "low", "high"})
        self.assertGreater(row["requests"], 1000)
        self.assertEqual(row["receiver"], "copy")  # who asks reads the answer
        self.assertEqual(row["by_hand"], row["mechanism"].startswith("by hand: "))

    def test_memory(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "report.json")
            table = bench(*SMALL, f"--json={file}", "--source", "memory", "--sink", "tcp", "--size",
                          "64", check=0).stdout
            report = json.loads(file.read_text(encoding="utf-8"))
        self.check_table(table)
        rows = {row["mechanism"]: row for row in report["rows"] if not row["repeat"]}
        by_hand = {f"by hand: {call}(2)" for call in ("send", "write", "sendmsg")}
        self.assertLessEqual({"read_write", "zerocopy_send", "auto"} | by_hand, set(rows))
        for row in report["rows"]:
            self.check_row(row)
        for name in ("read_write", "auto", *by_hand):
            self.assertEqual((rows[name]["calls"], rows[name]["cpu_copies"]), (1, 1), name)
        self.assertEqual(report["sweep"], [])
        [limit] = report["limits"]
        self.assertEqual((limit["source"], limit["sink"], limit["size"]), ("memory", "tcp", 64))
        for word in ("auto", "by hand", "p50", "p99", "cpu"):
            self.assertIn(word, limit["limit"])
        self.assertFalse(limit["settled"])  # one pair never is

    def check_table(self, text):
        """It says how it was measured and fits a hundred columns."""
        for words in ("request by request, ", "p50 ratio", "p99 ratio", "cpu ratio",
                      "by hand: sendmsg(2)", "limit NOISY: auto "):
            self.assertIn(words, text)
        for line in text.splitlines()[:-3]:  # the last ones name the host and the command
            self.assertLessEqual(len(line), 100, line)

    def test_file(self):
        report = self.report("--sink", "tcp", "--size", "64KiB")
        rows = {row["mechanism"]: row for row in report["rows"] if not row["repeat"]}
        self.assertLessEqual({"read_write", "sendfile", "splice", "auto", "by hand: sendfile(2)",
                              "by hand: pread+send"}, set(rows))
        for row in rows.values():
            self.check_row(row)
        self.assertEqual(rows["by hand: sendfile(2)"]["cpu_copies"], 0)
        self.assertEqual(rows["by hand: pread+send"]["calls"], 2)
        self.assertEqual(report["limits"], [])  # those are for memory

    def test_mechanisms_that_are_named_leave_the_calls_by_hand_out(self):
        report = self.report("--source", "memory", "--sink", "tcp", "--size", "1", "--mechanism",
                             "auto")
        self.assertEqual([row["mechanism"] for row in report["rows"]],
                         ["read_write", "read_write", "auto"])

    def test_larger_payloads_are_not(self):
        report = self.report("--sink", "tcp", "--size", "65537", "--mechanism", "sendfile")
        for row in report["rows"]:
            self.assertIsNone(row["latency_p50_us"])
            self.assertIsNone(row["latency_p99_us"])
            self.assertIsNone(row["requests"])


class Repeats(unittest.TestCase):
    """Payloads in between: a run makes several transfers, and tells of one."""

    def test_figures_are_of_one_transfer(self):
        size = (1 << 20) + 1
        report = json.loads(bench(*SMALL, "--json", "--size", str(size), "--mechanism", "sendfile",
                                  "auto", check=0).stdout)
        for row in report["rows"]:
            self.assertEqual(row["repeats"], 64)
            self.assertEqual(row["mode_switches"], 2 * row["calls"])
            self.assertAlmostEqual(row["gib_per_s"] * row["wall_s"], size / (1 << 30), places=6)
            if row["mechanism"] == "read_write":
                self.assertEqual(row["cpu_copies"], 2)
                self.assertGreaterEqual(row["calls"], 2 * 17)
                self.assertLess(row["calls"], 2 * 17 * 64)

    def test_large_payloads_are_moved_once(self):
        report = json.loads(bench(*SMALL, "--json", "--size", "64MiB", "--sink", "tcp",
                                  "--mechanism", "sendfile", check=0).stdout)
        self.assertEqual({row["repeats"] for row in report["rows"]}, {1})

    def test_the_heading_says_it(self):
        text = bench(*SMALL, "--size", "16MiB", "--sink", "tcp", "--mechanism", "sendfile",
                     check=0).stdout
        self.assertIn("a run moves it 4 times", text)


if __name__ == "__main__":
    unittest.main()
