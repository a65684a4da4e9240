"""`scripts/bench self`: counts the intervals that contain 1, and fails when too few do."""

import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import unittest

from bench_program import PROGRAM, WATCHDOG_S

SCRIPT = (pathlib.Path(os.environ.get("LEAT_SOURCE_DIR", ".")) / "bench" / "self_comparison.py")


def compare(leat, *arguments):
    return subprocess.run([sys.executable, SCRIPT, "--leat", leat, *arguments],
                          capture_output=True, text=True, timeout=WATCHDOG_S, check=False)


class WithTheProgram(unittest.TestCase):
    def test_prints_a_line_a_run_and_the_sum(self):
        result = compare(PROGRAM, "2", "--size", "1MiB", "--pairs", "2", "--max-pairs", "2")
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = result.stdout.splitlines()
        self.assertEqual(len(lines), 4)
        # Two pairs have no interval: it is as wide as can be, and contains 1.
        self.assertIn("wall 2 of 2, cpu 2 of 2; at least 2 of each: met", lines[-1])

    def test_the_programs_error_is_passed_on(self):
        result = compare(PROGRAM, "1", "--size", "a lot")
        self.assertEqual(result.returncode, 1)
        self.assertIn("not a size", result.stderr)


class Counting(unittest.TestCase):
    """With a program that says what it is told to."""

    def results(self, runs, low):
        row = ('{"repeat":true,"runs":11,"settled":true,'
               f'"wall_vs_read_write":{{"ratio":1.05,"low":{low},"high":1.1}},'
               '"cpu_vs_read_write":{"ratio":1,"low":0.9,"high":1.1}}')
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder, "leat")
            program.write_text(f"#!/bin/sh\necho '{{\"rows\":[{row}]}}'\n")
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
            return compare(program, str(runs))

    def test_enough_contain_one(self):
        result = self.results(20, 0.99)
        self.assertEqual(result.returncode, 0)
        self.assertIn("wall 20 of 20, cpu 20 of 20; at least 17 of each: met", result.stdout)

    def test_too_few_contain_one(self):
        result = self.results(20, 1.01)
        self.assertEqual(result.returncode, 1)
        self.assertIn("wall 0 of 20, cpu 20 of 20; at least 17 of each: NOT MET", result.stdout)


if __name__ == "__main__":
    unittest.main()
