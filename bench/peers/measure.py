"""One run of one command: its wall time, and the CPU time of all its processes."""

import dataclasses
import pathlib
import resource
import statistics
import subprocess
import time

TIMEOUT_S = 120


@dataclasses.dataclass
class Sample:
    wall_s: float
    cpu_s: float


class PeerFailed(Exception):
    """A command that did not do its work; the text is one line."""


def children_cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(command, **options):
    """Runs `command` to its end. Its CPU time is that of the processes it waited for, too."""
    cpu = children_cpu()
    began = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, **options)
    try:
        said = process.communicate(timeout=TIMEOUT_S)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise PeerFailed(f"{command[0]} did not end within {TIMEOUT_S} s") from None
    wall = time.monotonic() - began
    if process.returncode != 0:
        last = said.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise PeerFailed(f"{command[0]} ended with {process.returncode}: {last[0]}")
    return Sample(wall, children_cpu() - cpu)


def process_cpu(pids):
    """Seconds that the threads of running processes have been on a processor."""
    total = 0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def interval_of_median(values):
    """The 95 % interval by order statistics: no assumption about how the values are spread."""
    ordered = sorted(values)
    n = len(ordered)
    reach = 0.98 * n ** 0.5
    low = max(0, int(n / 2 - reach))
    high = min(n - 1, int(n / 2 + reach + 0.5))
    return statistics.median(ordered), ordered[low], ordered[high]


def ratio(samples, baseline, value):
    """Of the runs of the same rounds."""
    return interval_of_median([value(one) / value(other) for one, other in zip(samples, baseline)])


def is_settled(estimate, half_width=0.07):
    middle, low, high = estimate
    return low >= middle * (1 - half_width) and high <= middle * (1 + half_width)
