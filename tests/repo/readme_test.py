"""README.md's commands work: each ```sh block marked `<!-- tested -->` is run.

The blocks run in order, in one copy of the checkout, with the built program first on PATH.
"""

import os
import pathlib
import subprocess
import tempfile
import unittest

from readme_blocks import copy_checkout, readme, tested_blocks


def commands(body):
    """A block's commands; if some lines have a prompt, those lines, for the rest is output."""
    lines = body.splitlines()
    prompted = [line[2:] for line in lines if line.startswith("$ ")]
    return "\n".join(prompted or lines)


def environment():
    variables = dict(os.environ)
    program = variables.get("LEAT_PROGRAM")
    if program:
        variables["PATH"] = f"{pathlib.Path(program).parent}:{variables['PATH']}"
    return variables


def failures(text, folder):
    """Runs a README's blocks in `folder`; what went wrong, one text a failed block."""
    found = []
    for line, body in tested_blocks(text, "sh"):
        command = ["bash", "-euo", "pipefail", "-c", commands(body)]
        done = subprocess.run(
            command, cwd=folder, env=environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            found.append(f"README.md:{line}: exit status {done.returncode}\n{body}{done.stdout}")
    return found


class Repository(unittest.TestCase):
    """Goal: who follows README.md succeeds."""

    def test_the_commands_work(self):
        text = readme()
        if "LEAT_PROGRAM" not in os.environ:
            self.skipTest("the program is not part of this build")
        self.assertTrue(tested_blocks(text, "sh"), "README.md has no tested ```sh block")
        with tempfile.TemporaryDirectory() as folder:
            found = failures(text, copy_checkout(pathlib.Path(folder)))
        if found:
            self.fail("\n" + "\n".join(found))


class Planted(unittest.TestCase):
    """Goal: the check above can fail. Method: README texts whose outcome is known."""

    def outcome(self, *blocks):
        text = "# Title\n\n" + "\n".join(blocks)
        with tempfile.TemporaryDirectory() as folder:
            found = failures(text, folder)
            return found, sorted(os.listdir(folder))

    def test_a_block_that_works(self):
        block = "<!-- tested -->\n```sh\ntouch a\n```\n\n<!-- tested -->\n\n```sh\nmv a b\n```\n"
        self.assertEqual(([], ["b"]), self.outcome(block))

    def test_a_block_that_fails(self):
        block = "<!-- tested -->\n```sh\nfalse\ntouch a\n```\n"
        found, files = self.outcome(block)
        self.assertEqual(1, len(found), found)
        self.assertTrue(found[0].startswith("README.md:5: exit status 1"), found)
        self.assertEqual([], files)

    def test_a_failure_inside_a_pipe(self):
        found, _ = self.outcome("<!-- tested -->\n```sh\nfalse | true\n```\n")
        self.assertEqual(1, len(found), found)

    def test_only_marked_blocks_run(self):
        blocks = ("```sh\ntouch a\n```\n", "<!-- tested -->\n```cpp\ntouch b\n```\n")
        self.assertEqual(([], []), self.outcome(*blocks))

    def test_prompts(self):
        block = "<!-- tested -->\n```sh\n$ touch a\nsome output\n$ touch b\n```\n"
        self.assertEqual(([], ["a", "b"]), self.outcome(block))


if __name__ == "__main__":
    unittest.main()
