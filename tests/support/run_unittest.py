"""Runs one unittest script for ctest, so that no skip looks like a pass.

usage: run_unittest.py SCRIPT

Prints a line for each case in the manner of GoogleTest ("[       OK ] Class.name", "[  SKIPPED ]
Class.name: reason"), which scripts/test counts. Exit status: 0 passed, 1 failed or nothing to run,
77 every case was skipped.
"""

import importlib.util
import pathlib
import sys
import unittest

SKIPPED = 77


class Result(unittest.TextTestResult):
    """Adds one line a case on standard output; tracebacks go to standard error as usual."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.passed = 0
        # A subtest's failure is reported before its case's stopTest, and no addSuccess follows.
        self.failed_subtests = set()

    def _say(self, verdict, test, reason=""):
        # "script.Class.case", "script.Class.case (subtest)", or "setUpClass (script.Class)".
        words = test.id().split()
        holder = words[0] in ("setUpClass", "tearDownClass", "setUpModule", "tearDownModule")
        name = words[1].strip("()") if holder else words[0]
        name = name.removeprefix(f"{pathlib.Path(sys.argv[1]).stem}.")
        print(f"[{verdict:^10}] {name}{': ' if reason else ''}{reason}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1
        self._say("OK", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._say("SKIPPED", test, " ".join(reason.split()))

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._say("FAILED", test)

    def addError(self, test, err):
        super().addError(test, err)
        self._say("FAILED", test)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None and test.id() not in self.failed_subtests:
            self.failed_subtests.add(test.id())
            self._say("FAILED", test)


def load(script):
    """The script as a module that can import its neighbours."""
    sys.path.insert(0, str(script.parent))
    spec = importlib.util.spec_from_file_location(script.stem, script)
    module = importlib.util.module_from_spec(spec)
    sys.modules[script.stem] = module
    spec.loader.exec_module(module)
    return module


def main():
    sys.dont_write_bytecode = True
    script = pathlib.Path(sys.argv[1]).resolve()
    try:
        module = load(script)
    except unittest.SkipTest as skip:
        print(f"[  SKIPPED ] {script.stem}: {skip}")
        return SKIPPED
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    runner = unittest.TextTestRunner(resultclass=Result, verbosity=0)
    result = runner.run(suite)
    if not result.wasSuccessful():
        return 1
    if result.passed:
        return 0
    return SKIPPED if result.skipped else 1


if __name__ == "__main__":
    sys.exit(main())
