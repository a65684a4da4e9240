"""An installed leat serves other programs: through find_package(leat) and through pkg-config.

The program built is README.md's C++ example, the ```cpp block marked `<!-- tested -->`.
"""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from readme_blocks import copy_checkout, readme, tested_blocks
from source_text import plant, repository

PROJECT = """cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES CXX)
find_package(leat 0.1 REQUIRED)
add_executable(user main.cc)
target_link_libraries(user PRIVATE leat::leat)
"""


def run(*command, **options):
    """Runs a command; raises with all of its output if it fails."""
    done = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options,
    )  # fmt: skip
    if done.returncode:
        raise AssertionError(f"{command}: exit status {done.returncode}\n{done.stdout}")
    return done.stdout


def missing_pages(root, prefix):
    """The man pages and completions of the checkout that the prefix lacks."""
    places = {page: f"man1/{page.name}" for page in (root / "docs/man").glob("*.1")}
    completions = root / "packaging/completions"
    places[completions / "leat.bash"] = "bash-completion/completions/leat"
    places[completions / "_leat"] = "zsh/site-functions/_leat"
    places[completions / "leat.fish"] = "fish/vendor_completions.d/leat.fish"
    return [
        page.name for page, place in places.items()
        if page.exists() and not list(prefix.rglob(place))
    ]  # fmt: skip


class Installed(unittest.TestCase):
    """Goal: what is installed suffices. Method: install into an empty prefix and build with it."""

    @classmethod
    def setUpClass(cls):
        if "LEAT_BUILD_DIR" not in os.environ:
            raise unittest.SkipTest("LEAT_BUILD_DIR names no build (ctest sets it)")
        build = pathlib.Path(os.environ["LEAT_BUILD_DIR"])
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = pathlib.Path(folder.name)
        cls.prefix = cls.root / "prefix"
        run("cmake", "--install", build, "--prefix", cls.prefix)
        cache = (build / "CMakeCache.txt").read_text()
        cls.compiler = re.search(r"^CMAKE_CXX_COMPILER:\w+=(.*)$", cache, re.MULTILINE)[1]
        sanitizers = os.environ.get("LEAT_SANITIZE")
        cls.flags = [f"-fsanitize={sanitizers}"] if sanitizers else []

    def example(self):
        blocks = tested_blocks(readme(), "cpp")
        self.assertTrue(blocks, "README.md has no tested ```cpp block")
        return blocks[0][1]

    def work(self):
        folder = tempfile.TemporaryDirectory(dir=self.root)
        self.addCleanup(folder.cleanup)
        return pathlib.Path(folder.name)

    def build_by_cmake(self, text):
        work = self.work()
        plant(work, "main.cc", text)
        plant(work, "CMakeLists.txt", PROJECT)
        run("cmake", "-S", work, "-B", work / "build", "-G", "Ninja",
            f"-DCMAKE_PREFIX_PATH={self.prefix}", f"-DCMAKE_CXX_COMPILER={self.compiler}",
            f"-DCMAKE_CXX_FLAGS={' '.join(self.flags)}")  # fmt: skip
        run("cmake", "--build", work / "build")
        return work / "build/user"

    def build_by_pkg_config(self, text):
        work = self.work()
        source = plant(work, "main.cc", text)
        package = next(self.prefix.rglob("leat.pc"))
        variables = dict(os.environ, PKG_CONFIG_PATH=str(package.parent))
        flags = run("pkg-config", "--cflags", "--libs", "leat", env=variables).split()
        self.assertTrue(any(str(self.prefix) in flag for flag in flags), flags)
        run(self.compiler, "-std=c++23", *self.flags, source, "-o", work / "user", *flags)
        return work / "user"

    def test_the_example_builds_by_cmake_and_runs(self):
        program = self.build_by_cmake(self.example())
        run(program, cwd=copy_checkout(self.work()))

    def test_the_example_builds_by_pkg_config_and_runs(self):
        program = self.build_by_pkg_config(self.example())
        run(program, cwd=copy_checkout(self.work()))

    def compile_headers(self, include):
        headers = sorted((include / "leat").glob("*.h"))
        self.assertTrue(headers)
        flags = ["-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-x", "c++"]
        for header in headers:
            # Twice, for a header may forget its #pragma once.
            source = f"#include <leat/{header.name}>\n" * 2
            run(self.compiler, *flags, f"-I{include}", "-", input=source)

    def test_each_public_header_compiles_by_itself(self):
        self.compile_headers(self.prefix / "include")

    def test_the_program_is_installed(self):
        if "LEAT_PROGRAM" not in os.environ:
            self.skipTest("the program is not part of this build")
        text = (repository() / "CMakeLists.txt").read_text()
        version = re.search(r"^project\(leat VERSION ([\d.]+)", text, re.MULTILINE)[1]
        self.assertIn(version, run(self.prefix / "bin/leat", "--version"))
        self.assertEqual([], missing_pages(repository(), self.prefix))

    # The checks above can fail:

    def test_planted_an_example_that_does_not_compile(self):
        broken = "#include <leat/no_such_header.h>\nint main() {}\n"
        for build in (self.build_by_cmake, self.build_by_pkg_config):
            with self.assertRaisesRegex(AssertionError, "no_such_header"):
                build(broken)

    def test_planted_an_example_that_fails(self):
        program = self.build_by_pkg_config("int main() { return 3; }\n")
        with self.assertRaisesRegex(AssertionError, "exit status 3"):
            run(program)

    def test_planted_headers_that_need_others(self):
        for text in ("std::string f();\n", "inline int f() { return 1; }\n"):
            include = self.work()
            plant(include, "leat/a.h", text)
            with self.assertRaisesRegex(AssertionError, "a.h"):
                self.compile_headers(include)

    def test_planted_a_page_that_is_not_installed(self):
        work = self.work()
        plant(work, "docs/man/leat-x.1", "")
        plant(work, "packaging/completions/leat.bash", "")
        self.assertEqual(["leat-x.1", "leat.bash"], missing_pages(work, self.prefix / "include"))

    def test_planted_a_prefix_without_leat(self):
        self.prefix = self.work()  # this case's only: it hides the class's
        with self.assertRaisesRegex(AssertionError, "leat"):
            self.build_by_cmake("int main() {}\n")


if __name__ == "__main__":
    unittest.main()
