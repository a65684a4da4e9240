"""Goal: a file appears whole under its name or not at all, and keeps what it was otherwise.
Method: files, links and modes are made, the program is run, and what is there afterwards is looked
at, temporary files included. Rights are tested as nobody, since root may do all."""

import os
import pathlib
import subprocess
import unittest

from program import KIB, MIB, NOBODY, PROGRAM, Case, payload


class ReplaceTest(Case):
    def test_sizes(self):
        for size in (0, 1, 4095, 4097, 64 * KIB + 1, 5 * MIB + 3):
            with self.subTest(size=size):
                data = payload(size, size)
                ended = self.copy("--json", self.file("source", data), self.folder / "sink")
                self.assert_ok(ended)
                self.assertEqual(ended.receipt["delivered"], size)
                self.assert_content(self.folder / "sink", data)

    def test_replaces_and_shortens_an_existing_file(self):
        sink = self.file("sink", payload(MIB))
        before = sink.stat().st_ino
        self.assert_ok(self.copy(self.file("source", b"short"), sink))
        self.assert_content(sink, b"short")
        self.assertNotEqual(sink.stat().st_ino, before)

    def test_a_reader_of_the_old_file_keeps_it(self):
        sink = self.file("sink", b"old")
        with sink.open("rb") as reader:
            self.assert_ok(self.copy(self.file("source", b"new content"), sink))
            self.assertEqual(reader.read(), b"old")

    def test_new_file_obeys_the_umask(self):
        def umask():
            os.umask(0o027)

        self.assert_ok(self.copy(self.file("source", b"x"), self.folder / "sink", preexec_fn=umask))
        self.assertEqual((self.folder / "sink").stat().st_mode & 0o7777, 0o640)

    def test_keeps_the_mode_of_an_existing_file(self):
        sink = self.file("sink", b"old")
        sink.chmod(0o751)
        self.assert_ok(self.copy(self.file("source", b"new"), sink))
        self.assertEqual(sink.stat().st_mode & 0o7777, 0o751)

    def test_keeps_the_owner_of_an_existing_file(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to give a file away")
        sink = self.file("sink", b"old")
        os.chown(sink, NOBODY, NOBODY)
        self.assert_ok(self.copy(self.file("source", b"new"), sink))
        self.assertEqual((sink.stat().st_uid, sink.stat().st_gid), (NOBODY, NOBODY))
        self.assert_content(sink, b"new")

    def test_owner_that_cannot_be_kept_is_an_error_with_advice(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to make a file of another owner")
        self.folder.chmod(0o777)
        sink = self.file("sink", b"old")
        sink.chmod(0o666)
        source = self.file("source", b"new")
        self.assert_fails(self.copy(source, sink, **self.as_nobody()), "--in-place")
        self.assert_content(sink, b"old")
        self.assert_ok(self.copy("--in-place", source, sink, **self.as_nobody()))
        self.assert_content(sink, b"new")
        self.assertEqual(sink.stat().st_uid, 0)

    def test_folder_that_is_not_writable_is_an_error_with_advice(self):
        folder = self.folder / "closed"
        folder.mkdir()
        sink = folder / "sink"
        sink.write_bytes(b"old")
        if os.geteuid() == 0:
            os.chown(sink, NOBODY, NOBODY)
        folder.chmod(0o555)
        source = self.file("source", b"new")
        self.assert_fails(self.copy(source, sink, **self.as_nobody()), "--in-place")
        self.assert_fails(self.copy(source, folder / "new", **self.as_nobody()), "folder")
        self.assert_content(sink, b"old")
        self.assert_ok(self.copy("--in-place", source, sink, **self.as_nobody()))
        self.assert_content(sink, b"new")

    def test_several_links_are_an_error_with_advice(self):
        sink = self.file("sink", b"old")
        os.link(sink, self.folder / "other name")
        source = self.file("source", b"new")
        self.assert_fails(self.copy(source, sink), "--in-place", "links")
        self.assert_content(sink, b"old")
        self.assert_ok(self.copy("--in-place", source, sink))
        self.assert_content(self.folder / "other name", b"new")

    def test_symlink_is_followed_and_its_target_replaced(self):
        (self.folder / "deep").mkdir()
        target = self.file("deep/target", b"old")
        link = self.folder / "link"
        link.symlink_to("deep/target")
        self.assert_ok(self.copy(self.file("source", b"new"), link))
        self.assertTrue(link.is_symlink())
        self.assert_content(target, b"new")

    def test_dangling_symlink_makes_its_target(self):
        link = self.folder / "link"
        link.symlink_to("target")
        self.assert_ok(self.copy(self.file("source", b"new"), link))
        self.assertTrue(link.is_symlink())
        self.assert_content(self.folder / "target", b"new")

    def test_loop_of_symlinks_is_an_error(self):
        (self.folder / "a").symlink_to("b")
        (self.folder / "b").symlink_to("a")
        self.assert_fails(self.copy(self.file("source", b"x"), self.folder / "a"), "symbolic links")

    def test_folder_means_the_name_in_it(self):
        folder = self.folder / "folder"
        folder.mkdir()
        source = self.big_file("file.txt")
        for name in (str(folder), str(folder) + "/"):
            self.assert_ok(self.copy(source, name))
            self.assert_content(folder / "file.txt", source.read_bytes())
            (folder / "file.txt").unlink()

    def test_folder_and_no_name_is_an_error(self):
        self.assert_fails(self.copy("-", self.folder), "name the file")
        (self.folder / "folder" / "source").mkdir(parents=True)
        ended = self.copy(self.file("source", b"x"), self.folder / "folder")
        self.assert_fails(ended, "name a file")

    def test_durable(self):
        data = payload(MIB + 1)
        source = self.file("source", data)
        for how in ("data", "full"):
            for more in ((), ("--in-place",), ("--preserve",), ("--in-place", "--preserve")):
                with self.subTest(how=how, more=more):
                    self.assert_ok(self.copy("--durable", how, *more, source, self.folder / how))
                    self.assert_content(self.folder / how, data)

    def test_only_durable_syncs(self):
        if subprocess.run(["sh", "-c", "command -v strace"], capture_output=True).returncode != 0:
            self.skipTest("needs strace")
        source = self.file("source", payload(MIB))
        for how, called in ((None, set()), ("data", {"fdatasync", "fsync"}), ("full", {"fsync"})):
            option = ["--durable", how] if how else []
            log = self.folder / "log"
            ended = subprocess.run(
                ["strace", "-f", "-o", log, "-e", "trace=fsync,fdatasync,sync_file_range,syncfs",
                 PROGRAM, "copy", *option, source, self.folder / "sink"],
                capture_output=True, timeout=60,
                # A leak check needs ptrace for itself.
                env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
            if ended.returncode != 0 and b"ptrace" in ended.stderr:
                self.skipTest("strace may not trace here")
            self.assertEqual(ended.returncode, 0, ended.stderr)
            calls = {word.split("(")[0] for line in log.read_text().splitlines()
                     for word in line.split()[1:2] if "sync" in word}
            self.assertLessEqual(calls, called, how)
            self.assertEqual(bool(calls), bool(called), how)


class InPlaceTest(Case):
    def test_keeps_the_inode_and_shortens(self):
        sink = self.file("sink", payload(MIB))
        before = sink.stat().st_ino
        self.assert_ok(self.copy("--in-place", self.file("source", b"short"), sink))
        self.assert_content(sink, b"short")
        self.assertEqual(sink.stat().st_ino, before)

    def test_makes_a_missing_file(self):
        source = self.big_file()
        self.assert_ok(self.copy("--in-place", source, self.folder / "sink"))
        self.assert_content(self.folder / "sink", source.read_bytes())

    def test_a_running_program_is_an_error_with_advice(self):
        program = self.folder / "sleep"
        program.write_bytes(pathlib.Path("/bin/sleep").read_bytes())
        program.chmod(0o755)
        running = subprocess.Popen([program, "600"])
        self.addCleanup(running.wait)
        self.addCleanup(running.kill)
        source = self.file("source", b"x")
        self.assert_fails(self.copy("--in-place", source, program), "without --in-place")
        self.assert_ok(self.copy(source, program))

    def test_failed_connection_leaves_the_file_alone(self):
        sink = self.file("sink", b"old")
        ended = self.copy("--in-place", "unix:///nowhere/socket", sink)
        self.assert_fails(ended, "start the other side")
        self.assert_content(sink, b"old")


class SparseTest(Case):
    SIZE = 64 * MIB

    def sparse_file(self):
        path = self.folder / "source"
        with path.open("wb") as out:
            out.write(payload(4097))
            out.seek(20 * MIB + 123)
            out.write(payload(70000, 2))
            out.truncate(self.SIZE)
        if path.stat().st_blocks * 512 > self.SIZE // 4:
            self.skipTest("this file system keeps no holes")
        return path

    def test_stays_sparse(self):
        source = self.sparse_file()
        for more in ((), ("--in-place",), ("--mechanism", "read_write")):
            with self.subTest(more=more):
                sink = self.folder / "sink"
                ended = self.assert_ok(self.copy("--json", *more, source, sink))
                self.assertEqual(ended.receipt["delivered"], self.SIZE)
                self.assertGreater(ended.receipt["holes"], self.SIZE // 2)
                self.assertEqual(sink.stat().st_size, self.SIZE)
                self.assertLess(sink.stat().st_blocks * 512, self.SIZE // 4)
                self.assert_content(sink, source.read_bytes())
                sink.unlink()

    def test_huge_file_of_holes(self):
        source = self.folder / "source"
        with source.open("wb") as out:
            out.truncate(5 << 30)
            out.seek((4 << 30) + 1)
            out.write(b"beyond 32 bits")
        if source.stat().st_blocks * 512 > MIB:
            self.skipTest("this file system keeps no holes")
        sink = self.folder / "sink"
        self.assert_ok(self.copy(source, sink))
        self.assertEqual(sink.stat().st_size, 5 << 30)
        self.assertLess(sink.stat().st_blocks * 512, MIB)
        with sink.open("rb") as found:
            found.seek(4 << 30)
            self.assertEqual(found.read(16), b"\0beyond 32 bits\0")


class RangeTest(Case):
    def test_offset_and_length(self):
        data = payload(MIB)
        source = self.file("source", data)
        sink = self.folder / "sink"
        for offset, length in ((0, 1), (1, 4096), (4097, 64 * KIB + 1), (MIB - 1, 1), (5, 0)):
            with self.subTest(offset=offset, length=length):
                ended = self.copy("--json", "--offset", offset, "--length", length, source, sink)
                self.assert_ok(ended)
                self.assertEqual(ended.receipt["ending"], "complete")
                self.assert_content(sink, data[offset:offset + length])
        self.assert_ok(self.copy("--offset", "1KiB", source, sink))
        self.assert_content(sink, data[1024:])

    def test_length_beyond_the_end_fails_and_keeps_nothing(self):
        source = self.file("source", b"12345")
        sink = self.file("sink", b"old")
        self.assert_fails(self.copy("--length", 6, source, sink), "--length", "nothing was kept")
        self.assert_content(sink, b"old")
        ended = self.copy("--json", "--length", 6, "--offset", 1, source, self.folder / "new")
        self.assertEqual((ended.status, ended.receipt["ending"]), (1, "source_shrank"))
        self.assertFalse((self.folder / "new").exists())


class PreserveTest(Case):
    def test_mode_and_times(self):
        source = self.big_file()
        source.chmod(0o741)
        times = (1_000_000_000_123_456_789, 1_100_000_000_987_654_321)
        for more in ((), ("--in-place",)):
            with self.subTest(more=more):
                os.utime(source, ns=times)
                sink = self.folder / f"sink{len(more)}"
                self.assert_ok(self.copy("--preserve", *more, source, sink))
                facts = sink.stat()
                self.assertEqual(facts.st_mode & 0o7777, 0o741)
                self.assertEqual((facts.st_atime_ns, facts.st_mtime_ns), times)

    def test_set_id_bits_stay_behind(self):
        source = self.file("source", b"x")
        source.chmod(0o4755)
        self.assert_ok(self.copy("--preserve", source, self.folder / "sink"))
        self.assertEqual((self.folder / "sink").stat().st_mode & 0o7777, 0o755)

    def test_without_it_nothing_is_carried_over(self):
        source = self.file("source", b"x")
        os.utime(source, ns=(10**18, 10**18))
        source.chmod(0o700)
        self.assert_ok(self.copy(source, self.folder / "sink"))
        self.assertNotEqual((self.folder / "sink").stat().st_mtime_ns, 10**18)
        self.assertEqual((self.folder / "sink").stat().st_mode & 0o111, 0)


class SameFileTest(Case):
    def refused(self, *args, **more):
        self.assert_fails(self.copy(*args, **more), "the same file")
        self.assert_content(self.folder / "source", b"precious")

    def test_by_name_symlink_hard_link_and_in_place(self):
        source = self.file("source", b"precious")
        (self.folder / "soft").symlink_to("source")
        for more in ((), ("--in-place",)):
            self.refused(*more, source, source)
            self.refused(*more, source, self.folder / "soft")
            self.refused(*more, self.folder / "soft", source)
            self.refused(*more, source, self.folder)
        os.link(source, self.folder / "hard")
        for more in ((), ("--in-place",)):
            self.refused(*more, source, self.folder / "hard")

    def test_through_standard_input_and_output(self):
        source = self.file("source", b"precious")
        with source.open("rb") as stdin:
            self.refused("-", source, stdin=stdin)
            self.refused("--in-place", "-", source, stdin=stdin)
        with source.open("ab") as stdout:
            self.refused(source, "-", stdout=stdout)


class BadInputTest(Case):
    def refused(self, *args, words, **more):
        sink = self.folder / "sink"
        self.assert_fails(self.copy(*args, sink, **more), *words)
        self.assertFalse(sink.exists())

    def test_missing(self):
        self.refused(self.folder / "missing", words=["No such file", "missing", "check the name"])
        self.refused(self.file("file") / "x", words=["Not a directory"])

    def test_name_with_control_characters_stays_on_one_line(self):
        self.refused(self.folder / "a\nb\x1b[31m", words=["a?b?[31m"])

    def test_folder_as_source(self):
        self.refused(self.folder, words=["folder", "tar"])
        self.refused("-", words=["folder", "tar"], stdin=os.open(self.folder, os.O_RDONLY))

    def test_unreadable(self):
        source = self.file("source", b"x")
        source.chmod(0o200)
        self.folder.chmod(0o777)
        self.refused(source, words=["Permission denied", "may not read"], **self.as_nobody())

    def test_missing_folder_of_the_sink(self):
        source = self.file("source", b"x")
        self.assert_fails(self.copy(source, self.folder / "no" / "sink"), "make its folder")
        self.assert_fails(self.copy(source, str(self.folder / "no") + "/"), "make the folder")
        self.assert_fails(self.copy(source, source / "sink"), "Not a directory")

    def test_socket_as_a_path(self):
        import socket
        path = self.folder / "socket"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            self.assert_fails(self.copy(path, self.folder / "sink"), "unix:///")
            self.assert_fails(self.copy(self.file("source", b"x"), path), "unix:///")

    def test_file_size_limit(self):
        def limit():
            import resource
            import signal
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, MIB))

        self.refused(self.big_file(), words=["too large", "ulimit"], preexec_fn=limit)


class DiskFullTest(Case):
    """On a tmpfs of 1 MiB."""

    def setUp(self):
        super().setUp()
        self.small = self.folder / "small"
        self.small.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "leat", self.small],
                                 capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"no small file system can be mounted: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", self.small], check=True)

    def test_nothing_is_kept(self):
        source = self.big_file()
        for more in ((), ("--mechanism", "read_write"), ("--durable", "full")):
            with self.subTest(more=more):
                ended = self.copy(*more, source, self.small / "sink")
                self.assert_fails(ended, "No space left", "free some space", "nothing was kept")
                self.assertEqual(list(self.small.iterdir()), [])

    def test_the_old_file_is_kept(self):
        sink = self.small / "sink"
        sink.write_bytes(b"old")
        self.assert_fails(self.copy(self.big_file(), sink), "No space left")
        self.assertEqual(sink.read_bytes(), b"old")
        self.assertEqual([path.name for path in self.small.iterdir()], ["sink"])


if __name__ == "__main__":
    unittest.main()
