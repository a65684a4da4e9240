"""What the repository's checks share: the files of a tree, and their text without comments."""

import os
import pathlib
import re

CODE_FOLDERS = ("include", "src", "apps", "tests", "bench", "fuzz", "examples", "scripts", "cmake")
CPP = (".h", ".cc")

# Order matters: what stands first in the file wins, so that `//` in a string is no comment.
_TOKEN = re.compile(
    r'(?P<raw>R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)")'
    r"|(?P<comment>//[^\n]*|/\*.*?\*/)"
    r'|(?P<string>"(?:\\.|[^"\\\n])*")'
    # Not the separator in 1'000'000.
    r"|(?P<character>(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+')",
    re.DOTALL,
)


def repository():
    """The checkout that is being tested."""
    here = pathlib.Path(__file__).resolve().parents[2]
    return pathlib.Path(os.environ.get("LEAT_SOURCE_DIR", here))


def files(root, folders=CODE_FOLDERS, endings=None):
    """The files below `folders` of `root`, sorted, without caches and fuzzers' inputs."""
    found = []
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            parts = path.relative_to(root).parts
            if "__pycache__" in parts or parts[:2] == ("fuzz", "corpus") or not path.is_file():
                continue
            if endings is None or path.name.endswith(endings):
                found.append(path)
    return found


def is_test(path):
    return path.name.endswith("_test.cc")


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


def without_comments(text):
    """C++ text with its comments blanked; every line keeps its number."""
    return _TOKEN.sub(lambda m: _blank(m[0]) if m["comment"] else m[0], text)


def only_code(text):
    """C++ text with comments and the insides of strings blanked; every line keeps its number."""
    return _TOKEN.sub(lambda m: _blank(m[0]), text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def includes(path):
    """Each include of a file as (line, '<' or '"', name)."""
    text = without_comments(path.read_text())
    pattern = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
    return [(line_of(text, m.start()), m[1], m[2]) for m in pattern.finditer(text)]


def report(root, path, line, what):
    """One finding, as compilers print theirs."""
    return f"{path.relative_to(root)}:{line}: {what}"


def plant(root, name, text):
    """Writes a file for a self-test."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path
