"""What the tests of the program share: running it with a watchdog, and looking at what it left."""

import json
import os
import pathlib
import random
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

PROGRAM = os.environ.get("LEAT_PROGRAM")
if not PROGRAM:
    raise unittest.SkipTest("LEAT_PROGRAM names no program: it was not built")

WATCHDOG_S = 60
NOBODY = 65534
KIB = 1024
MIB = 1024 * 1024


def payload(size, seed=1):
    """Bytes in which a block that is lost, doubled or out of order shows."""
    return random.Random(seed).randbytes(size)


def wait_until(condition, what):
    """Returns the first true value of `condition()`; fails after the watchdog's time."""
    end = time.monotonic() + WATCHDOG_S
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        select.select([], [], [], 0.005)
    raise AssertionError(f"waited {WATCHDOG_S} s for {what}")


def closed_port():
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


class Running:
    """A started `leat copy`. Signals are as in a terminal, whatever started the tests."""

    def __init__(self, args, **more):
        def usual_signals():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)

        more.setdefault("stdin", subprocess.DEVNULL)
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("preexec_fn", usual_signals)
        self.args = [str(arg) for arg in args]
        self.process = subprocess.Popen([PROGRAM, "copy", *self.args], stderr=subprocess.PIPE,
                                        bufsize=0, **more)
        self.pid = self.process.pid
        self.endpoint = None

    def finish(self, data=None):
        """Waits for its end; adds .status, .out, .err (text)."""
        out, err = self.process.communicate(data, timeout=WATCHDOG_S)
        self.status, self.out, self.err = self.process.returncode, out, err.decode()
        return self

    def wait_for_listening(self):
        """Reads the line that says where it listens; sets .endpoint to what a peer connects to."""
        line = self.process.stderr.readline().decode()
        if not line.startswith("{"):
            raise AssertionError(f"{self.args}: {line!r}")
        self.endpoint = json.loads(line)["listening"].replace("-listen://", "://")
        return self

    @property
    def receipt(self):
        return json.loads(self.err.splitlines()[-1])

    def fill_and_drain(self, data):
        """Writes `data` to its standard input and returns when the program has taken it."""
        import fcntl
        import struct
        import termios

        self.process.stdin.write(data)
        self.process.stdin.flush()

        def taken():
            left = fcntl.ioctl(self.process.stdin.fileno(), termios.FIONREAD, b"\0" * 4)
            return struct.unpack("i", left)[0] == 0

        wait_until(taken, "the program to read its input")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                stream.close()


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="leat-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)

    def start(self, *args, **more):
        running = Running(args, **more)
        self.addCleanup(running.kill)
        return running

    def copy(self, *args, data=None, **more):
        """Runs `leat copy ARGS` to its end."""
        if data is not None:
            more["stdin"] = subprocess.PIPE
        return self.start(*args, **more).finish(data)

    def listen(self, sink, *args, host="127.0.0.1"):
        """A receiver on a free port, ready to be connected to."""
        return self.start("--json", *args, f"tcp-listen://{host}:0", sink).wait_for_listening()

    def as_nobody(self):
        """Popen's words for an unprivileged user. The program may lie where nobody reaches it."""
        if os.geteuid() != 0:
            return {}
        program = self.folder / "program"
        shutil.copy(PROGRAM, program)
        program.chmod(0o755)
        return {"user": NOBODY, "group": NOBODY, "extra_groups": [], "executable": program}

    def file(self, name, data=b""):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def big_file(self, name="source", size=3 * MIB + 4097):
        return self.file(name, payload(size))

    def assert_ok(self, ended):
        self.assertEqual(ended.status, 0, ended.err)
        return ended

    def assert_fails(self, ended, *words, status=1):
        """One line on standard error that holds each of `words`; nothing temporary left."""
        self.assertEqual(ended.status, status, ended.err)
        self.assertEqual(ended.err.count("\n"), 1, ended.err)
        self.assertTrue(ended.err.startswith("leat copy: "), ended.err)
        for word in words:
            self.assertIn(word, ended.err)
        self.assert_nothing_temporary()
        return ended

    def assert_nothing_temporary(self, folder=None):
        left = [path.name for path in (folder or self.folder).rglob(".leat-*")]
        self.assertEqual(left, [])

    def assert_content(self, path, data):
        found = pathlib.Path(path).read_bytes()
        self.assertEqual(len(found), len(data))
        self.assertTrue(found == data, f"{path} differs")
        self.assert_nothing_temporary()


class Server:
    """A foreign peer: `serve(connection)` runs on a thread for one accepted connection."""

    def __init__(self, case, serve, family=socket.AF_INET, address=("127.0.0.1", 0)):
        self.listener = socket.socket(family)
        self.listener.bind(address)
        self.listener.listen(1)
        self.listener.settimeout(WATCHDOG_S)
        self.result = None
        self.thread = threading.Thread(target=self._run, args=(serve,), daemon=True)
        self.thread.start()
        case.addCleanup(self.listener.close)

    def _run(self, serve):
        connection, _ = self.listener.accept()
        connection.settimeout(WATCHDOG_S)
        with connection:
            self.result = serve(connection)

    @property
    def endpoint(self):
        host, port = self.listener.getsockname()[:2]
        return f"tcp://{host}:{port}"

    def join(self):
        self.thread.join(WATCHDOG_S)
        if self.thread.is_alive():
            raise AssertionError("the foreign peer hangs")
        return self.result


def read_all(connection):
    parts = []
    while True:
        part = connection.recv(256 * KIB)
        if not part:
            return b"".join(parts)
        parts.append(part)
