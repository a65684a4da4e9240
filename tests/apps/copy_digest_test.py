"""Goal: `leat copy --digest` prints the digest of what was copied, beside the fast mechanisms.
Method: files, pipes and sockets of awkward sizes; hashlib says what is right."""

import hashlib
import os
import pathlib
import unittest

from program import KIB, MIB, Case, payload

SIZES = (0, 1, 4095, 4097, 64 * KIB + 1, 3 * MIB + 5)


def blake2b512(data):
    return hashlib.blake2b(data)


def loaded_libc():
    lines = pathlib.Path("/proc/self/maps").read_text().splitlines()
    return next(line.split()[-1] for line in lines if line.endswith("/libc.so.6"))


class Digest(Case):
    def assert_digest(self, running, data, algorithm="sha256", method=hashlib.sha256):
        self.assertEqual(running.status, 0, running.err)
        self.assertEqual(running.receipt["digest"],
                         {"algorithm": algorithm, "hex": method(data).hexdigest()})

    def test_of_files(self):
        for size in SIZES:
            data = payload(size)
            source = self.file("source", data)
            for mechanism in ("read_write", "splice", "copy_file_range", "mmap_write"):
                if size == 0 and mechanism == "copy_file_range":
                    continue  # it cannot tell an empty file from one that hides its size
                copied = self.copy("--json", "--digest", "sha256", "--mechanism", mechanism, source,
                                   self.folder / "copy")
                with self.subTest(size=size, mechanism=mechanism):
                    self.assert_digest(copied, data)
                    legs = [leg["mechanism"] for leg in copied.receipt["legs"]]
                    self.assertEqual(legs, [mechanism] if size else [])

    def test_reading_for_it_counts_as_a_copy(self):
        data = payload(MIB + 1)
        source = self.file("source", data)
        for mechanism, copies in (("read_write", 2), ("splice", 1)):
            for digest, more in (((), 0), (("--digest", "sha256"), mechanism == "splice")):
                copied = self.copy("--json", *digest, "--mechanism", mechanism, source,
                                   self.folder / "copy")
                with self.subTest(mechanism=mechanism, digest=digest):
                    self.assertEqual(copied.receipt["legs"][0]["cpu_copied_bytes"],
                                     (copies + more) * len(data))

    def test_of_each_algorithm(self):
        data = payload(100 * KIB)
        source = self.file("source", data)
        for name, method in (("sha256", hashlib.sha256), ("sha512", hashlib.sha512),
                             ("blake2b512", blake2b512)):
            self.assert_digest(self.copy("--json", "--digest", name, source, self.folder / "copy"),
                               data, name, method)

    def test_of_a_pipe(self):
        for size in SIZES:
            data = payload(size)
            copied = self.copy("--json", "--digest", "sha256", "-", self.folder / "copy", data=data)
            self.assert_digest(copied, data)

    def test_over_tcp_at_both_ends_with_a_rate_limit(self):
        data = payload(2 * MIB + 1)
        source = self.file("source", data)
        for mechanism in ("sendfile", "splice"):
            receiver = self.listen(self.folder / "copy", "--digest", "sha256")
            sender = self.copy("--json", "--digest", "sha256", "--limit-rate", "8MiB",
                               "--mechanism", mechanism, source, receiver.endpoint)
            receiver.finish()
            self.assert_digest(sender, data)
            self.assert_digest(receiver, data)
            self.assertEqual([leg["mechanism"] for leg in sender.receipt["legs"]], [mechanism])
            self.assertEqual([leg["mechanism"] for leg in receiver.receipt["legs"]], ["splice"])

    def test_of_holes(self):
        source = self.folder / "sparse"
        with open(source, "wb") as file:
            file.seek(5 * MIB)
            file.write(b"end")
        copied = self.copy("--json", "--digest", "sha256", source, self.folder / "copy")
        self.assert_digest(copied, source.read_bytes())
        self.assertGreater(copied.receipt["holes"], 0)

    def test_for_people(self):
        data = payload(5)
        copied = self.copy("--digest", "sha256", self.file("source", data), self.folder / "copy")
        self.assertIn("; sha256 " + hashlib.sha256(data).hexdigest(), copied.err)

    def test_there_is_none_unless_it_is_asked_for_or_if_it_failed(self):
        source = self.file("source", b"data")
        self.assertIsNone(self.copy("--json", source, self.folder / "copy").receipt["digest"])
        failed = self.copy("--json", "--digest", "sha256", "--length", "1KiB", source,
                           self.folder / "copy")
        self.assertEqual(failed.status, 1)
        self.assertIsNone(failed.receipt["digest"])

    def test_an_unknown_name(self):
        copied = self.copy("--digest", "md5", "a", "b")
        self.assertEqual(copied.status, 2)
        self.assertIn("'md5' is none of sha256, sha512, blake2b512", copied.err)

    def test_without_libcrypto(self):
        libraries = self.folder / "libraries"
        libraries.mkdir()
        environment = {**os.environ, "LD_LIBRARY_PATH": str(libraries)}
        source = self.file("source", b"data")
        name = libraries / "libcrypto.so.3"
        with self.subTest("that can be loaded"):
            name.touch()
            self.assert_fails(self.copy("--digest", "sha256", source, self.folder / "copy",
                                        env=environment), "libcrypto.so.3", "libssl3", "too short")
            self.assertFalse((self.folder / "copy").exists())
            self.assert_ok(self.copy(source, self.folder / "copy", env=environment))
        with self.subTest("that has its functions"):
            name.unlink()
            name.symlink_to(loaded_libc())
            self.assert_fails(self.copy("--digest", "sha256", source, self.folder / "other",
                                        env=environment), "libcrypto.so.3", "it has no EVP_")


if __name__ == "__main__":
    unittest.main()
