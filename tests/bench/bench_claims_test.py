"""`leat bench claims`: what it prints, what it refuses, and that it leaves nothing behind."""

import errno
import json
import os
import signal
import subprocess
import tempfile
import time
import unittest

import denied_calls
from bench_program import PROGRAM, WATCHDOG_S, network_devices, processes_with

NUMBERS = list(range(1, 15))
KEYS = {"number", "claim", "textbook", "here", "verdict", "why", "figures"}
VERDICTS = {"holds", "fails", "depends", "not_told_apart", "not_measurable"}


def claims(*arguments, check=None, **more):
    result = subprocess.run([PROGRAM, "bench", "claims", *arguments], capture_output=True,
                            text=True, timeout=WATCHDOG_S, check=False, **more)
    if check is not None and result.returncode != check:
        raise AssertionError(f"status {result.returncode}: {result.stderr}{result.stdout}")
    return result


def small(*arguments):
    return ["--size", str((1 << 20) + 3), "--pairs", "1", "--max-pairs", "1", *arguments]


class Json(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        devices = network_devices()
        with (tempfile.TemporaryDirectory(dir="/var/tmp") as folder,
              tempfile.TemporaryDirectory() as kept):
            html = os.path.join(kept, "claims.html")
            output = claims(*small("--json", "--dir", folder, "--html", html), check=0).stdout
            cls.left = os.listdir(folder)
            with open(html, encoding="utf-8") as page:
                cls.page = page.read()
        cls.devices_left = network_devices() - devices
        cls.lines = output.splitlines()
        cls.report = json.loads(cls.lines[0])
        cls.claims = {claim["number"]: claim for claim in cls.report["claims"]}

    def test_is_one_line(self):
        self.assertEqual(len(self.lines), 1)

    def test_page_has_all_claims(self):
        self.assertEqual(self.page.count("<article"), len(NUMBERS))
        self.assertEqual(self.page.count("class=\"badge"), len(NUMBERS))

    def test_keys(self):
        self.assertLessEqual({"host", "command", "claims"}, set(self.report))
        self.assertEqual(set(self.report["host"]), {"kernel", "cpu", "cores", "compiler"})
        self.assertIn("bench claims", self.report["command"])
        self.assertEqual([claim["number"] for claim in self.report["claims"]], NUMBERS)
        for claim in self.report["claims"]:
            self.assertEqual(set(claim), KEYS)
            self.assertIn(claim["verdict"], VERDICTS)
            for key in ("claim", "textbook", "here", "why", "figures"):
                self.assertTrue(claim[key], (claim["number"], key))

    def test_one_pair_tells_nothing_of_times(self):
        for number in (1, 4):
            self.assertEqual(self.claims[number]["verdict"], "not_told_apart")
        for row in self.claims[1]["figures"]["rows"]:
            self.assertIsNone(row["wall_vs_read_write"]["low"])

    def test_copies(self):
        rows = {row["mechanism"]: row for row in self.claims[2]["figures"]["rows"]}
        self.assertEqual(rows["read_write"]["cpu_copies"], 2)
        self.assertEqual(rows["sendfile"]["cpu_copies"], 0)
        self.assertEqual(rows["zerocopy_send"]["known_by"], "kernel")
        self.assertEqual(rows["zerocopy_send"]["cpu_copies"], 1)  # over loopback

    def test_what_the_kernel_does(self):
        trials = {(trial["from"], trial["to"]): trial
                  for trial in self.claims[12]["figures"]["trials"]}
        for to in ("a TCP socket", "a UNIX socket", "a pipe", "a file"):
            self.assertTrue(trials[("a file", to)]["bytes_equal"], to)
        ends = {(trial["from"], trial["to"]): trial["errno"]
                for trial in self.claims[13]["figures"]["ends"]}
        self.assertEqual(ends[("a file", "a file")], "EINVAL")
        self.assertIsNone(ends[("a file", "a pipe")])

    def test_requests(self):
        sizes = self.claims[9]["figures"]["sizes"]
        self.assertEqual([entry["body_bytes"] for entry in sizes], [64 << 10, 1 << 20])
        for entry in sizes:
            for row in entry["rows"]:
                self.assertGreater(row["requests_per_s"], 0)
                self.assertGreater(row["cpu_us_per_request"], 0)

    def test_nothing_is_left(self):
        self.assertEqual(self.left, [])
        self.assertEqual(self.devices_left, set())


class Table(unittest.TestCase):
    def test_small_file(self):
        text = claims("--size", "1", "--pairs", "1", "--max-pairs", "1", check=0).stdout
        for line in text.splitlines()[:-2]:  # the last ones name the host and the command
            self.assertLessEqual(len(line), 100, line)
        self.assertTrue(all(c == "\n" or c.isprintable() for c in text))
        self.assertIn("\n    verdict   ", text)
        self.assertIn(os.uname().release, text)


class Denied(unittest.TestCase):
    """What is not permitted is said in the answers it would be in, and nothing else fails."""

    def answers(self, *arguments, **more):
        output = claims(*small("--json", *arguments), check=0, **more).stdout
        return {claim["number"]: claim for claim in json.loads(output)["claims"]}

    def test_by_a_filter(self):
        if denied_calls.missing():
            self.skipTest(denied_calls.missing())
        if os.environ.get("LEAT_SANITIZE"):
            self.skipTest("the leak checker needs ptrace(2) itself")
        filtered = denied_calls.deny(["sendfile", "splice", "ptrace", "unshare"], errno.EPERM)
        answers = self.answers(preexec_fn=filtered)
        self.assertEqual(sorted(answers), NUMBERS)
        self.assertIn("not measured: sendfile", answers[1]["why"])
        self.assertIn("those that the receipts count (ptrace", answers[3]["here"])
        for number in (9, 12, 13):
            self.assertEqual(answers[number]["verdict"], "not_measurable")
        paths = {path["path"]: path for path in answers[14]["figures"]["paths"]}
        self.assertIn("unshare", paths["veth"]["problem"])
        self.assertIsNone(paths["loopback"]["problem"])

    def test_a_folder_that_is_never_cold(self):
        facts = subprocess.run(["stat", "-f", "-c", "%T", "/dev/shm"], capture_output=True,
                               text=True, timeout=WATCHDOG_S, check=False).stdout.strip()
        if facts != "tmpfs" or not os.access("/dev/shm", os.W_OK):
            self.skipTest("/dev/shm is no tmpfs that can be written to")
        answers = self.answers("--dir", "/dev/shm")
        for number in (5, 7):
            self.assertIn("Not measured cold: ", answers[number]["why"])
            self.assertEqual(len(answers[number]["figures"]["conditions"]), 1)


class WrongUsage(unittest.TestCase):
    def expect(self, status, text, *arguments):
        result = claims(*arguments)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertIn(text, result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertEqual(result.stdout, "")

    def test_sizes(self):
        self.expect(2, "KiB", "--size", "1GiBB")
        self.expect(2, "at least 1", "--size", "0")

    def test_pairs(self):
        self.expect(2, "--max-pairs", "--pairs", "9", "--max-pairs", "8")

    def test_missing_folder(self):
        self.expect(1, "/nonexistent", "--dir", "/nonexistent")

    def test_folder_that_cannot_be_written_to(self):
        self.expect(1, "/proc", "--size", "1", "--dir", "/proc/self")

    def test_no_room(self):
        self.expect(1, "smaller --size", "--size", "1000000TiB")


class Leftovers(unittest.TestCase):
    """However it ends: no file and no process is left."""

    def wait_until(self, condition):
        deadline = time.monotonic() + WATCHDOG_S
        while not condition():
            self.assertLess(time.monotonic(), deadline, "watchdog")

    def interrupt(self, number):
        with tempfile.TemporaryDirectory() as folder:
            process = subprocess.Popen(
                [PROGRAM, "bench", "claims", "--size", "64MiB", "--pairs", "1000", "--max-pairs",
                 "1000", "--dir", folder],
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

    def test_ctrl_c(self):
        self.interrupt(signal.SIGINT)

    def test_kill_9(self):
        self.interrupt(signal.SIGKILL)


if __name__ == "__main__":
    unittest.main()
