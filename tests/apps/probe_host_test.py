"""Goal: what `leat probe` says of the kernel, limits, file systems, interfaces and hardware is
right where it can be checked otherwise; in a sandbox it names who denies, says "unknown" of what is
hidden, never fails and never guesses; it leaves nothing behind and does not hang. Method: the
program is run as it is, under seccomp filters, as an unprivileged user without any capability, in
mount and network namespaces in which /proc and /sys are hidden, a file system is dead or frozen, or
an interface is made."""

import ctypes
import errno
import fcntl
import json
import os
import resource
import shutil
import struct
import subprocess
import unittest

import denied_calls
from program import NOBODY, PROGRAM, WATCHDOG_S, Case

SECTIONS = ["kernel", "limits", "file_systems", "interfaces", "hardware"]
KEYS = ["name", "verdict", "detail", "remedy", "facts"]
VERDICTS = {"yes", "no", "limited", "unknown"}
SANDBOX = ["io_uring_setup", "io_uring_enter", "io_uring_register", "perf_event_open", "bpf"]
DENIED = ["io_uring", "perf_event_open", "bpf"]
UNPRIVILEGED = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                "--bounding-set=-all", "--no-new-privs"]

SIOCETHTOOL = 0x8946
ETHTOOL_SSG = 0x19


def needs_root(case):
    if os.geteuid() != 0:
        case.skipTest("needs root")


def needs_no_proc(case):
    if os.environ.get("LEAT_SANITIZE"):
        case.skipTest("what sanitizers add to a program reads /proc")


class HostCase(Case):
    def ask(self, *before, sections=(), **more):
        """The answers by section and name, after the checks that hold for all of them."""
        command = [*before, more.pop("program", PROGRAM), "probe", "--json", *sections]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=WATCHDOG_S,
                               stdin=subprocess.DEVNULL, **more)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""), ended.args)
        self.assertEqual(ended.stdout.count("\n"), 1)
        found = json.loads(ended.stdout)
        found.pop("mechanisms", None)
        for entries in found.values():
            for entry in entries:
                self.assertEqual(list(entry), KEYS)
                self.assertIn(entry["verdict"], VERDICTS)
                self.assertTrue(entry["detail"])
                self.assertNotEqual(entry["remedy"], "")
        return {section: {entry["name"]: entry for entry in entries}
                for section, entries in found.items()}

    def reachable_program(self):
        program = self.folder / "program"
        shutil.copy(PROGRAM, program)
        program.chmod(0o755)
        return program

    def in_mount_namespace(self, script, **more):
        """Runs `script` as root in a mount namespace of its own and the program after it."""
        needs_root(self)
        sections = more.pop("sections", ())
        before = more.pop("before", [])
        return self.ask("unshare", "--mount", "sh", "-ec", f'{script}\nexec "$@"', "sh", *before,
                        sections=sections, **more)


class HostTest(HostCase):
    def test_every_section_has_an_answer(self):
        found = self.ask()
        self.assertEqual(list(found), SECTIONS)
        for section, entries in found.items():
            self.assertTrue(entries, section)
        self.assertLessEqual({"io_uring", "MSG_ZEROCOPY", "kernel TLS", "cachestat", "RWF_NOWAIT",
                              "STATX_DIOALIGN", "userfaultfd", "perf_event_open", "bpf"},
                             set(found["kernel"]))
        self.assertLessEqual({"RLIMIT_MEMLOCK", "net.core.optmem_max", "fs.pipe-max-size",
                              "fs.pipe-user-pages-soft", "RLIMIT_NOFILE",
                              "kernel.perf_event_paranoid", "kernel.kptr_restrict"},
                             set(found["limits"]))

    def test_an_unprivileged_user_is_answered_too(self):
        needs_root(self)
        found = self.ask(*UNPRIVILEGED, program=self.reachable_program(), cwd=self.folder)
        self.assertEqual(set(found), set(SECTIONS))
        self.assertEqual(list(found["kernel"]), list(self.ask()["kernel"]))

    def test_limits_are_this_process_own(self):
        def lower():
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (4096, 4096))

        more = {"preexec_fn": lower, "sections": ["limits"]}
        before = []
        if os.geteuid() == 0:
            more["program"] = self.reachable_program()
            before = UNPRIVILEGED
        found = self.ask(*before, **more)["limits"]
        self.assertEqual(found["RLIMIT_NOFILE"]["verdict"], "limited")
        self.assertIn("64", found["RLIMIT_NOFILE"]["detail"])
        self.assertEqual(found["RLIMIT_NOFILE"]["remedy"], "ulimit -n 4096")
        self.assertEqual(found["RLIMIT_MEMLOCK"]["verdict"], "limited")
        self.assertIn("4.00 KiB", found["RLIMIT_MEMLOCK"]["detail"])

    def test_nothing_is_left_behind(self):
        folder = self.folder / "empty"
        folder.mkdir()
        folder.chmod(0o777)
        before = set(os.listdir("/tmp")) if os.path.isdir("/tmp") else set()
        self.ask(cwd=folder)
        self.assertEqual(os.listdir(folder), [])
        left = set(os.listdir("/tmp")) - before if before else set()
        self.assertFalse([name for name in left if "leat" in name and "test" not in name])


class SandboxTest(HostCase):
    def check_denied(self, error_number, **more):
        """The verdicts on what the filter denies, with the errno; the rest is as without it."""
        if denied_calls.missing():
            self.skipTest(denied_calls.missing())
        found = self.ask(preexec_fn=denied_calls.deny(SANDBOX, error_number), **more)
        for name in DENIED:
            entry = found["kernel"][name]
            self.assertEqual(entry["verdict"], "no", entry)
            self.assertIn(errno.errorcode[error_number], entry["detail"])
            self.assertIn("seccomp", entry["detail"])
        self.assertEqual(found["kernel"]["io_uring operations"]["verdict"], "unknown")
        self.assertIsNone(found["kernel"]["io_uring"]["remedy"])
        self.assertIsNone(found["kernel"]["perf_event_open"]["remedy"])
        return found

    def test_a_filter_is_named_and_changes_nothing_else(self):
        expected = self.ask()
        for number in (errno.EPERM, errno.ENOSYS):
            found = self.check_denied(number)
            for name, entry in expected["kernel"].items():
                if not name.startswith("io_uring") and name not in DENIED:
                    self.assertEqual(found["kernel"][name], entry)
            self.assertEqual(found["limits"], expected["limits"])

    def test_a_filter_and_an_unprivileged_user(self):
        user = self.as_nobody()
        if not user:
            self.skipTest("needs root to become another user")
        for number in (errno.EPERM, errno.ENOSYS):
            self.check_denied(number, cwd=self.folder, **user)

    def test_a_ring_that_may_only_be_set_up(self):
        if denied_calls.missing():
            self.skipTest(denied_calls.missing())
        if self.ask()["kernel"]["io_uring"]["verdict"] != "yes":
            self.skipTest("no io_uring here")
        for call in ("io_uring_enter", "io_uring_register"):
            found = self.ask(preexec_fn=denied_calls.deny([call], errno.EPERM))
            entry = found["kernel"]["io_uring"]
            self.assertEqual(entry["verdict"], "no")
            self.assertIn(call, entry["detail"])

    def test_cachestat_that_is_hidden(self):
        if denied_calls.missing():
            self.skipTest(denied_calls.missing())
        found = self.ask(preexec_fn=denied_calls.deny(["cachestat"], errno.ENOSYS))
        self.assertEqual(found["kernel"]["cachestat"]["verdict"], "no")

    def check_hidden(self, found, hidden):
        """What is known from `hidden` alone is unknown, with the reason."""
        entries = {"/proc": [("limits", "fs.pipe-max-size"), ("limits", "net.core.optmem_max"),
                             ("limits", "kernel.kptr_restrict"), ("kernel", "kernel TLS"),
                             ("file_systems", "all")],
                   "/sys": [("hardware", "RDMA"), ("hardware", "NUMA nodes"),
                            ("hardware", "huge pages"), ("hardware", "huge pages THP")]}
        for section, name in entries[hidden]:
            entry = found[section][name]
            self.assertEqual(entry["verdict"], "unknown", entry)
            self.assertIn(f"cannot read {hidden}/", entry["detail"])
            self.assertIsNone(entry["remedy"])

    def test_folders_that_are_hidden_are_not_guessed_at(self):
        needs_no_proc(self)
        sys = "mount -t tmpfs none /sys"
        proc = "mount -t tmpfs none /proc"
        self.check_hidden(self.in_mount_namespace(sys), "/sys")
        self.check_hidden(self.in_mount_namespace(proc), "/proc")
        both = self.in_mount_namespace(f"{sys}\n{proc}", before=UNPRIVILEGED, cwd=self.folder,
                                       program=self.reachable_program())
        self.check_hidden(both, "/sys")
        self.check_hidden(both, "/proc")
        # What needs neither is known all the same.
        self.assertEqual(both["interfaces"], self.ask()["interfaces"])
        self.assertNotEqual(both["limits"]["RLIMIT_NOFILE"]["verdict"], "unknown")

    def test_all_of_it_together(self):
        needs_no_proc(self)
        if denied_calls.missing():
            self.skipTest(denied_calls.missing())
        found = self.in_mount_namespace(
            "mount -t tmpfs none /sys\nmount -t tmpfs none /proc", before=UNPRIVILEGED,
            program=self.reachable_program(), cwd=self.folder,
            preexec_fn=denied_calls.deny(SANDBOX, errno.EPERM))
        for name in DENIED:
            self.assertEqual(found["kernel"][name]["verdict"], "no")
        self.check_hidden(found, "/sys")

    def test_read_only_folders_of_settings_change_nothing(self):
        found = self.in_mount_namespace("mount -o remount,ro,bind /sys\n"
                                        "mount -o remount,ro,bind /proc",
                                        sections=["hardware", "limits"])
        self.assertEqual(found, self.ask(sections=["hardware", "limits"]))


class FileSystemTest(HostCase):
    def entry_of(self, found, folder):
        return found["file_systems"][str(folder)]

    def mounted(self, command, folder, more=""):
        return self.in_mount_namespace(f"{command}\n{more}", sections=["file_systems"])

    def test_a_bind_mount_is_no_file_system_of_its_own(self):
        where = self.folder / "bound"
        where.mkdir()
        one = self.folder / "tmpfs"
        one.mkdir()
        found = self.mounted(f"mount -t tmpfs none {one}", one, f"mount --bind {one} {where}")
        self.assertEqual(self.entry_of(found, one)["facts"]["type"], "tmpfs")
        self.assertNotIn(str(where), found["file_systems"])

    def test_one_beneath_another_is_not_taken_for_it(self):
        where = self.folder / "stack"
        inner = where / "inner"
        where.mkdir()
        # The second mount hides the first with all that is mounted in it, and has a folder of the
        # same name.
        once = f"mount -t tmpfs none {where}\nmkdir {inner}"
        found = self.mounted(once, where, f"mount -t tmpfs none {inner}\n{once}")
        self.assertEqual(self.entry_of(found, where)["facts"]["holes"], "yes")
        entry = self.entry_of(found, inner)
        self.assertEqual(entry["verdict"], "unknown", entry)
        self.assertIn("beneath another mount", entry["detail"])

    def test_one_that_is_read_only_is_not_written_to(self):
        where = self.folder / "ro"
        where.mkdir()
        entry = self.entry_of(self.mounted(f"mount -t tmpfs -o ro none {where}", where), where)
        self.assertEqual(entry["facts"]["read_only"], "yes")
        self.assertEqual(entry["facts"]["reflink"], "unknown")
        self.assertIn("read-only", entry["detail"])

    def test_holes_and_reflinks_are_seen(self):
        for kind, reflink in (("btrfs", "yes"), ("ext4", "no")):
            with self.subTest(kind):
                self.check_kind(kind, reflink)

    def check_kind(self, kind, reflink):
        needs_root(self)
        if kind not in open("/proc/filesystems").read() or not shutil.which(f"mkfs.{kind}"):
            self.skipTest(f"no {kind} here")
        image = self.folder / f"{kind}.img"
        with open(image, "wb") as file:
            file.truncate(256 << 20)
        subprocess.run([f"mkfs.{kind}", "-q", image], check=True, timeout=WATCHDOG_S,
                       capture_output=True)
        where = self.folder / kind
        where.mkdir()
        if subprocess.run(["unshare", "--mount", "mount", "-o", "loop", image, where],
                          capture_output=True, timeout=WATCHDOG_S).returncode != 0:
            self.skipTest(f"{kind} cannot be mounted from a file here")
        found = self.mounted(f"mount -o loop {image} {where}", where)
        facts = self.entry_of(found, where)["facts"]
        self.assertEqual(facts["type"], kind)
        self.assertEqual(facts["reflink"], reflink)
        self.assertEqual(facts["holes"], "yes")

    def test_a_dead_file_system_is_not_asked(self):
        needs_root(self)
        if not os.path.exists("/dev/fuse"):
            self.skipTest("needs /dev/fuse")
        where = self.folder / "dead"
        where.mkdir()
        # Nobody ever answers on this descriptor, as if a server had gone.
        dead = os.open("/dev/fuse", os.O_RDWR)
        self.addCleanup(os.close, dead)
        options = f"fd={dead},rootmode=40000,user_id=0,group_id=0"
        found = self.in_mount_namespace(f"mount -i -t fuse -o {options} dead {where}",
                                        sections=["file_systems"], pass_fds=[dead])
        entry = self.entry_of(found, where)
        self.assertEqual(entry["verdict"], "unknown")
        self.assertIn("not asked: may hang", entry["detail"])

    def test_one_that_is_frozen_holds_nobody_up(self):
        needs_root(self)
        if not shutil.which("fsfreeze") or not shutil.which("mkfs.ext4"):
            self.skipTest("needs fsfreeze and mkfs.ext4")
        image = self.folder / "frozen.img"
        with open(image, "wb") as file:
            file.truncate(16 << 20)
        subprocess.run(["mkfs.ext4", "-q", image], check=True, timeout=WATCHDOG_S)
        where = self.folder / "frozen"
        where.mkdir()
        # Frozen until its standard input ends, whatever becomes of the program.
        script = (f"mount -o loop {image} {where}; fsfreeze -f {where}; echo frozen\n"
                  f"read end || :; fsfreeze -u {where}; umount {where}")
        holder = subprocess.Popen(["unshare", "--mount", "sh", "-ec", script], text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        if holder.stdout.readline() != "frozen\n":
            holder.communicate()
            self.skipTest("ext4 cannot be mounted from a file and frozen here")
        program = subprocess.Popen(["nsenter", f"--mount=/proc/{holder.pid}/ns/mnt", PROGRAM,
                                    "probe", "--json", "file_systems"], text=True,
                                   stdout=subprocess.PIPE)
        try:
            output, _ = program.communicate(timeout=WATCHDOG_S)
        finally:
            holder.communicate("thaw\n", timeout=WATCHDOG_S)
            program.wait(WATCHDOG_S)
        found = {entry["name"]: entry for entry in json.loads(output)["file_systems"]}
        self.assertEqual(found[str(where)]["verdict"], "unknown")
        self.assertIn("did not answer in time", found[str(where)]["detail"])

    def test_a_user_is_answered_where_he_may_write(self):
        needs_root(self)
        where = self.folder / "tmpfs"
        inner = where / "inner"
        where.mkdir()
        # Its root is root's alone to write to, a folder in it is everybody's.
        script = (f"mount -t tmpfs -o mode=755 none {where}\nmkdir -m 777 {inner}\ncd {inner}")
        found = self.in_mount_namespace(script, sections=["file_systems"], before=UNPRIVILEGED,
                                        program=self.reachable_program())
        self.assertEqual(self.entry_of(found, where)["facts"]["holes"], "yes")


class InterfaceTest(HostCase):
    def test_the_loopback_takes_scattered_pages_and_copies_lent_memory(self):
        entry = self.ask(sections=["interfaces"])["interfaces"]["lo"]
        self.assertEqual(entry["verdict"], "yes")
        self.assertEqual(entry["facts"]["scatter_gather"], "yes")
        self.assertIn("MSG_ZEROCOPY", entry["detail"])

    def test_scatter_gather_that_is_off_has_its_command(self):
        needs_root(self)
        if not shutil.which("ip"):
            self.skipTest("needs ip")
        libc = ctypes.CDLL(None, use_errno=True)

        def make():
            if libc.unshare(0x40000000) != 0:  # CLONE_NEWNET
                raise OSError(ctypes.get_errno(), "unshare")
            subprocess.run(["ip", "link", "add", "v0", "mtu", "1400", "type", "veth", "peer", "v1"],
                           check=True)
            value = ctypes.create_string_buffer(struct.pack("II", ETHTOOL_SSG, 0))
            request = struct.pack("16sQ16x", b"v0", ctypes.addressof(value))
            import socket
            with socket.socket() as anything:
                fcntl.ioctl(anything, SIOCETHTOOL, request)

        try:
            found = self.ask(sections=["interfaces"], preexec_fn=make)["interfaces"]
        except subprocess.SubprocessError:
            self.skipTest("no network namespace or no veth here")
        entry = found["v0"]
        self.assertEqual(entry["verdict"], "no")
        self.assertIn("the kernel copies", entry["detail"])
        self.assertTrue(entry["remedy"].startswith("ethtool -K v0 "), entry)
        self.assertIn("sg on", entry["remedy"])
        self.assertEqual((entry["facts"]["mtu"], entry["facts"]["driver"], entry["facts"]["up"]),
                         ("1400", "veth", "no"))
        self.assertEqual(found["v1"]["verdict"], "yes")


if __name__ == "__main__":
    unittest.main()
