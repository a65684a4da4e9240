"""Goal: Ctrl-C and its kin leave no half file and print the receipt first; time limits, rate limits
and the progress bar do what they say. Method: the program is held up on a pipe or by its rate
limit, so that it is surely in the middle, and then it is sent the signal."""

import os
import pty
import signal
import subprocess
import unittest

from program import KIB, MIB, PROGRAM, WATCHDOG_S, Case, payload, wait_until


def open_files(pid):
    """(target, size) of each descriptor of a process."""
    found = []
    for link in os.scandir(f"/proc/{pid}/fd"):
        try:
            found.append((os.readlink(link.path), os.stat(link.path).st_size))
        except OSError:
            pass
    return found


class SignalTest(Case):
    def setUp(self):
        super().setUp()
        self.sink = self.file("sink", b"old")

    def start_slow(self, *args):
        """A rate-limited copy that has surely written something of its new file."""
        source = self.big_file(size=64 * MIB)
        running = self.start("--limit-rate", "1MiB", *args, source, self.sink)
        folder = str(self.folder)

        def begun():
            return any(size > 0 and path.startswith(folder) and
                       ("deleted" in path or "/.leat-" in path)
                       for path, size in open_files(running.pid))

        wait_until(begun, "the first bytes of the copy")
        return running

    def assert_interrupted(self, running, number):
        running.finish()
        self.assertEqual(running.status, -number, running.err)
        self.assert_content(self.sink, b"old")

    def test_ctrl_c_prints_the_receipt_and_keeps_nothing(self):
        running = self.start_slow("--json")
        running.process.send_signal(signal.SIGINT)
        self.assert_interrupted(running, signal.SIGINT)
        self.assertEqual(running.err.count("\n"), 1)
        self.assertEqual(running.receipt["ending"], "cancelled")
        self.assertGreater(running.receipt["delivered"], 0)
        self.assertLess(running.receipt["delivered"], 64 * MIB)

    def test_human_line(self):
        running = self.start_slow()
        running.process.send_signal(signal.SIGINT)
        self.assert_interrupted(running, signal.SIGINT)
        self.assertRegex(running.err,
                         r"^leat copy: interrupted; nothing was kept; .* cancelled.*\n$")

    def test_term_and_hup(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            running = self.start_slow()
            running.process.send_signal(number)
            self.assert_interrupted(running, number)

    def test_kill_leaves_nothing(self):
        running = self.start_slow()
        nameless = any("deleted" in path for path, _ in open_files(running.pid))
        if not nameless:
            self.skipTest("this file system has no O_TMPFILE")
        running.process.kill()
        self.assert_interrupted(running, signal.SIGKILL)

    def test_ignored_signals_stay_ignored(self):
        def nohup():
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.signal(signal.SIGINT, signal.SIG_IGN)

        running = self.start("-", self.sink, stdin=subprocess.PIPE, preexec_fn=nohup)
        running.fill_and_drain(b"new ")
        running.process.send_signal(signal.SIGHUP)
        running.process.send_signal(signal.SIGINT)
        self.assert_ok(running.finish(b"data"))
        self.assert_content(self.sink, b"new data")

    def test_while_waiting_for_input(self):
        running = self.start("--json", "-", self.sink, stdin=subprocess.PIPE)
        running.fill_and_drain(payload(10 * KIB))
        running.process.send_signal(signal.SIGINT)
        running.process.wait(WATCHDOG_S)
        self.assert_interrupted(running, signal.SIGINT)
        self.assertEqual(running.receipt["delivered"] + running.receipt["stranded"], 10 * KIB)

    def test_while_the_reader_of_the_output_is_slow(self):
        running = self.start("--json", "/dev/zero", "-")
        running.process.stdout.read(1)
        running.process.send_signal(signal.SIGINT)
        running.process.wait(WATCHDOG_S)
        running.finish()
        self.assertEqual(running.status, -signal.SIGINT)
        self.assertEqual(running.receipt["ending"], "cancelled")
        self.assertEqual(running.receipt["delivered"], len(running.out) + 1)

    def test_while_listening_and_while_waiting_for_a_fifo(self):
        listening = self.listen(self.sink)
        listening.process.send_signal(signal.SIGINT)
        self.assert_interrupted(listening, signal.SIGINT)
        self.assertEqual(listening.receipt["ending"], "cancelled")
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        running = self.start("--json", self.sink, fifo)
        wait_until(lambda: any(path == str(self.sink) for path, _ in open_files(running.pid)),
                   "the program to open SRC")
        running.process.send_signal(signal.SIGINT)
        self.assert_interrupted(running, signal.SIGINT)
        self.assertEqual(running.receipt["delivered"], 0)

    def test_in_place_keeps_what_arrived(self):
        running = self.start("--json", "--in-place", "-", self.sink, stdin=subprocess.PIPE)
        data = payload(100 * KIB)
        running.fill_and_drain(data[:50 * KIB])
        running.process.send_signal(signal.SIGINT)
        running.process.wait(WATCHDOG_S)
        running.finish()
        delivered = running.receipt["delivered"]
        self.assert_content(self.sink, data[:delivered])


class LimitTest(Case):
    def test_timeout_keeps_nothing(self):
        sink = self.folder / "sink"
        ended = self.copy("--timeout", "200ms", "--limit-rate", "64KiB", self.big_file(), sink)
        self.assert_fails(ended, "--timeout", "nothing was kept")
        self.assertFalse(sink.exists())
        ended = self.start("--json", "--timeout", "0.1", "-", sink, stdin=subprocess.PIPE)
        ended.process.wait(WATCHDOG_S)
        ended.finish()
        self.assertEqual((ended.status, ended.receipt["ending"]), (1, "deadline"))

    def test_timeout_that_is_long_enough(self):
        self.assert_ok(self.copy("--timeout", "2min", self.big_file(), self.folder / "sink"))

    def test_rate_limit_takes_its_time(self):
        # A lower bound only: the machine may be slower, never faster.
        source = self.file("source", payload(MIB))
        ended = self.copy("--json", "--limit-rate", "2MiB/s", source, self.folder / "sink")
        self.assertGreater(self.assert_ok(ended).receipt["usage"]["wall_s"], 0.3)
        self.assert_content(self.folder / "sink", source.read_bytes())


class ProgressTest(Case):
    def on_terminal(self, *args, **more):
        """What a terminal as standard error receives; escape-free, lines end with \\r."""
        ours, theirs = pty.openpty()
        running = subprocess.Popen([PROGRAM, "copy", *map(str, args)], stderr=theirs,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **more)
        os.close(theirs)
        self.addCleanup(running.wait)
        self.addCleanup(running.kill)
        text = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # EIO: the program has closed its side
                break
            if not part:
                break
            text += part
        os.close(ours)
        self.assertEqual(running.wait(WATCHDOG_S), 0, text)
        return text.decode()

    def test_shows_rate_and_eta_and_cleans_up(self):
        source = self.file("source", payload(MIB))
        text = self.on_terminal("--limit-rate", "2MiB", source, self.folder / "sink")
        self.assertRegex(text, r"\r *\d+% \[=*> *\] .* of 1\.00 MiB, .*/s, ETA \d+:\d\d")
        self.assertNotIn("\x1b", text)
        self.assertRegex(text.split("\r")[-2], r"^1\.00 MiB in ")
        self.assertRegex(text, r"\r {70,}\r1\.00 MiB in ")

    def test_a_line_a_second_where_there_is_no_terminal(self):
        source = self.file("source", payload(2 * MIB))
        ended = self.copy("--progress", "--limit-rate", "1MiB", source, self.folder / "sink")
        *lines, receipt = ended.err.splitlines()
        self.assertTrue(lines)
        for line in lines:
            self.assertRegex(line, r"^ *\d+% \[=*>? *\] .* of 2\.00 MiB, .*/s, ETA \d+:\d\d$")
        self.assertRegex(receipt, r"^2\.00 MiB in ")

    def test_silent_when_asked_or_not_on_a_terminal(self):
        source = self.file("source", payload(512 * KIB))
        for more in ("--no-progress", "--quiet", "--json"):
            text = self.on_terminal("--limit-rate", "1MiB", more, source, self.folder / "sink")
            self.assertNotIn("ETA", text)
        ended = self.copy("--limit-rate", "1MiB", source, self.folder / "sink")
        self.assertEqual(ended.err.count("\n"), 1)
        self.assertNotIn("\r", ended.err)


if __name__ == "__main__":
    unittest.main()
