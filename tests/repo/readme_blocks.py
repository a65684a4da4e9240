"""The parts of README.md that tests run: code blocks with `<!-- tested -->` on the line before."""

import re
import shutil
import unittest

from source_text import repository

_BLOCK = re.compile(
    r"^<!-- tested -->[ \t]*\n+^```(?P<language>\w+)[ \t]*\n(?P<body>.*?)^```[ \t]*$",
    re.MULTILINE | re.DOTALL,
)


def tested_blocks(text, language):
    """The marked blocks of one language, as (line, body)."""
    return [
        (text.count("\n", 0, match.start("body")) + 1, match["body"])
        for match in _BLOCK.finditer(text)
        if match["language"] == language
    ]


def readme():
    """README.md's text; skips the test that asks if there is none."""
    path = repository() / "README.md"
    if not path.exists():
        raise unittest.SkipTest("there is no README.md")
    return path.read_text()


def copy_checkout(folder):
    """A copy of the checkout in `folder`, so that no command of README.md can harm the real one."""
    copy = folder / "leat"
    ignored = shutil.ignore_patterns("build", ".git", ".cache", "__pycache__")
    shutil.copytree(repository(), copy, ignore=ignored, symlinks=True)
    return copy
