"""Goal: manual pages and completions know every option of `leat copy`, and name none that is gone.
Method: the options are taken from `leat copy --help`."""

import os
import pathlib
import re
import shutil
import subprocess
import unittest

from program import PROGRAM, WATCHDOG_S

ROOT = pathlib.Path(os.environ.get("LEAT_SOURCE_DIR",
                                   pathlib.Path(__file__).resolve().parents[2]))
COMPLETIONS = ROOT / "packaging" / "completions"


def options_of_copy():
    text = subprocess.run([PROGRAM, "copy", "--help"], capture_output=True, text=True,
                          timeout=WATCHDOG_S).stdout
    # Those in the list, where a line begins with them; not those in prose.
    return set(re.findall(r"^  (?:-h,)?--([a-z-]+)", text, re.MULTILINE))


class DocumentsTest(unittest.TestCase):
    def setUp(self):
        self.options = options_of_copy()
        self.assertIn("mechanism", self.options)

    def test_manual(self):
        text = (ROOT / "docs/man/leat-copy.1").read_text().replace("\\-", "-")
        described = set(re.findall(r"^\.B[IR]? --([a-z-]+)", text, re.MULTILINE))
        self.assertEqual(described, self.options - {"help"})

    def test_manual_is_well_formed(self):
        if not shutil.which("groff"):
            self.skipTest("needs groff")
        for page in (ROOT / "docs/man").glob("*.1"):
            ended = subprocess.run(["groff", "-man", "-Tascii", "-ww", "-z", page],
                                   capture_output=True, text=True, timeout=WATCHDOG_S)
            self.assertEqual((ended.returncode, ended.stderr), (0, ""), page.name)

    def test_zsh_and_fish(self):
        text = (COMPLETIONS / "_leat").read_text()
        zsh = set(re.findall(r"'(?:\([a-z-]+\))?--([a-z-]+)\[", text))
        self.assertEqual(zsh - {"version"}, self.options)
        fish = set(re.findall(r" -l ([a-z-]+)", (COMPLETIONS / "leat.fish").read_text()))
        self.assertEqual(fish - {"version"}, self.options)

    def complete(self, *words):
        script = ('source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _leat; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        ended = subprocess.run(["bash", "-c", script, COMPLETIONS / "leat.bash", PROGRAM, *words],
                               capture_output=True, text=True, timeout=WATCHDOG_S)
        self.assertEqual(ended.stderr, "")
        return set(ended.stdout.split())

    def test_bash(self):
        if not shutil.which("bash"):
            self.skipTest("needs bash")
        self.assertIn("copy", self.complete("c"))
        self.assertLessEqual({"--" + option for option in self.options},
                             self.complete("copy", "--"))
        self.assertEqual(self.complete("copy", "--durable", ""), {"data", "full"})
        self.assertIn("tcp-listen://", self.complete("copy", "tcp"))


if __name__ == "__main__":
    unittest.main()
