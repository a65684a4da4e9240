"""examples/send_file sends what it says."""

import os
import pathlib
import socket
import subprocess
import tempfile
import threading
import unittest

WATCHDOG_S = 60
PROGRAM = pathlib.Path(os.environ.get("LEAT_BUILD_DIR", ".")) / "examples" / "send_file"


def setUpModule():
    if not PROGRAM.exists():
        raise unittest.SkipTest("send_file is not built: it needs LEAT_EXAMPLES=ON")


class SendFile(unittest.TestCase):
    def test_arrives_whole(self):
        payload = os.urandom((1 << 20) + 4097)
        received = []

        def receive():
            peer, _ = listener.accept()
            with peer:
                peer.settimeout(WATCHDOG_S)
                while piece := peer.recv(1 << 16):
                    received.append(piece)

        with socket.create_server(("127.0.0.1", 0)) as listener, \
                tempfile.NamedTemporaryFile() as file:
            listener.settimeout(WATCHDOG_S)
            file.write(payload)
            file.flush()
            reader = threading.Thread(target=receive, daemon=True)
            reader.start()
            result = subprocess.run([PROGRAM, file.name, str(listener.getsockname()[1])],
                                    capture_output=True, text=True, timeout=WATCHDOG_S, check=False)
            reader.join(WATCHDOG_S)
            self.assertFalse(reader.is_alive(), "watchdog")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(f"{len(payload)} bytes, complete", result.stdout)
        self.assertEqual(b"".join(received), payload)

    def test_missing_file(self):
        result = subprocess.run([PROGRAM, "/nonexistent", "1"], capture_output=True, text=True,
                                timeout=WATCHDOG_S, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("/nonexistent", result.stderr)


if __name__ == "__main__":
    unittest.main()
