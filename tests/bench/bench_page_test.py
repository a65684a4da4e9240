"""`--json=FILE`, `--html FILE` and `leat bench page`, and the page as a browser sees it."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from bench_program import PROGRAM, WATCHDOG_S, bench

SCRATCH = tempfile.TemporaryDirectory()
unittest.addModuleCleanup(SCRATCH.cleanup)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def page(*arguments):
    return subprocess.run([PROGRAM, "bench", "page", *map(str, arguments)], capture_output=True,
                          text=True, timeout=WATCHDOG_S, check=False)


class Results(unittest.TestCase):
    """One small run serves all cases of all classes."""
    text = ""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(SCRATCH.name)
        cls.json, cls.html = cls.folder / "kept.json", cls.folder / "kept.html"
        # Fewer pairs have no intervals to draw.
        Results.text = Results.text or bench(
            "--sink", "tcp", "--size", "64", "256KiB", "1MiB", "--pairs", "7", "--max-pairs", "7",
            "--mechanism", "sendfile", "splice", "auto", f"--json={cls.json}", "--html",
            str(cls.html), check=0).stdout


class Files(Results):
    def test_tables_are_printed_and_json_is_kept(self):
        self.assertIn("where it goes", self.text)
        sizes = {row["size"] for row in json.loads(self.json.read_text())["rows"]}
        self.assertLessEqual({64, 1 << 20}, sizes)

    def test_kept_results_give_the_same_page(self):
        again = self.folder / "again.html"
        result = page(self.json, "--html", again)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(again.read_text(), self.html.read_text())

    def test_several_results_and_a_picture(self):
        both, picture = self.folder / "both.html", self.folder / "picture.svg"
        self.assertEqual(page(self.json, self.json, "--html", both, "--svg", picture).returncode, 0)
        self.assertEqual(both.read_text().count("<h2 "), 2 * self.html.read_text().count("<h2 "))
        self.assertTrue(picture.read_text().startswith("<svg "))

    def test_needs_nothing_from_elsewhere(self):
        text = self.html.read_text()
        for word in ("http://", "https://", "<script", "@import", "url(", "src="):
            self.assertTrue(word not in text, word)


class Refused(Results):
    """One clear line, and nothing half-written."""

    def expect(self, status, word, *arguments):
        out = self.folder / "refused.html"
        out.write_text("before")
        result = page(*arguments, "--html", out)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertIn(word, result.stderr)
        self.assertEqual(out.read_text(), "before")

    def test_no_such_file(self):
        self.expect(1, "/nonexistent", "/nonexistent")

    def test_a_folder(self):
        self.expect(1, "is no file", self.folder)

    def test_not_json(self):
        self.expect(1, "is not JSON", self.html)

    def test_foreign_json_beside_a_result(self):
        foreign = self.folder / "foreign.json"
        foreign.write_text('{"rows": {}}')
        self.expect(1, "foreign.json: is no result", self.json, foreign)

    def test_no_output(self):
        result = page(self.json)
        self.assertEqual(result.returncode, 2)
        self.assertIn("--html", result.stderr)

    def test_a_path_that_cannot_be_written_is_told_before_the_runs(self):
        for option in ("--json=/nonexistent/x", "--html=/nonexistent/x"):
            result = bench("--size", "64MiB", "--pairs", "1000", "--max-pairs", "1000", option)
            self.assertEqual(result.returncode, 1)
            self.assertIn("/nonexistent", result.stderr)
            self.assertEqual(result.stdout, "")


class Browser(Results):
    """The page as headless Chromium lays it out."""

    @classmethod
    def setUpClass(cls):
        cls.browser = next(filter(None, map(shutil.which, BROWSERS)), None)
        if not cls.browser:
            raise unittest.SkipTest("no Chromium here: scripts/bootstrap browser installs it")
        super().setUpClass()

    def run_browser(self, file, *options):
        with tempfile.TemporaryDirectory() as profile:
            command = [self.browser, "--headless", "--disable-gpu", "--no-first-run",
                       f"--user-data-dir={profile}", "--enable-logging=stderr", *options]
            if os.geteuid() == 0:
                command.append("--no-sandbox")  # it refuses to run as root with one
            return subprocess.run([*command, file.as_uri()], capture_output=True, text=True,
                                  timeout=WATCHDOG_S, check=True)

    def test_charts_are_in_the_document_and_the_console_is_silent(self):
        seen = self.run_browser(self.html, "--dump-dom")
        for part in ("<svg", "<polyline", "class=\"whisker\"", "<table", "<details", "figcaption"):
            self.assertTrue(part in seen.stdout, part)  # not assertIn: it would print the page
        self.assertEqual(seen.stdout.count("<svg"), self.html.read_text().count("<svg"))
        self.assertEqual(re.findall(r".*CONSOLE.*", seen.stderr), [])

    def measured(self, width, text=None):
        """The page with a script that says what sticks out, opened at this width."""
        text = text or self.html.read_text()
        probe = """<script>
          for (const fold of document.querySelectorAll('details')) fold.open = true;
          const out = [];
          const edge = document.documentElement.clientWidth + 0.5;
          if (document.documentElement.scrollWidth > edge) out.push('the page scrolls sideways');
          for (const svg of document.querySelectorAll('svg')) {
            const frame = svg.getBoundingClientRect();
            const boxes = [...svg.querySelectorAll('text')].map(
              text => [text.textContent, text.getBoundingClientRect()]);
            boxes.forEach(([name, box], index) => {
              if (box.left < frame.left - 1 || box.right > frame.right + 1 ||
                  box.bottom > frame.bottom + 3) out.push('cut off: ' + name);
              for (const [other, its] of boxes.slice(index + 1))
                if (box.left < its.right - 1 && its.left < box.right - 1 &&
                    box.top < its.bottom - 4 && its.top < box.bottom - 4)
                  out.push('overlap: ' + name + ' and ' + other);
            });
          }
          document.body.textContent = 'WIDTH ' + innerWidth + ' FOUND ' + out.join(' | ') + ' END';
        </script></body>"""
        file = self.folder / "probe.html"
        # In a frame, since a window has a least width of its own.
        file.write_text(text.replace("</body>", probe))
        frame = self.folder / "frame.html"
        frame.write_text(f"""<body><iframe src="probe.html" width="{width}" height="800"
          style="border:0"></iframe><script>onload = () => {{
          document.body.dataset.seen = frames[0].document.body.textContent; }}</script></body>""")
        seen = self.run_browser(frame, "--allow-file-access-from-files", "--dump-dom").stdout
        return re.search(r"WIDTH (\d+) FOUND (.*?) END", seen, re.S)

    def test_nothing_is_cut_off_or_overlaps(self):
        for width in (400, 1200):
            with self.subTest(width=width):
                seen = self.measured(width)
                self.assertIsNotNone(seen, "the probe said nothing")
                self.assertEqual((int(seen[1]), seen[2]), (width, ""))

    def test_nothing_of_the_picture_is_cut_off(self):
        picture = self.folder / "cut.svg"
        self.assertEqual(page(self.json, "--svg", picture).returncode, 0)
        seen = self.measured(700, f"<!doctype html><body>{picture.read_text()}</body>")
        self.assertEqual(seen[2], "")

    def test_the_probe_finds_what_is_wrong(self):
        wrong = "".join(f'<text x="300" y="20">{words}</text>'
                        for words in ("a text that is much too long", "another"))
        seen = self.measured(400, self.html.read_text().replace("</svg>", wrong + "</svg>", 1))
        self.assertIn("cut off: a text that is much", seen[2])
        self.assertIn("overlap: a text that is much too long and another", seen[2])

    def test_light_and_dark_are_different_pictures(self):
        pictures = []
        for scheme in (0, 1):
            shot = self.folder / f"{scheme}.png"
            self.run_browser(self.html, f"--blink-settings=preferredColorScheme={scheme}",
                             f"--screenshot={shot}", "--window-size=800,600")
            pictures.append(shot.read_bytes())
            self.assertTrue(pictures[-1].startswith(b"\x89PNG"))
        self.assertNotEqual(*pictures)


if __name__ == "__main__":
    unittest.main()
