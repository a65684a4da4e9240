"""Goal: `leat copy --consistency` keeps what it promises, and says in one line why it cannot.
Method: files that are open for writing, or somebody else's; a copy that a rate limit holds up."""

import os
import unittest

from program import KIB, Case, payload


class Snapshot(Case):
    def slow_copy(self, source, *args):
        """A copy that has begun and has far to go. Returns it and its receiver's folder entry."""
        return self.start("--json", *args, "--limit-rate", "256KiB", source, "-")

    def test_of_an_undisturbed_file(self):
        data = payload(300 * KIB + 1)
        source = self.file("source", data)
        for consistency in ("live", "detect", "snapshot"):
            copied = self.copy("--json", "--consistency", consistency, source, self.folder / "copy")
            self.assertEqual(copied.status, 0, copied.err)
            self.assertEqual((self.folder / "copy").read_bytes(), data)

    def test_a_writer_ends_the_copy_and_goes_on(self):
        source = self.file("source", payload(1024 * KIB))
        copying = self.slow_copy(source, "--consistency", "snapshot")
        self.assertTrue(copying.process.stdout.read(1))  # it holds the file
        with open(source, "r+b") as writer:  # waits for the lease
            writer.write(b"new")
        copying.finish()
        self.assertEqual(copying.status, 1)
        self.assertEqual(copying.receipt["error"]["code"], "source_changed")

    def test_a_file_that_is_open_for_writing(self):
        source = self.file("source", payload(KIB))
        with open(source, "r+b"):
            copied = self.copy("--consistency", "snapshot", source, self.folder / "copy")
        self.assertEqual(copied.status, 1)
        self.assertTrue(copied.err.startswith(
            f"leat copy: hold {source}: no snapshot of it can be had (somebody has it open for "
            "writing; or use --consistency detect); nothing was kept"), copied.err)
        self.assertFalse((self.folder / "copy").exists())

    def test_somebody_elses_file(self):
        nobody = self.as_nobody()
        if not nobody:
            self.skipTest("needs root, to be somebody else")
        source = self.file("source", payload(KIB))
        os.chmod(source, 0o644)
        copied = self.copy("--json", "--consistency", "snapshot", source, "-", **nobody)
        self.assertEqual(copied.status, 1)
        self.assertEqual(copied.receipt["error"]["code"], "no_snapshot")
        self.assertEqual(copied.receipt["error"]["hint"],
                         "only its owner may take a lease on it, or who has CAP_LEASE; "
                         "or use --consistency detect")
        copied = self.copy("--consistency", "detect", source, "-", **nobody)
        self.assertEqual(copied.status, 0, copied.err)

    def test_detect_tells_of_a_change(self):
        source = self.file("source", payload(256 * KIB))
        copying = self.slow_copy(source, "--consistency", "detect")
        self.assertTrue(copying.process.stdout.read(1))
        with open(source, "r+b") as writer:
            writer.write(b"new")
        copying.finish()
        self.assertEqual(copying.status, 1)
        self.assertEqual(copying.receipt["error"]["code"], "source_changed")

    def test_an_unknown_word(self):
        copied = self.copy("--consistency", "frozen", "a", "b")
        self.assertEqual(copied.status, 2)
        self.assertIn("'frozen' is none of live, snapshot, detect", copied.err)


if __name__ == "__main__":
    unittest.main()
