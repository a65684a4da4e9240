"""Goal: `leat bench transfer` measures every source to every sink, over the loopback and over veth,
and hides no mechanism. Method: each pair once, a few MiB; its JSON is compared with `leat probe`.
"""

import errno
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import denied_calls
from bench_program import PROGRAM, SIZE, WATCHDOG_S, bench, network_devices, small, why_no_veth

TINY = ["--size", "65KiB", "--pairs", "1", "--max-pairs", "1", "--mechanism", "read_write",
        "--block-size", "64KiB"]


def mechanisms():
    """All that this build has."""
    output = subprocess.run([PROGRAM, "probe", "--json"], capture_output=True, text=True,
                            timeout=WATCHDOG_S, check=True).stdout
    return {entry["mechanism"] for entry in json.loads(output)["mechanisms"]}


LIMITING_SIDES = {"sender_cpu", "receiver_cpu", "feeder_cpu", "disk", "window"}


class PairCase(unittest.TestCase):
    path = None

    def rows(self, source, sink):
        """The rows of one run by mechanism, after the checks that hold for all of them."""
        arguments = ["--source", source, "--sink", sink, *(["--path", self.path] * bool(self.path))]
        report = json.loads(bench(*small("--json", *arguments, pairs=1), check=0).stdout)
        over_tcp = "tcp" in (source, sink)
        place = (source, sink, (self.path or "loopback") if over_tcp else sink)
        for entry in report["rows"] + report["refusals"] + report["sweep"]:
            self.assertEqual((entry["source"], entry["sink"], entry["path"]), place)
        for row in report["rows"]:
            self.check_row(row)
        self.check_all_accounted_for(report)
        return {row["mechanism"]: row for row in report["rows"] if not row["repeat"]}

    def check_row(self, row):
        received = row["sink"] != "file"
        self.assertEqual(row["size"], SIZE)
        self.assertEqual(row["receiver"], "truncate" if received else None)
        self.assertEqual(row["receiver_cpu_s"] is None, not received)
        self.assertIn(row["limited_by"], LIMITING_SIDES)
        self.assertEqual(row["feeder_cpu_s"] is None, row["source"] not in ("pipe", "tcp"))
        if row["mechanism"] != "auto":
            self.assertEqual(row["picked"], row["mechanism"])
        # A number exactly if somebody knows it.
        self.assertEqual(row["cpu_copies"] is None, row["known_by"] in ("pending", "unknown"))

    def check_all_accounted_for(self, report):
        """Every mechanism has a row or a reason."""
        rows = {row["mechanism"] for row in report["rows"]} - {"auto"}
        absent = {entry["mechanism"] for entry in report["refusals"]}
        self.assertEqual(rows | absent, mechanisms())
        self.assertFalse(rows & absent)
        for entry in report["refusals"]:
            self.assertTrue(entry["reason"])


class OverTcp:
    """The pairs with TCP at one end, whatever it passes."""

    def test_file_to_tcp(self):
        rows = self.rows("file", "tcp")
        self.assertLessEqual({"read_write", "sendfile", "splice", "auto"}, set(rows))

    def test_memory_to_tcp(self):
        rows = self.rows("memory", "tcp")
        self.assertLessEqual({"read_write", "auto"}, set(rows))
        self.assertIsNone(rows["read_write"]["block_bytes"])  # it is written from where it lies
        self.assertEqual(rows["read_write"]["cpu_copies"], 1)
        self.check_lent_memory(rows)

    def check_lent_memory(self, rows):
        """Between processes of one host the kernel copies lent memory after all, and says so;
        before Linux 6.2 it does not say it of io_uring's sends."""
        for name in {"zerocopy_send", "uring_send_zc"} & set(rows):
            if name == "uring_send_zc" and rows[name]["known_by"] == "unknown":
                continue
            self.assertEqual(rows[name]["known_by"], "kernel", name)
            self.assertEqual(rows[name]["cpu_copies"], 1, name)

    def test_pipe_to_tcp(self):
        rows = self.rows("pipe", "tcp")
        self.assertLessEqual({"read_write", "splice", "auto"}, set(rows))
        self.assertEqual(rows["splice"]["cpu_copies"], 0)

    def test_tcp_to_file(self):
        self.assertLessEqual({"read_write", "splice", "auto"}, set(self.rows("tcp", "file")))

    def test_tcp_to_tcp(self):
        self.assertLessEqual({"read_write", "splice", "auto"}, set(self.rows("tcp", "tcp")))


class Loopback(OverTcp, PairCase):
    pass


class Local(PairCase):
    def test_file_to_file(self):
        self.assertLessEqual({"read_write", "copy_file_range"}, set(self.rows("file", "file")))

    def test_memory_to_file(self):
        self.assertIn("read_write", self.rows("memory", "file"))

    def test_pipe_to_file(self):
        self.assertLessEqual({"read_write", "splice"}, set(self.rows("pipe", "file")))

    def test_file_to_unix(self):
        rows = self.rows("file", "unix")
        self.assertLessEqual({"read_write", "sendfile", "splice", "mmap_write", "auto"}, set(rows))
        self.assertEqual(rows["sendfile"]["cpu_copies"], 0)

    def test_memory_to_unix(self):
        rows = self.rows("memory", "unix")
        self.assertLessEqual({"read_write", "vmsplice", "auto"}, set(rows))
        self.assertEqual(rows["vmsplice"]["cpu_copies"], 0)

    def test_streams_to_unix(self):
        for source in ("pipe", "tcp"):
            self.assertLessEqual({"read_write", "splice", "auto"}, set(self.rows(source, "unix")))

    def test_file_to_pipe(self):
        rows = self.rows("file", "pipe")
        self.assertLessEqual({"read_write", "sendfile", "splice", "mmap_write", "auto"}, set(rows))
        self.assertEqual(rows["splice"]["cpu_copies"], 0)

    def test_memory_to_pipe(self):
        rows = self.rows("memory", "pipe")
        self.assertLessEqual({"read_write", "vmsplice", "auto"}, set(rows))
        self.assertEqual(rows["vmsplice"]["cpu_copies"], 0)

    def test_streams_to_a_pipe(self):
        for source in ("pipe", "tcp"):
            self.assertLessEqual({"read_write", "splice", "auto"}, set(self.rows(source, "pipe")))

    def test_all_is_every_source_to_every_sink(self):
        report = json.loads(bench(*TINY, "--json", "--source", "all", "--sink", "all",
                                  check=0).stdout)
        self.assertEqual({(row["source"], row["sink"]) for row in report["rows"]},
                         {(source, sink) for source in ("file", "memory", "pipe", "tcp")
                          for sink in ("tcp", "unix", "pipe", "file")})

    def test_headings_name_source_sink_and_path(self):
        headings = {("file", "tcp"): "file to TCP over loopback, ",
                    ("memory", "file"): "memory to a new file, ",
                    ("file", "unix"): "file to a UNIX socket, ",
                    ("tcp", "pipe"): "TCP over loopback to a pipe, ",
                    ("tcp", "file"): "TCP over loopback to a new file, ",
                    ("tcp", "tcp"): "TCP to TCP, both over loopback, "}
        for (source, sink), heading in headings.items():
            text = bench(*TINY, "--source", source, "--sink", sink, check=0).stdout
            self.assertTrue(text.startswith(heading), text)
            self.assertTrue(text.splitlines()[0].endswith(" 1 round"), text)


class Receivers(unittest.TestCase):
    def rows(self, receiver):
        return json.loads(bench(*TINY, "--json", "--receiver", receiver, check=0).stdout)["rows"]

    def test_is_named_in_each_row_that_has_one(self):
        for receiver in ("truncate", "copy"):
            for row in self.rows(receiver):
                self.assertEqual(row["receiver"], None if row["sink"] == "file" else receiver)

    def test_is_named_in_the_heading(self):
        lines = {("tcp", "truncate"): "discards (truncate: MSG_TRUNC)",
                 ("unix", "truncate"): "discards (truncate: splice by a pipe to /dev/null)",
                 ("pipe", "truncate"): "discards (truncate: splice to /dev/null)",
                 ("pipe", "copy"): "reads into a buffer of 1 MiB (copy)"}
        for (sink, receiver), line in lines.items():
            text = bench(*TINY, "--sink", sink, "--receiver", receiver, check=0).stdout
            self.assertIn(f"the receiver is a process of its own and {line}\n", text)


class FailingReceiver(unittest.TestCase):
    def test_one_line_says_what_was_denied(self):
        if denied_calls.missing():
            self.skipTest(denied_calls.missing())
        for sink in ("unix", "pipe"):
            result = bench(*small("--sink", sink, "--mechanism", "read_write", pairs=1),
                           preexec_fn=denied_calls.deny(["splice"], errno.EPERM))
            self.assertEqual(result.returncode, 1)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
            self.assertIn("the receiver failed: splice: ", result.stderr)


class Cold(unittest.TestCase):
    """On the disk that the build is on; where that cannot be dropped from memory, it is skipped."""

    def setUp(self):
        result = bench(*small("--json", "--cold", "--dir", os.getcwd(), pairs=1))
        if result.returncode == 1 and "page cache" in result.stderr:
            self.skipTest(result.stderr.strip())
        self.assertEqual(result.returncode, 0, result.stderr)
        self.rows = json.loads(result.stdout)["rows"]

    def test_says_so(self):
        self.assertEqual({row["cache"] for row in self.rows}, {"cold"})

    def test_the_page_cache_grows_by_what_was_read_and_written(self):
        by_file = {"tcp": 1, "unix": 1, "pipe": 1, "file": 2}
        for row in self.rows:
            grown = 0 if row["picked"] == "direct_io" else by_file[row["sink"]] * SIZE
            if row["picked"] in ("reflink", "copy_file_range"):
                continue  # file systems share extents by it
            self.assertAlmostEqual(row["page_cache_growth_bytes"], grown, delta=SIZE // 4,
                                   msg=row["mechanism"])


class Warm(unittest.TestCase):
    def test_the_page_cache_grows_by_what_was_written(self):
        rows = json.loads(bench(*TINY, "--json", check=0).stdout)["rows"]
        page = os.sysconf("SC_PAGESIZE")
        for row in rows:
            self.assertEqual(row["cache"], "warm")
            self.assertAlmostEqual(row["page_cache_growth_bytes"],
                                   row["size"] if row["sink"] == "file" else 0, delta=page)


class Veth(OverTcp, PairCase):
    path = "veth"

    @classmethod
    def setUpClass(cls):
        reason = why_no_veth()
        if reason:
            raise unittest.SkipTest(f"no veth pair here: {reason}")

    def test_the_heading_names_it(self):
        text = bench(*TINY, "--source", "tcp", "--sink", "file", "--path", "veth", check=0).stdout
        self.assertTrue(text.startswith("TCP over veth to a new file, "), text)

    def test_without_a_sink_the_file_follows_over_no_network(self):
        rows = json.loads(bench(*TINY, "--json", "--path", "veth", check=0).stdout)["rows"]
        self.assertEqual({(row["sink"], row["path"]) for row in rows},
                         {("tcp", "veth"), ("unix", "unix"), ("pipe", "pipe"), ("file", "file")})

    def test_it_leaves_no_device_behind(self):
        before = network_devices()
        self.assertEqual(why_no_veth(), "")
        self.assertEqual(network_devices(), before)

    def test_an_ordinary_user_has_it_where_user_namespaces_are_permitted(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to become another user")
        user = {"user": 65534, "group": 65534, "extra_groups": []}
        allowed = subprocess.run(["unshare", "--user", "--map-root-user", "--net", "true"],
                                 capture_output=True, timeout=WATCHDOG_S, **user).returncode == 0
        if not allowed:
            self.skipTest("user namespaces are not permitted here")
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            program = pathlib.Path(folder, "leat")
            program.write_bytes(pathlib.Path(PROGRAM).read_bytes())
            program.chmod(0o755)
            self.assertEqual(why_no_veth(executable=program, **user), "")


class VethDenied(unittest.TestCase):
    def test_one_line_says_what_to_do(self):
        if denied_calls.missing():
            self.skipTest(denied_calls.missing())
        reason = why_no_veth(preexec_fn=denied_calls.deny(["unshare"], errno.EPERM))
        self.assertEqual(len(reason.splitlines()), 1, reason)
        for word in ("leat bench transfer: ", "veth", "CAP_NET_ADMIN", "root"):
            self.assertIn(word, reason)


if __name__ == "__main__":
    unittest.main()
