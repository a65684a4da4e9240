"""Goal: standard input and output, FIFOs, devices and /proc work in both directions, and what is
not a regular file is never replaced. Method: real pipes and files, blocking as shells make them."""

import os
import socket
import stat
import subprocess
import threading
import unittest

from program import KIB, MIB, PROGRAM, WATCHDOG_S, Case, payload, read_all


class StandardStreamTest(Case):
    def test_pipes_both_ways(self):
        for size in (0, 1, 4097, 64 * KIB + 1, 5 * MIB + 1):
            with self.subTest(size=size):
                data = payload(size)
                ended = self.assert_ok(self.copy("--json", "-", "-", data=data))
                self.assertTrue(ended.out == data)
                self.assertEqual(ended.receipt["delivered"], size)
                self.assertEqual(ended.receipt["ending"], "end_of_source")

    def test_pipe_to_file_and_back(self):
        data = payload(5 * MIB + 1)
        sink = self.folder / "sink"
        self.assert_ok(self.copy("-", sink, data=data))
        self.assert_content(sink, data)
        self.assertTrue(self.assert_ok(self.copy(sink, "-")).out == data)

    def test_in_a_shell_pipeline(self):
        data = payload(5 * MIB + 1)
        source = self.file("source", data)
        sink = self.folder / "sink"
        ended = subprocess.run(
            ["sh", "-c", 'cat "$1" | "$0" copy - - | "$0" copy --quiet - - | cat > "$2"',
             PROGRAM, source, sink], capture_output=True, timeout=WATCHDOG_S)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assert_content(sink, data)

    def test_redirected_files_are_read_and_written_where_they_stand(self):
        data = payload(MIB)
        source = self.file("source", data)
        sink = self.file("sink", b"0123456789")
        with source.open("rb") as stdin, sink.open("r+b") as stdout:
            os.lseek(stdin.fileno(), 1000, os.SEEK_SET)
            os.lseek(stdout.fileno(), 5, os.SEEK_SET)
            self.assert_ok(self.copy("--length", 5000, "-", "-", stdin=stdin, stdout=stdout))
            self.assertEqual(os.lseek(stdin.fileno(), 0, os.SEEK_CUR), 6000)
            self.assertEqual(os.lseek(stdout.fileno(), 0, os.SEEK_CUR), 5005)
        self.assert_content(sink, b"01234" + data[1000:6000])

    def test_append(self):
        data = payload(MIB + 1)
        sink = self.file("sink", b"before")
        for more in ((), ("--mechanism", "read_write")):
            with sink.open("ab") as stdout:
                self.assert_ok(self.copy(*more, self.file("source", data), "-", stdout=stdout))
        self.assert_content(sink, b"before" + data + data)

    def test_append_from_a_pipe(self):
        data = payload(MIB + 1)
        sink = self.file("sink", b"before")
        with sink.open("ab") as stdout:
            self.assert_ok(self.copy("-", "-", data=data, stdout=stdout))
        self.assert_content(sink, b"before" + data)

    def test_reader_that_leaves_is_an_error_and_no_signal(self):
        running = self.start("/dev/zero", "-")
        running.process.stdout.read(10)
        running.process.stdout.close()
        running.process.stdout = None
        self.assert_fails(running.finish(), "Broken pipe", "reader has gone")

    def test_length_from_a_pipe_leaves_the_rest(self):
        read_end, write_end = os.pipe()
        os.write(write_end, b"0123456789")
        os.close(write_end)
        ended = self.copy("--length", 4, "--mechanism", "read_write", "-", "-", stdin=read_end)
        self.assertEqual(self.assert_ok(ended).out, b"0123")
        self.assertEqual(os.read(read_end, 100), b"456789")
        os.close(read_end)

    def test_closed_streams_are_errors_and_nobody_writes_into_the_sink(self):
        source = self.file("source", b"data")
        sink = self.folder / "sink"

        def without(*numbers):
            return lambda: [os.close(number) for number in numbers]

        self.assert_fails(self.copy("-", sink, preexec_fn=without(0)), "standard input")
        self.assertFalse(sink.exists())
        self.assert_fails(self.copy(source, "-", preexec_fn=without(1)), "standard output")
        ended = self.start(source, sink, preexec_fn=without(0, 1, 2)).finish()
        self.assertEqual(ended.status, 0)
        self.assert_content(sink, b"data")

    def test_sockets_as_standard_streams(self):
        # As inetd hands them over: blocking, and shared with others.
        data = payload(3 * MIB + 1)
        ours, stdin = socket.socketpair()
        stdout, theirs = socket.socketpair()
        running = self.start("-", "-", stdin=stdin, stdout=stdout)
        found = []
        reader = threading.Thread(target=lambda: found.append(read_all(theirs)), daemon=True)
        reader.start()
        ours.sendall(data)
        ours.shutdown(socket.SHUT_WR)
        self.assert_ok(running.finish())
        self.assertTrue(stdin.getblocking() and stdout.getblocking())
        stdout.close()
        reader.join(WATCHDOG_S)
        self.assertTrue(found[0] == data)
        for one in (ours, stdin, theirs):
            one.close()

    def test_borrowed_descriptors_stay_blocking(self):
        # The flags belong to the open pipe, which the shell's other programs share.
        import fcntl
        read_end, write_end = os.pipe()
        other_read, other_write = os.pipe()
        os.write(write_end, b"data")
        os.close(write_end)
        self.assert_ok(self.copy("-", "-", stdin=read_end, stdout=other_write))
        for fd in (read_end, other_write):
            self.assertEqual(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK, 0)
        self.assertEqual(os.read(other_read, 10), b"data")
        for fd in (read_end, other_read, other_write):
            os.close(fd)


class DeviceTest(Case):
    def test_dev_null_is_written_and_stays(self):
        before = os.stat("/dev/null")
        source = self.big_file()
        for more in ((), ("--in-place",)):
            self.assert_ok(self.copy(*more, source, "/dev/null"))
        after = os.stat("/dev/null")
        self.assertTrue(stat.S_ISCHR(after.st_mode))
        self.assertEqual((before.st_ino, before.st_rdev), (after.st_ino, after.st_rdev))

    def test_dev_null_is_empty(self):
        self.assert_ok(self.copy("/dev/null", self.folder / "sink"))
        self.assert_content(self.folder / "sink", b"")

    def test_dev_full_is_full(self):
        ended = self.copy(self.big_file(), "/dev/full")
        self.assert_fails(ended, "No space left", "free some space")
        with open("/dev/full", "wb", buffering=0) as stdout:
            self.assert_fails(self.copy(self.big_file(), "-", stdout=stdout), "No space left")

    def test_dev_zero_with_a_length(self):
        self.assert_ok(self.copy("--length", "3MiB", "/dev/zero", self.folder / "sink"))
        self.assert_content(self.folder / "sink", bytes(3 * MIB))

    def test_proc_and_sys_whose_size_says_zero(self):
        for path in ("/proc/version", "/proc/self/mountinfo", "/sys/kernel/mm/transparent_hugepage"
                     "/enabled"):
            if not os.path.exists(path):
                continue
            with self.subTest(path=path):
                for more in ((), ("--mechanism", "read_write")):
                    sink = self.folder / "sink"
                    self.assert_ok(self.copy(*more, path, sink))
                    self.assertGreater(sink.stat().st_size, 0)
        with open("/proc/version", "rb") as version:
            expected = version.read()
        self.assert_ok(self.copy("/proc/version", self.folder / "sink"))
        self.assert_content(self.folder / "sink", expected)
        self.assertEqual(self.assert_ok(self.copy("/proc/version", "-")).out, expected)

    def test_tty_is_a_device_too(self):
        import pty
        ours, theirs = pty.openpty()
        self.assert_ok(self.copy(self.file("source", b"hello\n"), os.ttyname(theirs)))
        self.assertEqual(os.read(ours, 100), b"hello\r\n")
        os.close(ours)
        os.close(theirs)


class FifoTest(Case):
    def setUp(self):
        super().setUp()
        self.fifo = self.folder / "fifo"
        os.mkfifo(self.fifo)
        self.data = payload(3 * MIB + 1)

    def assert_still_a_fifo(self):
        self.assertTrue(stat.S_ISFIFO(self.fifo.stat().st_mode))
        self.assert_nothing_temporary()

    def reader(self):
        """Reads the FIFO on a thread; calling the result gives the bytes."""
        found = []
        thread = threading.Thread(target=lambda: found.append(self.fifo.read_bytes()), daemon=True)
        thread.start()

        def result():
            thread.join(WATCHDOG_S)
            return found[0]
        return result

    def test_as_sink(self):
        read = self.reader()
        self.assert_ok(self.copy(self.file("source", self.data), self.fifo))
        self.assertTrue(read() == self.data)
        self.assert_still_a_fifo()

    def test_as_sink_that_waits_for_its_reader(self):
        running = self.start(self.file("source", self.data), self.fifo)
        read = self.reader()
        self.assert_ok(running.finish())
        self.assertTrue(read() == self.data)
        self.assert_still_a_fifo()

    def test_as_source(self):
        running = self.start(self.fifo, self.folder / "sink")
        self.fifo.write_bytes(self.data)
        self.assert_ok(running.finish())
        self.assert_content(self.folder / "sink", self.data)
        self.assert_still_a_fifo()

    def test_from_fifo_to_fifo(self):
        second = self.folder / "second"
        os.mkfifo(second)
        running = self.start(self.fifo, second)
        self.fifo, first = second, self.fifo
        read = self.reader()
        first.write_bytes(self.data)
        self.assert_ok(running.finish())
        self.assertTrue(read() == self.data)

    def test_timeout_while_nobody_is_at_the_other_end(self):
        source = self.file("source", self.data)
        self.assert_fails(self.copy("--timeout", "100ms", source, self.fifo), "--timeout")
        ended = self.copy("--timeout", "100ms", self.fifo, self.folder / "sink")
        self.assert_fails(ended, "--timeout")
        self.assertFalse((self.folder / "sink").exists())


if __name__ == "__main__":
    unittest.main()
