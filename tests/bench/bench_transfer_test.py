"""`leat bench transfer`: what it prints, what it refuses, and that it leaves nothing behind."""

import errno
import json
import os
import re
import signal
import subprocess
import tempfile
import time
import unittest

import denied_calls
from bench_program import (PROGRAM, SIZE, WATCHDOG_S, bench, network_devices, processes_with, small,
                           why_no_veth)

ROW_KEYS = [  # docs: the contract with scripts; keys may be added, never renamed
    "source", "sink", "path", "size", "cache", "receiver", "mechanism", "picked", "runs", "wall_s",
    "wall_mad", "cpu_s", "cpu_mad", "receiver_cpu_s", "wall_vs_read_write", "cpu_vs_read_write",
    "gib_per_s", "latency_p50_us", "latency_p99_us", "calls", "mode_switches",
    "voluntary_switches", "involuntary_switches", "cpu_copies", "dma_copies", "known_by",
    "copy_share", "copy_share_error", "samples", "peak_rss_bytes"]
NOT_MEASURED = ["latency_p50_us", "latency_p99_us"]
ADDED_KEYS = ["label", "cpu_copies_expected", "memory_traffic_bytes", "samples_lost",
              "copy_share_denied", "cpu_profile", "limited_by",
              "page_cache_growth_bytes", "waited_for_cpu_share"]


class Json(unittest.TestCase):
    """One run over all sinks serves all cases."""

    @classmethod
    def setUpClass(cls):
        output = bench(*small("--json"), check=0).stdout
        cls.lines = output.splitlines()
        cls.report = json.loads(cls.lines[0])

    def rows(self, sink, **wanted):
        return [row for row in self.report["rows"] if row["sink"] == sink
                and all(row[key] == value for key, value in wanted.items())]

    def test_is_one_line(self):
        self.assertEqual(len(self.lines), 1)

    def test_top_level_keys(self):
        self.assertLessEqual({"host", "noise", "rows", "refusals"}, set(self.report))
        self.assertEqual(set(self.report["host"]), {"kernel", "cpu", "cores", "compiler"})
        self.assertEqual(set(self.report["noise"]), {"wall", "cpu"})
        self.assertIn(os.uname().release, self.report["host"]["kernel"])
        self.assertIn("bench transfer", self.report["command"])

    def test_row_keys(self):
        for row in self.report["rows"]:
            self.assertLessEqual(set(ROW_KEYS + ADDED_KEYS), set(row))
            for key in NOT_MEASURED:
                self.assertIsNone(row[key])
            for key in ("wall_vs_read_write", "cpu_vs_read_write"):
                self.assertEqual(set(row[key]), {"ratio", "low", "high"})

    def test_rows_of_each_sink(self):
        tcp = {row["mechanism"] for row in self.rows("tcp")}
        self.assertLessEqual({"read_write", "sendfile", "splice", "auto"}, tcp)
        self.assertNotIn("copy_file_range", tcp)
        file = {row["mechanism"] for row in self.rows("file")}
        self.assertLessEqual({"read_write", "copy_file_range", "sendfile", "splice", "auto"}, file)

    def test_what_does_not_fit_has_a_reason(self):
        absent = {(entry["sink"], entry["mechanism"]): entry["reason"]
                  for entry in self.report["refusals"]}
        self.assertTrue(absent[("tcp", "copy_file_range")])

    def test_baseline_and_its_repeat(self):
        for sink in ("tcp", "unix", "pipe", "file"):
            baseline = self.rows(sink, mechanism="read_write", block_bytes=65536, repeat=False)
            self.assertEqual(len(baseline), 1)
            self.assertEqual(baseline[0]["wall_vs_read_write"]["ratio"], 1)
            self.assertEqual(len(self.rows(sink, repeat=True)), 1)

    def test_figures_belong_together(self):
        for row in self.report["rows"]:
            self.assertEqual(row["size"], SIZE)
            self.assertEqual(row["runs"], 2)
            self.assertEqual(row["cache"], "warm")
            self.assertGreater(row["wall_s"], 0)
            self.assertGreater(row["calls"], 0)
            self.assertEqual(row["mode_switches"], 2 * row["calls"])
            self.assertAlmostEqual(row["gib_per_s"] * row["wall_s"], SIZE / (1 << 30), places=6)
            self.assertEqual(row["receiver"], None if row["sink"] == "file" else "truncate")
            self.assertEqual(row["path"], "loopback" if row["sink"] == "tcp" else row["sink"])
            self.assertEqual(row["receiver_cpu_s"] is None, row["sink"] == "file")
            self.assertIsNone(row["feeder_cpu_s"])

    def test_forced_rows_ran_what_they_say(self):
        for row in self.report["rows"]:
            if row["mechanism"] == "auto":
                self.assertIn(row["picked"], {other["mechanism"] for other in self.report["rows"]})
            else:
                self.assertEqual(row["picked"], row["mechanism"])

    def test_copies(self):
        for row in self.rows("tcp", mechanism="read_write"):
            self.assertEqual(row["cpu_copies"], 2)
        for name in ("sendfile", "splice"):
            self.assertEqual(self.rows("tcp", mechanism=name)[0]["cpu_copies"], 0)

    def test_copies_by_construction_and_as_seen(self):
        for row in self.rows("tcp"):
            if row["known_by"] == "construction":
                self.assertEqual(row["cpu_copies"], row["cpu_copies_expected"])
                self.assertEqual(row["memory_traffic_bytes"], 2 * row["cpu_copies"] * SIZE)
            if row["mechanism"] != "direct_io":
                self.assertEqual(row["dma_copies"], 0, row["mechanism"])

    def test_samples_of_cpu_time(self):
        for row in self.report["rows"]:
            if row["samples"] == 0:
                self.assertIsNone(row["copy_share"])
                continue
            self.assertIsNone(row["copy_share_denied"])
            profile = row["cpu_profile"]
            self.assertEqual(sum(profile.values()), row["samples"])
            copying = profile["user_copying"] + profile["kernel_copying"]
            self.assertAlmostEqual(row["copy_share"], copying / row["samples"])
            self.assertGreater(row["copy_share_error"], 0)

    def test_rankings(self):
        self.assertEqual({(entry["source"], entry["sink"]) for entry in self.report["rankings"]},
                         {("file", sink) for sink in ("tcp", "unix", "pipe", "file")})

    def test_calls_of_read_write_follow_its_block(self):
        row = self.rows("tcp", mechanism="read_write", block_bytes=65536, repeat=False)[0]
        self.assertGreaterEqual(row["calls"], 2 * (SIZE // 65536))

    def test_no_limits_but_for_one_gibibyte(self):
        self.assertEqual(self.report["limits"], [])


class Table(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = bench(*small("--sink", "tcp", pairs=1), check=0).stdout

    def test_fits_a_hundred_columns(self):
        for line in self.text.splitlines()[:-3]:  # the last ones name the host and the command
            self.assertLessEqual(len(line), 100, line)

    def test_last_lines(self):
        for text in ("noise: ", "best: ", "auto picked ", "by default; measured best: ",
                     "bench transfer --size", os.uname().release):
            self.assertIn(text, self.text)

    def test_one_pair_never_settles(self):
        failed = re.search(r"^FAILED: not settled, [^:]*: ((?:.*,\n)*.*)\n", self.text, re.M)
        self.assertIn("sendfile", re.split(r",\s+", failed[1]))

    def test_no_control_characters(self):
        self.assertTrue(all(c == "\n" or c.isprintable() for c in self.text))


class SamplesDenied(unittest.TestCase):
    """What is denied is a dash, and one line says what to do."""

    def test_by_a_filter(self):
        if denied_calls.missing():
            self.skipTest(denied_calls.missing())
        denied = {"preexec_fn": denied_calls.deny(["perf_event_open"], errno.EACCES)}
        arguments = small("--sink", "tcp", "--mechanism", "sendfile", pairs=1)
        text = bench(*arguments, check=0, **denied).stdout
        lines = [line for line in text.splitlines() if line.startswith("no copy shares: ")]
        self.assertEqual(len(lines), 1, text)
        self.assertRegex(lines[0], "perf_event_open|kallsyms")
        for row in json.loads(bench("--json", *arguments, check=0, **denied).stdout)["rows"]:
            self.assertEqual(row["samples"], 0)
            self.assertIsNone(row["copy_share"])
            self.assertIsNone(row["cpu_profile"])
            self.assertEqual(lines[0], "no copy shares: " + row["copy_share_denied"])


class Choices(unittest.TestCase):
    def rows(self, *arguments):
        return json.loads(bench(*small("--json", *arguments, pairs=1), check=0).stdout)["rows"]

    def test_one_mechanism(self):
        names = [row["mechanism"] for row in self.rows("--sink", "tcp", "--mechanism", "splice")]
        self.assertEqual(names, ["read_write", "read_write", "splice"])

    def test_only_auto(self):
        names = [row["mechanism"] for row in self.rows("--sink", "file", "--mechanism", "auto")]
        self.assertEqual(names, ["read_write", "read_write", "auto"])

    def test_one_byte(self):
        report = json.loads(bench("--size", "1", "--pairs", "1", "--max-pairs", "1", "--json",
                                  check=0).stdout)
        self.assertTrue(report["rows"])

    def test_several_sizes_each_have_their_rows(self):
        report = json.loads(bench("--size", "3MiB..50MiB", "2MiB", "--pairs", "1", "--max-pairs",
                                  "1", "--sink", "tcp", "--mechanism", "sendfile", "--json",
                                  check=0).stdout)
        sizes = [size << 20 for size in (2, 3, 48, 50)]
        self.assertEqual([row["size"] for row in report["rows"] if row["mechanism"] == "sendfile"],
                         sizes)
        for entry in report["rows"] + report["sweep"]:
            self.assertIn(entry["size"], sizes)

    def test_blocks_are_swept(self):
        report = json.loads(bench(*small("--json", "--sink", "tcp", "--block-size", "4KiB",
                                         "2MiB", pairs=1), check=0).stdout)
        self.assertEqual({point["block_bytes"] for point in report["sweep"]},
                         {4096, 65536, 2 << 20})


class WrongUsage(unittest.TestCase):
    def expect(self, status, text, *arguments):
        result = bench(*arguments)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertIn(text, result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertEqual(result.stdout, "")

    def test_unknown_mechanism_lists_those_there_are(self):
        self.expect(2, "sendfile", "--mechanism", "teleport")

    def test_sizes(self):
        self.expect(2, "KiB", "--size", "1GiBB")
        self.expect(2, "at least 1", "--size", "0")
        self.expect(2, "below its beginning", "--size", "1GiB..64")
        self.expect(2, "block size", "--block-size", "0")

    def test_sink(self):
        self.expect(2, "--sink", "--sink", "printer")

    def test_source(self):
        self.expect(2, "--source", "--source", "printer")

    def test_path(self):
        self.expect(2, "--path", "--path", "carrier-pigeon")
        self.expect(2, "needs TCP", "--path", "veth", "--sink", "file")

    def test_receiver(self):
        self.expect(2, "--receiver", "--receiver", "reader")
        self.expect(2, "needs a receiver", "--receiver", "copy", "--sink", "file")

    def test_cold_is_about_files(self):
        for source in ("memory", "pipe", "tcp", "all"):
            self.expect(2, "needs --source file", "--cold", "--source", source)

    def test_cold_where_nothing_leaves_memory(self):
        if not os.path.isdir("/dev/shm"):
            self.skipTest("no /dev/shm here")
        self.expect(1, "does not leave the page cache", "--cold", "--dir", "/dev/shm", "--size",
                    "1MiB", "--sink", "tcp")

    def test_pairs(self):
        self.expect(2, "--max-pairs", "--pairs", "9", "--max-pairs", "8")

    def test_missing_folder(self):
        self.expect(1, "/nonexistent", "--dir", "/nonexistent")

    def test_no_room(self):
        self.expect(1, "smaller --size", "--size", "1000000TiB")


class Leftovers(unittest.TestCase):
    """However it ends: no file and no process is left."""

    def interrupt(self, number, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            process = subprocess.Popen(
                [PROGRAM, "bench", "transfer", "--size", "64MiB", "--pairs", "1000",
                 "--max-pairs", "1000", "--dir", folder, *arguments],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            self.addCleanup(process.kill)
            self.wait_until(lambda: len(processes_with(folder)) > 1)
            if number == signal.SIGINT:
                os.killpg(process.pid, number)  # as the terminal does
            else:
                process.send_signal(number)
            self.assertEqual(process.wait(timeout=WATCHDOG_S), -number)
            self.wait_until(lambda: not processes_with(folder))
            self.assertEqual(os.listdir(folder), [])

    def wait_until(self, condition):
        deadline = time.monotonic() + WATCHDOG_S
        while not condition():
            self.assertLess(time.monotonic(), deadline, "watchdog")

    def test_ctrl_c(self):
        self.interrupt(signal.SIGINT)

    def test_kill_9(self):
        self.interrupt(signal.SIGKILL)

    def test_ctrl_c_with_a_feeder(self):
        self.interrupt(signal.SIGINT, "--source", "pipe", "--sink", "tcp")

    def test_ctrl_c_between_pipes(self):
        self.interrupt(signal.SIGINT, "--source", "pipe", "--sink", "pipe")

    def test_kill_9_over_a_unix_socket(self):
        self.interrupt(signal.SIGKILL, "--source", "tcp", "--sink", "unix")

    def test_ctrl_c_when_cold(self):
        self.interrupt(signal.SIGINT, "--cold", "--sink", "tcp")

    def test_kill_9_with_a_feeder(self):
        self.interrupt(signal.SIGKILL, "--source", "tcp", "--sink", "file")

    def test_veth_is_gone_whatever_ends_the_program(self):
        reason = why_no_veth()
        if reason:
            self.skipTest(f"no veth pair here: {reason}")
        before = network_devices()
        for number in (signal.SIGINT, signal.SIGKILL):
            self.interrupt(number, "--path", "veth")
            self.assertEqual(network_devices(), before)

    def test_ordinary_end(self):
        with tempfile.TemporaryDirectory() as folder:
            bench(*small("--sink", "file", "--dir", folder, pairs=1), check=0)
            self.assertEqual(os.listdir(folder), [])


if __name__ == "__main__":
    unittest.main()
