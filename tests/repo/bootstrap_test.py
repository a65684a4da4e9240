"""scripts/bootstrap: quiet if all is there, else apt-get for what is missing, or one clear line."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from source_text import plant, repository

# Stand-ins that come first on PATH. ABSENT names the packages that are not installed.
DPKG_QUERY = """#!/bin/bash
for last; do :; done
case " $ABSENT " in *" $last "*) exit 1 ;; *) printf installed ;; esac
"""
APT_GET = """#!/bin/bash
echo "apt-get $*" >> "$LOG"
[[ $* != *"$FAILING"* ]]
"""
SUDO = """#!/bin/bash
[[ $1 == -n ]] || exit 9
[[ ${PASSWORD:-} == needed ]] && exit 1
shift
exec "$@"
"""
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


class Bootstrap(unittest.TestCase):
    """Method: run it among stand-ins for dpkg-query, apt-get and sudo; read what they were told."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.root.chmod(0o777)
        for name, text in (("dpkg-query", DPKG_QUERY), ("apt-get", APT_GET), ("sudo", SUDO)):
            plant(self.root, f"bin/{name}", text).chmod(0o755)
        # A copy, because another user may not be able to read the checkout.
        self.script = self.root / "bootstrap"
        shutil.copy(repository() / "scripts/bootstrap", self.script)

    def run_script(self, *arguments, absent="", failing="nothing", password="", root=True):
        if root and os.geteuid() != 0:
            self.skipTest("needs root, to be root")
        log = self.root / "log"
        log.write_text("")
        log.chmod(0o666)
        variables = dict(os.environ, PATH=f"{self.root / 'bin'}:{os.environ['PATH']}", LOG=str(log))
        variables.update(ABSENT=absent, FAILING=failing, PASSWORD=password)
        prefix = NOBODY if os.geteuid() == 0 and not root else []
        done = subprocess.run(
            [*prefix, "bash", self.script, *arguments],
            env=variables, text=True, capture_output=True, check=False,
        )  # fmt: skip
        return done, log.read_text().splitlines()

    def test_nothing_is_done_if_nothing_is_missing(self):
        for arguments in ([], ["check-tools"], ["lab"], ["browser"], ["--list"]):
            done, calls = self.run_script(*arguments, root=os.geteuid() == 0)
            self.assertEqual((0, "", ""), (done.returncode, done.stdout, done.stderr))
            self.assertEqual([], calls)

    def test_what_is_missing_is_installed(self):
        done, calls = self.run_script(absent="ninja-build strace clang-19")
        self.assertEqual(0, done.returncode, done)
        update, install = calls
        self.assertTrue(update.endswith(" update"), calls)
        self.assertTrue(install.endswith(" --no-install-recommends ninja-build strace"), calls)

    def test_check_tools_are_asked_for(self):
        _, calls = self.run_script("check-tools", absent="clang-19")
        self.assertTrue(calls[1].endswith(" --no-install-recommends clang-19"), calls)

    def test_the_laboratory_is_asked_for(self):
        for arguments, expected in ((["lab"], "qemu-system-x86\n"), ([], "")):
            done, _ = self.run_script(*arguments, "--list", absent="qemu-system-x86", root=False)
            self.assertEqual(expected, done.stdout)

    def test_the_list_changes_nothing(self):
        done, calls = self.run_script("--list", absent="g++ strace", root=False)
        self.assertEqual(("g++\nstrace\n", []), (done.stdout, calls))

    def test_sudo_is_used(self):
        done, calls = self.run_script(absent="strace", root=False)
        self.assertEqual((0, 2), (done.returncode, len(calls)), done)

    def test_without_root_one_line_says_what_to_do(self):
        done, calls = self.run_script(absent="g++ strace", password="needed", root=False)
        self.assertEqual((1, []), (done.returncode, calls))
        expected = "bootstrap: needs root; run: sudo apt-get install g++ strace\n"
        self.assertEqual(expected, done.stderr)

    def test_a_failure_of_apt_get_is_told(self):
        for word in ("update", "install"):
            done, _ = self.run_script(absent="strace", failing=word)
            self.assertEqual(1, done.returncode)
            self.assertEqual(f"bootstrap: apt-get {word} failed; missing: strace\n", done.stderr)

    def test_usage(self):
        done, calls = self.run_script("no-such-thing", root=os.geteuid() == 0)
        self.assertEqual((2, []), (done.returncode, calls))


if __name__ == "__main__":
    unittest.main()
