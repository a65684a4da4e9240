"""docs/claims.md, and the script that writes figures into it, agree with the program."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from bench_program import PROGRAM, WATCHDOG_S

ROOT = pathlib.Path(os.environ.get("LEAT_SOURCE_DIR",
                                   pathlib.Path(__file__).resolve().parents[2]))
PAGE = ROOT / "docs" / "claims.md"
BEGIN = "<!-- figures: written by bench/claims_page.py -->"
END = "<!-- end of figures -->"


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.output = subprocess.run(
            [PROGRAM, "bench", "claims", "--size", "1MiB", "--pairs", "1", "--max-pairs", "1",
             "--json"], capture_output=True, text=True, timeout=WATCHDOG_S, check=True).stdout
        cls.claims = json.loads(cls.output)["claims"]

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.page = self.folder / "claims.md"
        shutil.copy(PAGE, self.page)
        self.json = self.folder / "claims.json"
        self.json.write_text(self.output)

    def write(self, check=True):
        return subprocess.run([sys.executable, ROOT / "bench/claims_page.py", self.json, self.page],
                              capture_output=True, text=True, timeout=WATCHDOG_S, check=check)

    def test_each_claim_has_a_row(self):
        self.write()
        block = self.page.read_text().partition(BEGIN)[2].partition(END)[0]
        rows = [line for line in block.splitlines() if line.startswith("| ")][2:]
        self.assertEqual([row.split(" | ")[0] for row in rows],
                         [f"| {claim['number']}" for claim in self.claims])
        for row in rows:
            self.assertEqual(row.count(" | "), 3, row)
            self.assertRegex(row, r"\| \*\*[a-z ]+\*\*: ")
        self.assertIn("bench claims --size 1MiB", block)
        self.assertIn(os.uname().release, block)

    def test_the_rest_of_the_page_stays(self):
        self.write()
        self.write()  # figures are replaced, not added
        before, _, rest = PAGE.read_text().partition(BEGIN)
        text = self.page.read_text()
        self.assertTrue(text.startswith(before + BEGIN + "\n"))
        self.assertTrue(text.endswith(END + rest.partition(END)[2]))
        self.assertEqual((text.count(BEGIN), text.count(END)), (1, 1))
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()),
                         ["claims.json", "claims.md"])

    def refuses(self, words):
        before = self.page.read_text()
        result = self.write(check=False)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertIn(words, result.stderr)
        self.assertEqual(self.page.read_text(), before)

    def test_foreign_json_is_refused(self):
        for text in ("", "[]", '{"host":{}}', '{"rows":[]}', "null"):
            self.json.write_text(text)
            self.refuses("not what `leat bench claims --json` prints")
        self.json.unlink()
        self.refuses("No such file")

    def test_a_page_without_its_markers_is_refused(self):
        for text in ("no markers\n", BEGIN + "\n", END + BEGIN, (BEGIN + END) * 2):
            self.page.write_text(text)
            self.refuses("markers")

    def test_the_page_explains_every_claim(self):
        text = PAGE.read_text()
        headings = "\n".join(line for line in text.splitlines() if line.startswith("## "))
        for claim in self.claims:
            self.assertRegex(headings, rf"\b{claim['number']}\. ")


if __name__ == "__main__":
    unittest.main()
