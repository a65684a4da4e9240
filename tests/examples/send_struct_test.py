"""examples/send_struct reads what it sent."""

import os
import pathlib
import subprocess
import unittest

WATCHDOG_S = 60
PROGRAM = pathlib.Path(os.environ.get("LEAT_BUILD_DIR", ".")) / "examples" / "send_struct"


def setUpModule():
    if not PROGRAM.exists():
        raise unittest.SkipTest("send_struct is not built: it needs LEAT_EXAMPLES=ON")


class SendStruct(unittest.TestCase):
    def test_object_and_text_arrive(self):
        result = subprocess.run([PROGRAM, "cellar"], capture_output=True, text=True,
                                timeout=WATCHDOG_S, check=False)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(result.stdout, "sensor 7: 21.5 (cellar)\n")


if __name__ == "__main__":
    unittest.main()
