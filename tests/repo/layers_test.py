"""The layer check: who may include whom. src/LAYERS lists the layers, lowest first."""

import pathlib
import re
import tempfile
import unittest

from source_text import CPP, files, includes, is_test, plant, report, repository

# A header of the standard library has neither folder nor ending; <unistd.h> and <sys/types.h> have.
STANDARD = re.compile(r"^[a-z0-9_]+$")


def layers(root):
    """The names in src/LAYERS, lowest first."""
    lines = (root / "src/LAYERS").read_text().splitlines()
    return [line.strip() for line in lines if re.match(r"[a-z]", line)]


def check_sources(root):
    """src/<layer>/: "x/y" must be of the same or a lower layer."""
    order = layers(root)
    found = []
    for path in files(root, ("src",), CPP + (".def",)):
        layer = path.relative_to(root / "src").parts[0]
        if layer not in order:
            found.append(report(root, path, 1, f"src/{layer} is not in src/LAYERS"))
            continue
        for line, kind, name in includes(path):
            other = name.partition("/")[0]
            if kind == "<" and other in order:
                what = f'<{name}> is a file of ours: write "{name}"'
            elif kind == "<" or (is_test(path) and other == "support"):
                continue
            elif other not in order or "/" not in name:
                what = f'"{name}" names no layer: write "layer/file.h" or <leat/file.h>'
            elif order.index(other) > order.index(layer):
                what = f"{layer} is below {other} and may not include {name}"
            else:
                continue
            found.append(report(root, path, line, what))
    return found


def check_public(root):
    """include/leat: <std> and <leat/…> only; include/leat_asio: <boost/…> too."""
    found = []
    for path in files(root, ("include",), CPP):
        allowed = ("leat/",)
        if path.is_relative_to(root / "include/leat_asio"):
            allowed = ("leat/", "boost/")
        for line, kind, name in includes(path):
            if kind == '"' or not (STANDARD.match(name) or name.startswith(allowed)):
                what = f"a public header may not include {name}, only <std> and <leat/…>"
                found.append(report(root, path, line, what))
    return found


def check_program(root):
    """apps/leat: <leat/…>, <others>, and "its own headers"."""
    order = layers(root)
    found = []
    for path in files(root, ("apps/leat",), CPP):
        for line, kind, name in includes(path):
            if kind == "<":
                wrong = name.partition("/")[0] in order and (root / "src" / name).exists()
            elif is_test(path) and name.startswith("support/"):
                wrong = False
            else:
                wrong = not ((root / "apps/leat" / name).exists() or (path.parent / name).exists())
            if wrong:
                what = f"{name} is no header of apps/leat; of leat's own only <leat/…> is allowed"
                found.append(report(root, path, line, what))
    return found


class Repository(unittest.TestCase):
    """Goal: this checkout keeps its layers. Method: read every include."""

    def test_sources_include_their_own_layer_and_lower_ones(self):
        self.assertEqual([], check_sources(repository()))

    def test_public_headers_include_std_and_public_headers(self):
        self.assertEqual([], check_public(repository()))

    def test_the_program_uses_public_headers_only(self):
        self.assertEqual([], check_program(repository()))


class Planted(unittest.TestCase):
    """Goal: the checks above can fail. Method: plant one violation at a time in a small tree."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        plant(self.root, "src/LAYERS", "# lowest first\nos\nbuffer\n")
        plant(self.root, "src/os/fd.h", "#include <unistd.h>\n#include <leat/fd.h>\n")
        plant(self.root, "src/buffer/pool.h", '#include "os/fd.h"\n')
        plant(self.root, "src/buffer/pool_test.cc", '#include "support/seam.h"\n')
        plant(self.root, "include/leat/fd.h", "#include <vector>\n#include <leat/error.h>\n")
        plant(self.root, "include/leat_asio/leat/asio.h", "#include <boost/asio.hpp>\n")
        plant(self.root, "apps/leat/main.cc", '#include <fmt/core.h>\n#include "os/watch.h"\n')
        plant(self.root, "apps/leat/os/watch.h", "#include <sys/inotify.h>\n#include <leat/fd.h>\n")

    def all(self):
        return check_sources(self.root) + check_public(self.root) + check_program(self.root)

    def test_a_clean_tree_passes(self):
        self.assertEqual([], self.all())

    def test_each_violation_is_found(self):
        violations = {
            "src/os/up.h": '#include "buffer/pool.h"',
            "src/os/up_test.cc": '#include "buffer/pool.h"',
            "src/os/neighbour.cc": '#include "fd.h"',
            "src/buffer/angle.cc": "#include <os/fd.h>",
            "src/buffer/helper.cc": '#include "support/seam.h"',
            "src/stray/new.cc": "int x;",
            "include/leat/system.h": "#include <sys/types.h>",
            "include/leat/own.h": '#include "os/fd.h"',
            "include/leat/boost.h": "#include <boost/asio.hpp>",
            "apps/leat/private.cc": '#include "os/fd.h"',
            "apps/leat/private.h": "#include <os/fd.h>",
            "apps/leat/pool.cc": '#  include "buffer/pool.h"  // hidden',
        }
        for name, text in violations.items():
            with self.subTest(name):
                path = plant(self.root, name, f"// a comment\n{text}\n")
                self.assertEqual(1, len(self.all()), self.all())
                self.assertTrue(self.all()[0].startswith(f"{name}:"), self.all())
                path.unlink()

    def test_a_comment_is_no_include(self):
        text = '// #include "buffer/pool.h"\n/*\n#include "buffer/x.h"\n*/\n'
        plant(self.root, "src/os/talk.h", text)
        self.assertEqual([], self.all())


if __name__ == "__main__":
    unittest.main()
