"""scripts/lab: the job's status comes back, and whatever goes wrong is said in one line."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from source_text import plant, repository

# Stand-ins that come first on PATH. Each is told by the environment what to do.
STAND_INS = {
    "apt-cache": '[[ $KERNEL == unknown ]] || echo "  Depends: linux-image-9-amd64"',
    "apt-get": 'echo "$*" >> "$LOG"\n'
    '[[ $NETWORK == yes ]] || { echo "E: no route" >&2; exit 100; }\ntouch "$2"_9_amd64.deb',
    "dpkg-deb": 'mkdir -p "$3"/boot "$3"/lib/modules/9-amd64\ntouch "$3"/boot/vmlinuz-9-amd64',
    "depmod": "",
    "modprobe": 'echo "insmod $LOG"',
    "busybox": "cat > /dev/null",
    "mkfs.ext4": "",
    "qemu-system-x86_64": 'echo "the guest speaks"\n'
    'cp "$EXCHANGE/job" "$EXCHANGE/checkout" "$(dirname "$LOG")"\n'
    "case $GUEST in\n  hangs) exec tail -f /dev/null ;;\n  dies) exit 0 ;;\n"
    '  is_refused) echo "qemu: no memory" >&2; exit 1 ;;\n'
    '  *) echo "$GUEST" > "$EXCHANGE/status" ;;\nesac',
}
JOB = "#!/bin/bash\n# does: something\n# needs: a_test\n# timeout: 60\n"


class Laboratory(unittest.TestCase):
    """Method: run a copy of it among stand-ins for QEMU and the tools, with a job of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for name, text in STAND_INS.items():
            plant(self.root, f"bin/{name}", f"#!/bin/bash\n{text}\n").chmod(0o755)
        plant(self.root, "scripts/bootstrap", "#!/bin/bash\n").chmod(0o755)
        plant(self.root, "build/release/a_test", "").chmod(0o755)
        plant(self.root, "tests/lab/try.sh", JOB)
        shutil.copy(repository() / "scripts/lab", self.root / "scripts/lab")
        shutil.copytree(repository() / "scripts/lab.d", self.root / "scripts/lab.d")
        self.log = plant(self.root, "log", "")

    def run_lab(self, *arguments, guest="0", network="yes", kernel="known", **variables):
        exchange = self.root / "build/lab/exchange"
        environment = dict(os.environ, PATH=f"{self.root / 'bin'}:{os.environ['PATH']}")
        environment.update(LOG=str(self.log), EXCHANGE=str(exchange), GUEST=guest)
        environment.update(NETWORK=network, KERNEL=kernel, **variables)
        return subprocess.run(
            [self.root / "scripts/lab", *arguments],
            env=environment, text=True, capture_output=True, check=False, timeout=60,
        )  # fmt: skip

    def expect_failure(self, status, words, *arguments, **options):
        done = self.run_lab(*arguments, **options)
        self.assertEqual(status, done.returncode, done)
        last = done.stderr.splitlines()[-1]
        self.assertTrue(last.startswith("lab: "), done.stderr)
        self.assertIn(words, last)
        return done

    def test_the_status_of_the_job_comes_back(self):
        for status in (0, 7):
            done = self.run_lab("try", guest=str(status))
            self.assertEqual((status, "the guest speaks\n"), (done.returncode, done.stdout), done)

    def test_the_kernel_is_downloaded_once(self):
        self.run_lab("try")
        self.run_lab("try")
        self.assertEqual("download linux-image-9-amd64\n", self.log.read_text())

    def test_the_job_gets_its_arguments_and_the_tests_variables(self):
        self.run_lab("try", "a b", "'c", LEAT_TEST_MAX_BYTES="9 9")
        self.assertEqual(f"{self.root}\n", (self.root / "checkout").read_text())
        shell = 'source "$0"; printf "%s\\n" "$LEAT_TEST_MAX_BYTES" "$job" "${arguments[@]}"'
        command = ["bash", "-c", shell, self.root / "job"]
        said = subprocess.run(command, text=True, capture_output=True, check=True).stdout
        self.assertEqual(["9 9", f"{self.root}/tests/lab/try.sh", "a b", "'c"], said.splitlines())

    def test_what_goes_wrong_in_the_guest(self):
        self.expect_failure(125, "the guest ended before its job did", "try", guest="dies")
        self.expect_failure(125, "QEMU ended with 1: qemu: no memory", "try", guest="is_refused")
        self.expect_failure(124, "within 1 s", "--timeout", "1", "try", guest="hangs")

    def test_the_disk_does_not_stay(self):
        for guest in ("0", "dies"):
            self.run_lab("try", guest=guest)
            self.assertFalse((self.root / "build/lab/disk.img").exists())

    def test_without_a_network_nothing_half_done_stays(self):
        self.expect_failure(125, "is there a network?", "try", network="no")
        self.assertEqual(["lock"], os.listdir(self.root / "build/lab"))
        self.assertEqual(0, self.run_lab("try").returncode)

    def test_what_is_missing_on_the_host(self):
        self.expect_failure(125, "run: apt-get update", "try", kernel="unknown")
        self.expect_failure(125, "run: scripts/build dev", "--build", "dev", "try")
        plant(self.root, "scripts/bootstrap", "#!/bin/bash\nexit 1\n")
        self.expect_failure(125, "scripts/bootstrap lab failed", "try")

    def test_usage(self):
        self.expect_failure(2, "There are: try")
        self.expect_failure(2, "no job other", "other")
        self.expect_failure(2, "no job ../lab/try", "../lab/try")
        self.expect_failure(2, "no option --no", "--no", "try")
        self.expect_failure(2, "'soon' is no number", "--timeout", "soon", "try")
        self.expect_failure(2, "'vmlinuz' is no package", "--kernel", "vmlinuz", "try")
        self.assertIn("usage:", self.run_lab("--help").stdout)
        self.assertEqual("try            something\n", self.run_lab("--list").stdout)

    def test_each_job_says_what_it_does_and_how_long_it_may_take(self):
        jobs = sorted((repository() / "tests/lab").glob("*.sh"))
        self.assertNotEqual([], jobs)
        for job in jobs:
            for word in ("does: .+", "timeout: [0-9]+"):
                self.assertRegex(job.read_text(), re.compile(f"^# {word}$", re.MULTILINE), job)


if __name__ == "__main__":
    unittest.main()
