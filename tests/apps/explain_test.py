"""Goal: leat explain says how a copy would go, and touches nothing; figures that cannot be used are
ignored with one line. Method: the program on files, a listener that must see no connection, and a
state folder of the test's own."""

import json
import os
import pathlib
import socket
import subprocess
import tempfile
import unittest

from program import PROGRAM, WATCHDOG_S


class Scene(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.source = self.folder / "source"
        self.source.write_bytes(b"x" * 100_000)

    def run_leat(self, *words):
        environment = {**os.environ, "XDG_STATE_HOME": str(self.folder / "state")}
        return subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True,
                              timeout=WATCHDOG_S, env=environment)


class ExplainTest(Scene):
    def test_every_mechanism_has_its_sentence(self):
        said = self.run_leat("explain", "--json", self.source, "tcp://localhost:9")
        self.assertEqual((said.returncode, said.stderr), (0, ""))
        plan = json.loads(said.stdout)
        self.assertEqual(plan["source"]["length"], 100_000)
        chosen = [each for each in plan["candidates"] if each["chosen"]]
        self.assertEqual(len(chosen), 1)
        self.assertEqual(chosen[0]["cpu_copies"], 0)
        for each in plan["candidates"]:
            self.assertTrue(each["reason"])
            self.assertEqual(each["standing"] is not None, each["fits"])

    def test_no_peer_is_connected_to_and_no_file_is_changed(self):
        target = self.folder / "target"
        target.write_text("old")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            address = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
            self.assertEqual(self.run_leat("explain", self.source, address).returncode, 0)
            with self.assertRaises(BlockingIOError):
                listener.accept()
        said = self.run_leat("explain", self.source, target)
        self.assertIn("> ", said.stdout)
        self.assertEqual(target.read_text(), "old")
        self.assertEqual(sorted(each.name for each in self.folder.iterdir()),
                         ["source", "target"])

    def test_what_cannot_be_met_is_said(self):
        said = self.run_leat("explain", "--mechanism", "vmsplice", self.source, "tcp://localhost:9")
        self.assertEqual(said.returncode, 1)
        self.assertIn("No mechanism fits", said.stdout)
        missing = self.run_leat("explain", self.folder / "nothing", "tcp://localhost:9")
        self.assertEqual((missing.returncode, missing.stderr.count("\n")), (1, 1))

    def test_damaged_figures_are_ignored_with_one_line(self):
        stored = self.folder / "state/leat/costs"
        stored.parent.mkdir(parents=True)
        stored.write_text("leat-costs 1\nkernel")
        said = self.run_leat("explain", self.source, self.folder / "new")
        self.assertEqual(said.returncode, 0)
        self.assertEqual(said.stderr.count("\n"), 1)
        self.assertIn("leat calibrate", said.stderr)

    def test_a_copy_explains_itself_first(self):
        said = self.run_leat("copy", "--explain", "--json", self.source, self.folder / "copy")
        plan, receipt = map(json.loads, said.stderr.splitlines())
        self.assertIn("candidates", plan)
        self.assertEqual(receipt["delivered"], 100_000)


class CalibrateTest(Scene):
    def test_shows_what_leat_came_with(self):
        said = self.run_leat("calibrate", "--show", "--json")
        self.assertEqual(said.returncode, 0)
        figures = json.loads(said.stdout)["figures"]
        self.assertIn("splice", {each["mechanism"] for each in figures})

    def test_a_folder_that_is_not_there_is_one_line(self):
        said = self.run_leat("calibrate", "--dir", self.folder / "nothing")
        self.assertEqual((said.returncode, said.stderr.count("\n")), (1, 1))
        self.assertFalse((self.folder / "state").exists())


if __name__ == "__main__":
    unittest.main()
