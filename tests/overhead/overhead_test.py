"""What leat adds to one system call on a kept Connection: no call, no allocation, few instructions.

Goal: a server has no reason to bypass the library. Method: bench/transfer_overhead runs N and 2N
transfers of one case; what N more of them cost is exact, since start-up cancels out. System calls
are counted by strace, user instructions by callgrind; both are the same in every run. Nanoseconds
are not: the bench prints them.
"""

import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

WATCHDOG_S = 100
COUNT = 64  # a multiple of each case's batch
EXTRA_INSTRUCTIONS = {"transfer": 600, "steps": 900}
EXTRA_OF_A_MESSAGE = 250
CASES = [f"{kind}_{way}" for kind in ("memory", "file") for way in ("transfer", "steps")]
SOCKETS = ("tcp", "unix")

PROGRAM = pathlib.Path(os.environ.get("LEAT_BUILD_DIR", ".")) / "bench" / "transfer_overhead"


def setUpModule():
    if os.environ.get("LEAT_SANITIZE"):
        raise unittest.SkipTest("a sanitizer's instructions are not leat's")
    if not PROGRAM.exists():
        raise unittest.SkipTest(f"{PROGRAM.name} is not built: it needs LEAT_BENCH=ON")


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=WATCHDOG_S,
                            check=False)
    if result.returncode != 0:
        raise AssertionError(f"{command}: {result.stderr}{result.stdout}")
    return result


def program(case, count, *arguments):
    return [str(PROGRAM), "--case", case, "--count", str(count), *arguments]


def calls_of(case, count, *arguments):
    """How often each system call is made, by name."""
    with tempfile.TemporaryDirectory() as folder:
        trace = pathlib.Path(folder) / "trace"
        run("strace", "-qq", "-o", str(trace), *program(case, count, *arguments))
        names = re.findall(r"^(\w+)\(", trace.read_text(), re.MULTILINE)
    return collections.Counter(names)


def calls_per_count(case, *arguments):
    """The system calls of COUNT transfers."""
    more = calls_of(case, 2 * COUNT, *arguments)
    more.subtract(calls_of(case, COUNT, *arguments))
    return {name: count for name, count in more.items() if count}


def instructions(case, count, *arguments):
    """User instructions of the sending process; the receiver, a fork, has a profile of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/%p",
                   *program(case, count, *arguments)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True) as process:
            output, _ = process.communicate(timeout=WATCHDOG_S)
        if process.returncode != 0:
            raise AssertionError(f"{command}: {output}")
        profile = (pathlib.Path(folder) / str(process.pid)).read_text()
        return int(re.search(r"^(?:summary|totals): (\d+)", profile, re.MULTILINE).group(1))


def instructions_per_transfer(case, *arguments):
    more = instructions(case, 2 * COUNT, *arguments)
    return (more - instructions(case, COUNT, *arguments)) / COUNT


def hand(case):
    return case.split("_")[0] + "_hand"


class Allocations(unittest.TestCase):
    def test_none_in_steady_state(self):
        for socket in SOCKETS:
            for case in CASES:
                with self.subTest(case=case, socket=socket):
                    output = run(*program(case, COUNT, "--socket", socket)).stdout
                    self.assertEqual(json.loads(output)["allocations"], 0)


@unittest.skipUnless(shutil.which("strace"), "strace is not installed")
class SystemCalls(unittest.TestCase):
    def test_the_same_as_by_hand_with_sigpipe_ignored(self):
        for socket in SOCKETS:
            for case in CASES:
                with self.subTest(case=case, socket=socket):
                    self.assertEqual(calls_per_count(case, "--socket", socket),
                                     calls_per_count(hand(case), "--socket", socket))

    def test_the_hand_written_loop_makes_one_call_a_transfer(self):
        """Else the comparison above would compare nothing."""
        self.assertEqual(calls_per_count("memory_hand")["sendto"], COUNT)
        self.assertEqual(calls_per_count("file_hand")["sendfile"], COUNT)

    def test_the_guard_costs_calls_only_where_it_is_needed(self):
        # send has MSG_NOSIGNAL; sendfile has nothing of the kind.
        self.assertEqual(calls_per_count("memory_transfer", "--guarded"),
                         calls_per_count("memory_hand"))
        guarded = calls_per_count("file_transfer", "--guarded")
        print("guarded sendfile:", {name: count / COUNT for name, count in guarded.items()})
        self.assertEqual(guarded["sendfile"], COUNT)
        signal_calls = {name: count for name, count in guarded.items() if name.startswith("rt_sig")}
        self.assertTrue(signal_calls)
        plain = calls_per_count("file_hand")
        self.assertEqual({name: count for name, count in guarded.items()
                          if name not in signal_calls}, plain)


@unittest.skipUnless(shutil.which("valgrind"), "valgrind is not installed")
class Instructions(unittest.TestCase):
    def test_few_more_than_by_hand(self):
        for kind in ("memory", "file"):
            by_hand = instructions_per_transfer(f"{kind}_hand")
            for way, limit in EXTRA_INSTRUCTIONS.items():
                if kind == "memory" and way == "transfer":
                    limit = EXTRA_OF_A_MESSAGE
                with self.subTest(kind=kind, way=way):
                    more = instructions_per_transfer(f"{kind}_{way}") - by_hand
                    print(f"{kind}_{way}: {more:.0f} user instructions more than by hand")
                    self.assertLessEqual(more, limit)


if __name__ == "__main__":
    unittest.main()
