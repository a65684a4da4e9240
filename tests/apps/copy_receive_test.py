"""The receiving side: streams that become files, disks that fill up, and durability."""

import os
import re
import subprocess
import unittest

from program import MIB, PROGRAM, Case, Server, payload

WAYS = ((), ("--mechanism", "read_write"), ("--mechanism", "splice"))


def free_bytes(folder):
    facts = os.statvfs(folder)
    return facts.f_bfree * facts.f_frsize


class SmallDiskTest(Case):
    """On a tmpfs of 2 MiB."""

    def setUp(self):
        super().setUp()
        self.small = self.folder / "small"
        self.small.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "leat", self.small],
                                 capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"no small file system can be mounted: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", self.small], check=True)
        self.free = free_bytes(self.small)
        self.data = payload(3 * MIB + 4097)

    def assert_nothing_kept(self, ended):
        self.assert_fails(ended, "No space left", "free some space", "nothing was kept")
        self.assertEqual(list(self.small.iterdir()), [])
        self.assertEqual(free_bytes(self.small), self.free)

    def test_a_stream_that_fills_it_leaves_nothing(self):
        for more in (*WAYS, ("--durable", "full")):
            with self.subTest(more=more):
                self.assert_nothing_kept(self.copy(*more, "-", self.small / "sink",
                                                   data=self.data))

    def test_a_socket_that_fills_it_leaves_nothing_and_the_sender_learns_of_it(self):
        for more in WAYS:
            with self.subTest(more=more):
                receiver = self.listen(self.small / "sink", *more)
                sender = self.copy(self.file("source", self.data), receiver.endpoint)
                receiver.finish()
                self.assertEqual((receiver.status, receiver.receipt["ending"],
                                  receiver.receipt["error"]["code"]), (1, "failed", "ENOSPC"))
                self.assertEqual(sender.status, 1, sender.err)
                self.assertEqual(list(self.small.iterdir()), [])
                self.assertEqual(free_bytes(self.small), self.free)

    def test_a_length_that_does_not_fit_fails_before_a_byte_is_taken(self):
        for more in WAYS:
            with self.subTest(more=more):
                ended = self.copy(*more, "--json", "--length", "3MiB", "-", self.small / "sink",
                                  data=self.data)
                self.assertEqual(ended.status, 1, ended.err)
                receipt = ended.receipt
                self.assertEqual((receipt["delivered"], receipt["stranded"], receipt["legs"]),
                                 (0, 0, []))
                self.assertEqual(receipt["error"]["code"], "ENOSPC")
                self.assertEqual(list(self.small.iterdir()), [])

    def test_the_old_file_is_kept(self):
        sink = self.small / "sink"
        sink.write_bytes(b"old")
        for length in ((), ("--length", "3MiB")):
            self.assert_fails(self.copy(*length, "-", sink, data=self.data), "No space left")
            self.assertEqual(sink.read_bytes(), b"old")
            self.assertEqual([path.name for path in self.small.iterdir()], ["sink"])

    def test_in_place_a_stream_that_ends_early_holds_no_more_than_it_wrote(self):
        sink = self.small / "sink"
        ended = self.copy("--json", "--in-place", "--length", "1536KiB", "-", sink,
                          data=self.data[:5000])
        self.assertEqual((ended.status, ended.receipt["ending"]), (1, "source_shrank"))
        self.assertEqual(sink.read_bytes(), self.data[:5000])
        self.assertLessEqual(self.free - free_bytes(self.small), 16384)

    def test_a_length_that_fits_arrives(self):
        for more in WAYS:
            with self.subTest(more=more):
                sink = self.small / "sink"
                self.assert_ok(self.copy(*more, "--length", "1536KiB", "-", sink,
                                         data=self.data))
                self.assert_content(sink, self.data[:1536 * 1024])
                sink.unlink()


class DurableTest(Case):
    """The calls that make it durable, as strace shows them: which, of what, in which order."""

    TRACED = "fsync,fdatasync,linkat,rename,renameat,renameat2"

    def traced(self, *args, data, inject=()):
        """Runs `leat copy` under strace; returns its status and ["fsync file", "linkat", …]."""
        if subprocess.run(["sh", "-c", "command -v strace"], capture_output=True).returncode != 0:
            self.skipTest("needs strace")
        log = self.folder / "log"
        ended = subprocess.run(
            ["strace", "-f", "-y", "-o", log, "-e", f"trace={self.TRACED}",
             *(word for each in inject for word in ("-e", f"inject={each}")),
             PROGRAM, "copy", *args],
            input=data, capture_output=True, timeout=60,
            # A leak check needs ptrace for itself.
            env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
        if ended.returncode != 0 and b"ptrace" in ended.stderr:
            self.skipTest("strace may not trace here")
        return ended, [self.short(line) for line in log.read_text().splitlines() if "(" in line]

    def short(self, line):
        name, arguments = re.search(r"(\w+)\((.*)", line).groups()
        if "sync" not in name:
            return "name"
        path = re.match(r"\d+<(.*?)>", arguments).group(1)
        return f"{name} {'folder' if path == str(self.folder) else 'file'}"

    def test_the_file_is_synced_before_its_name_and_the_folder_after_it(self):
        for how, call in (("data", "fdatasync"), ("full", "fsync")):
            with self.subTest(how=how):
                data = payload(100_000)
                ended, calls = self.traced("--durable", how, "-", self.folder / "sink", data=data)
                self.assertEqual(ended.returncode, 0, ended.stderr)
                self.assertEqual([calls[0], calls[-1]], [f"{call} file", "fsync folder"])
                self.assertEqual(set(calls[1:-1]), {"name"})
                self.assert_content(self.folder / "sink", data)

    def test_from_a_socket_too(self):
        data = payload(100_000)
        server = Server(self, lambda peer: peer.sendall(data))
        ended, calls = self.traced("--durable", "full", server.endpoint, self.folder / "sink",
                                   data=None)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertEqual([calls[0], calls[-1]], ["fsync file", "fsync folder"])
        self.assert_content(self.folder / "sink", data)
        server.join()

    def test_in_place_a_new_name_is_synced_if_that_was_asked_for(self):
        for how, exists, expected in (
                ("data", False, ["fdatasync file"]),
                ("full", False, ["fsync file", "fsync folder"]),
                ("data", True, ["fdatasync file"]),
                ("full", True, ["fsync file"])):
            with self.subTest(how=how, exists=exists):
                sink = self.folder / "sink"
                sink.unlink(missing_ok=True)
                if exists:
                    sink.write_bytes(b"old")
                ended, calls = self.traced("--in-place", "--durable", how, "-", sink, data=b"new")
                self.assertEqual(ended.returncode, 0, ended.stderr)
                self.assertEqual(calls, expected)
                self.assertEqual(sink.read_bytes(), b"new")

    def test_a_file_that_cannot_be_synced_is_a_failure_and_leaves_nothing(self):
        for how, call in (("data", "fdatasync"), ("full", "fsync")):
            for number in ("EIO", "ENOSPC"):
                with self.subTest(how=how, number=number):
                    sink = self.folder / "sink"
                    ended, calls = self.traced("--durable", how, "-", sink, data=payload(1000),
                                               inject=[f"{call}:error={number}:when=1"])
                    self.assertEqual(ended.returncode, 1, ended.stderr)
                    self.assertIn(call.encode(), ended.stderr)
                    self.assertNotIn("name", calls)
                    self.assertFalse(sink.exists())
                    self.assert_nothing_temporary()

    def test_a_folder_that_cannot_be_synced_is_a_failure(self):
        # The name is there already and cannot be taken back: what was there before is gone. But it
        # is whole.
        data = payload(1000)
        for how, when in (("data", 1), ("full", 2)):
            with self.subTest(how=how):
                ended, _ = self.traced("--durable", how, "-", self.folder / "sink", data=data,
                                       inject=[f"fsync:error=EIO:when={when}"])
                self.assertEqual(ended.returncode, 1, ended.stderr)
                self.assert_content(self.folder / "sink", data)


if __name__ == "__main__":
    unittest.main()
