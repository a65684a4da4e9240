"""What the tests of `leat bench transfer` share: running it small, with a watchdog."""

import os
import pathlib
import subprocess
import unittest

PROGRAM = os.environ.get("LEAT_PROGRAM")
if not PROGRAM:
    raise unittest.SkipTest("LEAT_PROGRAM is not set: the program was not built")

WATCHDOG_S = 100
SIZE = (4 << 20) + 3


def bench(*arguments, check=None, **more):
    result = subprocess.run([PROGRAM, "bench", "transfer", *arguments], capture_output=True,
                            text=True, timeout=WATCHDOG_S, check=False, **more)
    if check is not None and result.returncode != check:
        raise AssertionError(f"status {result.returncode}: {result.stderr}{result.stdout}")
    return result


def small(*arguments, pairs=2):
    return ["--size", str(SIZE), "--pairs", str(pairs), "--max-pairs", str(pairs), *arguments]


def why_no_veth(**more):
    """The bench's own words if it cannot make a veth pair here, or nothing."""
    result = bench("--size", "1", "--pairs", "1", "--max-pairs", "1", "--sink", "tcp",
                   "--path", "veth", "--mechanism", "read_write", **more)
    return "" if result.returncode == 0 else result.stderr.strip()


def network_devices():
    """Those of the namespace that the tests run in."""
    return set(os.listdir("/sys/class/net"))


def processes_with(argument):
    """Processes whose command line holds `argument`: the bench and its forks."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if argument.encode() in command:
            found.append(int(folder.name))
    return found
