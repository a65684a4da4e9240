"""The bench against itself: scripts/bench self.

read_write is measured beside itself, RUNS times. Of 95 % intervals nineteen in twenty hold the
true ratio, which is 1; fewer than seventeen in twenty would mean that the interval is too narrow,
or that a row's place in the round matters.
"""

import argparse
import json
import math
import subprocess
import sys

LEAST_SHARE = 0.85
WATCHDOG_S = 600
# The block of the baseline itself: no others are tried first.
COMMAND = ["bench", "transfer", "--source", "file", "--sink", "tcp", "--mechanism", "read_write",
           "--block-size", "64KiB", "--json"]


def holds_one(ratio):
    return ratio["low"] <= 1 <= ratio["high"]


def least_held(runs):
    """How many of `runs` intervals have to hold 1."""
    return math.ceil(LEAST_SHARE * runs - 1e-9)


def row_of(report):
    """The baseline's repeat."""
    [row] = [row for row in report["rows"] if row["repeat"]]
    return row


def compare(leat, options):
    command = [leat, *COMMAND, "--size", options.size, "--pairs", str(options.pairs),
               "--max-pairs", str(options.max_pairs)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=WATCHDOG_S,
                            check=False)
    if result.returncode != 0:
        sys.exit(f"self: {result.stderr.strip()}")
    return row_of(json.loads(result.stdout))


def cell(ratio):
    mark = "" if holds_one(ratio) else "  not 1"
    return f"{ratio['ratio']:.3f} [{ratio['low']:.3f}-{ratio['high']:.3f}]{mark}"


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench self", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leat", required=True, help=argparse.SUPPRESS)
    parser.add_argument("runs", nargs="?", type=positive, default=20, help="how often (20)")
    parser.add_argument("--size", default="256MiB", help="of the file (256MiB)")
    parser.add_argument("--pairs", type=positive, default=11, help="rounds at least (11)")
    parser.add_argument("--max-pairs", type=positive, default=60, help="rounds at most (60)")
    return parser.parse_args()


def main():
    options = arguments()
    held = {"wall": 0, "cpu": 0}
    print(f"{'run':>3} {'rounds':>6}  {'wall to itself':<30} cpu to itself")
    for run in range(1, options.runs + 1):
        row = compare(options.leat, options)
        ratios = {key: row[f"{key}_vs_read_write"] for key in held}
        for key, ratio in ratios.items():
            held[key] += holds_one(ratio)
        print(f"{run:>3} {row['runs']:>6}  {cell(ratios['wall']):<30} {cell(ratios['cpu'])}"
              f"{'' if row['settled'] else '  not settled'}", flush=True)
    least = least_held(options.runs)
    met = min(held.values()) >= least
    print(f"intervals that contain 1: wall {held['wall']} of {options.runs}, cpu {held['cpu']} of "
          f"{options.runs}; at least {least} of each: {'met' if met else 'NOT MET'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
