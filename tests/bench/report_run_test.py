"""`scripts/bench report`: the whole run, made tiny, and what it does where something fails."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from bench_program import PROGRAM

SOURCE = pathlib.Path(os.environ.get("LEAT_SOURCE_DIR", "."))
WATCHDOG_S = 110
QUICK = ["file-tcp", "file-pipe", "memory-tcp"]


def report(folder, *arguments, leat=PROGRAM):
    command = [sys.executable, SOURCE / "bench/report/main.py", "--leat", leat, folder, "--trial",
               *arguments]
    return subprocess.run(list(map(str, command)), cwd=SOURCE, capture_output=True, text=True,
                          timeout=WATCHDOG_S, check=False)


class Report(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name) / "results"

    def files(self):
        return sorted(path.name for path in self.folder.iterdir())

    def test_makes_all_files_and_a_second_run_replaces_them(self):
        for _ in range(2):
            done = report(self.folder, "--only", *QUICK)
            self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
            self.assertEqual(self.files(), sorted(
                [f"{name}.{kind}" for name in QUICK for kind in ("json", "txt")] +
                ["README.md", "report.html", "transfer.svg"]))
        rows = json.loads((self.folder / "file-tcp.json").read_text())["rows"]
        self.assertEqual({row["size"] for row in rows}, {1 << 20})
        page = (self.folder / "report.html").read_text()
        self.assertEqual(page.count("<h2 "), len(QUICK))
        index = (self.folder / "README.md").read_text()
        self.assertIn("not measured: left out", index)
        for name in QUICK:
            self.assertIn(f"[{name}.json]({name}.json)", index)

    def test_what_fails_is_named_and_leaves_nothing_old(self):
        self.assertEqual(report(self.folder, "--only", *QUICK).returncode, 0)
        wrapper = self.folder.parent / "leat"
        wrapper.write_text(f'#!/bin/sh\ncase "$*" in *"--sink pipe"*) echo "no pipes today" >&2; '
                           f'exit 1 ;; esac\nexec {PROGRAM} "$@"\n')
        wrapper.chmod(0o755)
        done = report(self.folder, "--only", *QUICK, leat=wrapper)
        self.assertEqual(done.returncode, 1)
        self.assertIn("not measured: no pipes today", done.stdout)
        self.assertNotIn("file-pipe.json", self.files())
        self.assertIn("no pipes today", (self.folder / "README.md").read_text())
        self.assertEqual((self.folder / "report.html").read_text().count("<h2 "), 2)


if __name__ == "__main__":
    unittest.main()
