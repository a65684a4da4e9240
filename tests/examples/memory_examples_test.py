"""The examples about memory do what they say."""

import os
import pathlib
import subprocess
import tempfile
import unittest

WATCHDOG_S = 60
EXAMPLES = pathlib.Path(os.environ.get("LEAT_BUILD_DIR", ".")) / "examples"


def setUpModule():
    if not (EXAMPLES / "send_struct").exists():
        raise unittest.SkipTest("the examples are not built: they need LEAT_EXAMPLES=ON")


def run(name, *arguments):
    return subprocess.run([EXAMPLES / name, *arguments], capture_output=True, text=True,
                          timeout=WATCHDOG_S, check=False)


class Examples(unittest.TestCase):
    def prints(self, text, name, *arguments):
        result = run(name, *arguments)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(result.stdout, text)

    def test_send_struct(self):
        self.prints("sensor 7: 21.5 (cellar)\n", "send_struct", "cellar")

    def test_parse_log(self):
        with tempfile.NamedTemporaryFile("w") as log:
            log.write("12:00 INFO begun\n12:01 WARN slow\n12:02 INFO done\nnot whole")
            log.flush()
            self.prints("INFO: 2\nWARN: 1\n49 bytes read, 0 copied\n", "parse_log", log.name)
            os.truncate(log.name, 0)
            self.prints("0 bytes read, 0 copied\n", "parse_log", log.name)

    def test_parse_log_without_a_file(self):
        result = run("parse_log", "/nonexistent")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(result.stderr.splitlines()), 1)

    def test_snapshot_while_writing(self):
        with tempfile.NamedTemporaryFile() as file:
            result = run("snapshot_while_writing", file.name)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertRegex(result.stdout, r"^67108864 bytes of the snapshot, \d+ % of the memory")
            self.assertEqual(set(file.read()), {ord("a")})

    def test_share_frames(self):
        self.prints("".join(f"1048576 bytes of {i}\n" for i in range(1, 6)), "share_frames", "5")


if __name__ == "__main__":
    unittest.main()
