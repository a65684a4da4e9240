#!/usr/bin/env python3
"""File to file past the page cache: direct_io against dd with O_DIRECT, in alternating pairs.

    bench/direct_io.py build/bin/leat [--folder /tmp] [--size 1024] [--pairs 11]

dd first looks for its best block size (the best median of three runs each). Then both copy the same
cold file to a new one, in turn, who begins changing with each pair. Shown are the medians with
their spread (the median absolute deviation), the ratio of leat's rate to dd's with the middle half
of the pairs' ratios, leat's largest RssAnon, and what the copies left of either file in the page
cache (cachestat(2), Linux 6.5).
"""

import argparse
import ctypes
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

MIB = 1 << 20
CACHESTAT = 451  # its number in the kernel's table of calls common to all architectures


def cached_pages(path):
    libc = ctypes.CDLL(None, use_errno=True)
    counts = (ctypes.c_uint64 * 5)()
    whole = (ctypes.c_uint64 * 2)(0, 0)
    with open(path, "rb") as file:
        if libc.syscall(CACHESTAT, file.fileno(), whole, counts, 0) != 0:
            return None
    return counts[0]


def drop_cache(path):
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def anonymous_kib(pid):
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


class Bench:
    def __init__(self, program, folder, size):
        self.program = program
        self.source = folder / "source"
        self.sink = folder / "sink"
        self.size = size
        self.most_anonymous_kib = 0
        with open(self.source, "wb") as file:
            for _ in range(size // MIB):
                file.write(os.urandom(MIB))
            os.fsync(file.fileno())

    def timed(self, command, watch=False):
        self.sink.unlink(missing_ok=True)
        drop_cache(self.source)
        began = time.monotonic()
        process = subprocess.Popen(command, stderr=subprocess.PIPE)
        if watch:
            while process.poll() is None:
                self.most_anonymous_kib = max(self.most_anonymous_kib, anonymous_kib(process.pid))
                time.sleep(0.01)
        _, errors = process.communicate()
        seconds = time.monotonic() - began
        if process.returncode != 0:
            raise SystemExit(f"{command}: {errors.decode()}")
        if self.sink.stat().st_size != self.size:
            raise SystemExit(f"{command}: the copy is not whole")
        return seconds

    def dd(self, block):
        return self.timed(["dd", f"if={self.source}", f"of={self.sink}", f"bs={block}",
                           "iflag=direct", "oflag=direct"])

    def leat(self):
        return self.timed([self.program, "copy", "--quiet", "--mechanism", "direct_io",
                           str(self.source), str(self.sink)], watch=True)


def best_block_of_dd(bench, blocks):
    medians = {block: statistics.median(bench.dd(block) for _ in range(3)) for block in blocks}
    for block, seconds in medians.items():
        print(f"dd in blocks of {block}: {seconds:.3f} s", flush=True)
    return min(medians, key=medians.get)


def spread(values):
    middle = statistics.median(values)
    return statistics.median(abs(value - middle) for value in values)


def compare(bench, dd_block, pairs):
    took = {"dd": [], "leat": []}
    runs = {"dd": lambda: bench.dd(dd_block), "leat": bench.leat}
    source_before = cached_pages(bench.source)
    left = []
    for pair in range(pairs):
        for name in ("dd", "leat") if pair % 2 == 0 else ("leat", "dd"):
            took[name].append(runs[name]())
            if name == "leat":
                left.append((cached_pages(bench.source), cached_pages(bench.sink)))
    for name, times in took.items():
        rates = [bench.size / MIB / seconds for seconds in times]
        print(f"{name}: {statistics.median(times):.3f} s ± {spread(times):.3f}, "
              f"{statistics.median(rates):.0f} MiB/s")
    ratios = sorted(dd / leat for dd, leat in zip(took["dd"], took["leat"]))
    quarter = len(ratios) // 4
    print(f"rate of leat / rate of dd: {statistics.median(ratios):.3f} over {pairs} pairs, middle "
          f"half {ratios[quarter]:.3f} to {ratios[-1 - quarter]:.3f}; of the medians "
          f"{statistics.median(took['dd']) / statistics.median(took['leat']):.3f}")
    print(f"largest RssAnon of leat: {bench.most_anonymous_kib / 1024:.1f} MiB")
    if source_before is not None:
        print(f"cached pages of the source after leat: at most {max(one for one, _ in left)} "
              f"({source_before} before); of the sink: at most {max(two for _, two in left)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--folder", default="/tmp", help="on the file system to be measured")
    parser.add_argument("--size", type=int, default=1024, help="in MiB")
    parser.add_argument("--pairs", type=int, default=11)
    parser.add_argument("--dd-block", nargs="*",
                        default=["256K", "512K", "1M", "2M", "4M", "8M", "16M"])
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.2f} at the start, {os.uname().release}", flush=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        bench = Bench(options.program, pathlib.Path(folder), options.size * MIB)
        compare(bench, best_block_of_dd(bench, options.dd_block), options.pairs)
    print(f"load {os.getloadavg()[0]:.2f} at the end")


if __name__ == "__main__":
    main()
