"""scripts/test_report: no failure and no skip may be lost in its totals."""

import pathlib
import subprocess
import tempfile
import unittest

from source_text import plant, repository

GTEST_SKIP = """[ RUN      ] Card.Sends
/src/os/card_test.cc:5: Skipped
no card
here
[  SKIPPED ] Card.Sends (0 ms)
"""
GTEST_PASS = """[ RUN      ] A.B
[       OK ] A.B (0 ms)
"""


def ran(output, status="run", more=""):
    """A program of GoogleTest's, as ctest tells of it."""
    text = f"<system-out>{output}</system-out>"
    return f'<testcase name="os/1_of_4" status="{status}">{more}{text}</testcase>'


PASSED = ran(GTEST_PASS)


class Report(unittest.TestCase):
    """Method: hand it results as ctest writes them, read its last line and its exit status."""

    def report(self, *cases):
        with tempfile.TemporaryDirectory() as folder:
            text = f"<testsuite>{''.join(cases)}</testsuite>"
            path = plant(pathlib.Path(folder), "junit.xml", text)
            command = [repository() / "scripts/test_report", f"dev={path}"]
            done = subprocess.run(command, text=True, capture_output=True, check=False)
        lines = done.stdout.splitlines()
        self.assertTrue(lines[0].startswith("kernel: Linux "), done)
        return lines[-1], done.returncode, lines[1:-1]

    def test_a_pass(self):
        self.assertEqual(("1 passed, 0 failed, 0 skipped", 0, []), self.report(PASSED))

    def test_nothing_ran(self):
        self.assertEqual(("0 passed, 0 failed, 0 skipped", 1, []), self.report())

    def test_no_file(self):
        command = [repository() / "scripts/test_report", "dev=/nonexistent/junit.xml"]
        done = subprocess.run(command, text=True, capture_output=True, check=False)
        self.assertIn("0 passed, 1 failed, 0 skipped", done.stdout)
        self.assertEqual(1, done.returncode)

    def test_a_skip_names_its_reason(self):
        expected = ["skipped:", "  dev: os/1_of_4 Card.Sends: no card here"]
        skipped = ran(GTEST_SKIP)
        self.assertEqual(("0 passed, 0 failed, 1 skipped", 1, expected), self.report(skipped))
        both = ran(GTEST_PASS + GTEST_SKIP + "[  SKIPPED ] 1 test, listed below:\n")
        self.assertEqual(("1 passed, 0 failed, 1 skipped", 0, expected), self.report(both))

    def test_a_case_that_failed_has_its_reason_and_the_others_their_verdicts(self):
        case = """[ RUN      ] Card.Gets
/src/os/card_test.cc:9: Failure
Expected: 1
[  FAILED  ] Card.Gets, where GetParam() = 3 (0 ms)
"""
        expected = ["failed:", "  dev: os/1_of_4 Card.Gets: Expected: 1"]
        failed = ran(case + GTEST_PASS, "fail", '<failure message=""/>')
        self.assertEqual(("1 passed, 1 failed, 0 skipped", 1, expected), self.report(failed))

    def test_the_case_that_ended_its_program_failed(self):
        expected = ["failed:", "  dev: os/1_of_4 A.C"]
        died = ran(GTEST_PASS + "[ RUN      ] A.C\n", "fail", '<failure message="SEGFAULT"/>')
        self.assertEqual(("1 passed, 1 failed, 0 skipped", 1, expected), self.report(died))

    def test_a_program_that_dies_after_its_cases_failed(self):
        expected = ["failed:", "  dev: os/1_of_4: SEGFAULT"]
        died = ran(GTEST_PASS, "fail", '<failure message="SEGFAULT"/>')
        self.assertEqual(("1 passed, 1 failed, 0 skipped", 1, expected), self.report(died))

    def test_what_googletest_writes_itself(self):
        place = "/src/os/card_test.cc:5&#x0A;"
        cases = (
            '<testcase name="Works" status="run" result="completed" classname="Card"/>',
            '<testcase name="Sends" status="run" result="skipped" classname="Card">'
            f'<skipped message="{place}no card&#x0A;here"/></testcase>',
            '<testcase name="Gets" status="run" result="completed" classname="Card">'
            f'<failure message="{place}Expected: 1"/></testcase>',
        )
        expected = ["skipped:", "  dev: Card.Sends: no card here"]
        expected += ["failed:", "  dev: Card.Gets: Expected: 1"]
        self.assertEqual(("1 passed, 1 failed, 1 skipped", 1, expected), self.report(*cases))

    def test_a_failure(self):
        fail = '<testcase name="os/A.C" status="fail"><failure message="Timeout"/></testcase>'
        expected = ["failed:", "  dev: os/A.C: Timeout"]
        self.assertEqual(("1 passed, 1 failed, 0 skipped", 1, expected), self.report(PASSED, fail))

    def test_the_cases_of_a_script_count_one_by_one(self):
        cases = "[    OK    ] A.a\n[ SKIPPED  ] A.b: no root: none\n[ SKIPPED  ] A.c\n"
        script = '<testcase name="t/a_test" status="run">'
        script += f"<system-out>{cases}</system-out></testcase>"
        expected = ["skipped:", "  dev: t/a_test A.b: no root: none",
                    "  dev: t/a_test A.c: no reason given"]  # fmt: skip
        self.assertEqual(("1 passed, 0 failed, 2 skipped", 0, expected), self.report(script))

    def test_a_script_that_died_failed(self):
        script = '<testcase name="t/a_test" status="fail"><failure message="SEGFAULT"/>'
        script += "<system-out>[    OK    ] A.a\n</system-out></testcase>"
        expected = ["failed:", "  dev: t/a_test: SEGFAULT"]
        self.assertEqual(("1 passed, 1 failed, 0 skipped", 1, expected), self.report(script))


class RunUnittest(unittest.TestCase):
    """Goal: run_unittest.py tells a pass, a failure and a skip by its exit status."""

    def status(self, *lines):
        text = "import unittest\nclass A(unittest.TestCase):\n"
        text += "".join(f"    {line}\n" for line in lines)
        with tempfile.TemporaryDirectory() as folder:
            script = plant(pathlib.Path(folder), "a_test.py", text)
            runner = repository() / "tests/support/run_unittest.py"
            done = subprocess.run(
                ["python3", runner, script], text=True, capture_output=True, check=False
            )
        return done.returncode, done.stdout.splitlines()

    def test_statuses(self):
        passes = "def test_a(self): pass"
        skips = 'def test_b(self): self.skipTest("why")'
        fails = "def test_c(self): self.fail()"
        self.assertEqual((0, ["[    OK    ] A.test_a"]), self.status(passes))
        self.assertEqual((77, ["[ SKIPPED  ] A.test_b: why"]), self.status(skips))
        self.assertEqual(0, self.status(passes, skips)[0])
        self.assertEqual((1, ["[  FAILED  ] A.test_c"]), self.status(fails))
        self.assertEqual(1, self.status(passes, skips, fails)[0])
        self.assertEqual((1, []), self.status("pass"))

    def test_a_whole_script_or_class_that_skips(self):
        setup = '@classmethod\n    def setUpClass(cls): raise unittest.SkipTest("no root")'
        status, lines = self.status(setup, "def test_a(self): pass")
        self.assertEqual(77, status)
        self.assertEqual(["[ SKIPPED  ] A: no root"], lines)


if __name__ == "__main__":
    unittest.main()
