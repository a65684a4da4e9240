"""`leat bench memory` and `leat bench read`: what they print, what they leave out and say so, and
what they refuse. The figures of such small runs say nothing, and nothing is asked of them."""

import errno
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import denied_calls
from bench_program import PROGRAM, WATCHDOG_S

CORD, MIMALLOC = "Abseil's Cord", "mimalloc"
SHARED = 16 << 20
PAIRS = ["--pairs", "2", "--max-pairs", "2"]
RATIOS = ("wall_vs_first", "cpu_vs_first")
ROW_KEYS = {"name", "repeat", "from_disk", "settled", "samples", "wall_ns", "cpu_ns",
            "bytes_per_op", "allocations_per_op", *RATIOS}
GROUP_KEYS = {"key", "title", "operation", "rounds", "rows", "absent", "limits"}
USE_KEYS = {"key", "title", "size", "rows", "absent", "limits"}


def run(command, *arguments, program=PROGRAM, check=None, **more):
    result = subprocess.run([program, "bench", command, *map(str, arguments)], capture_output=True,
                            text=True, timeout=WATCHDOG_S, check=False, **more)
    if check is not None and result.returncode != check:
        raise AssertionError(f"status {result.returncode}: {result.stderr}{result.stdout}")
    return result


def groups_of(report, kind="comparisons"):
    return {group["key"]: group for group in report[kind]}


def names(group):
    return [row["name"] for row in group["rows"] if not row.get("repeat")]


def reasons(group):
    return {absent["name"]: absent["reason"] for absent in group["absent"]}


class Shape:
    """What both commands have in common. `text`, `report` and `page` are of one run."""

    def test_lines_are_short_and_plain(self):
        for line in self.text.splitlines()[:-2]:  # the last ones name the command and the host
            self.assertLessEqual(len(line), 100, line)
        self.assertTrue(all(c == "\n" or c.isprintable() for c in self.text))
        self.assertIn(os.uname().release, self.text)

    def test_keys(self):
        self.assertEqual(set(self.report), {"host", "command", "load", "comparisons", "memory_use"})
        for group in self.report["comparisons"]:
            self.assertEqual(set(group), GROUP_KEYS)
            for row in group["rows"]:
                self.assertEqual(set(row), ROW_KEYS)
                self.assertEqual(row["samples"], group["rounds"])
                self.assertGreater(row["wall_ns"], 0)
                self.assertGreater(row["cpu_ns"], 0)
                for ratio in RATIOS:
                    self.assertEqual(set(row[ratio]), {"ratio", "low", "high"})
            for limit in group["limits"]:
                self.assertEqual(set(limit), {"limit", "met", "settled"})

    def test_the_first_row_is_there_twice(self):
        for group in self.report["comparisons"]:
            first, again = group["rows"][:2]
            self.assertEqual((first["name"], first["repeat"]), (again["name"], False))
            self.assertTrue(again["repeat"])
            self.assertIn(f"{first['name']} (2)", self.text)
            for ratio in RATIOS:
                self.assertEqual(first[ratio]["ratio"], 1)
                self.assertIsNone(again[ratio]["low"])  # two pairs have no interval

    def test_two_rounds_decide_nothing(self):
        for group in self.report["comparisons"]:
            for limit in group["limits"]:
                self.assertFalse(limit["settled"], limit)
                self.assertIn("limit NOISY", self.text)

    def test_the_page_shows_every_group_and_row(self):
        groups = self.report["comparisons"] + self.report["memory_use"]
        self.assertEqual(self.page.count("<h2 "), len(groups))
        for group in groups:
            for row in group["rows"]:
                self.assertTrue(f"<td>{row['name'].replace(chr(39), '&#39;')}" in self.page,
                                row["name"])  # not assertIn: it would print the page
        self.assertNotIn("<script", self.page)

    def test_kept_results_give_the_same_page(self):
        again = pathlib.Path(self.folder.name) / "again.html"
        run("page", self.json, "--html", again, check=0)
        self.assertEqual(again.read_text(), self.page)


def run_once(case, command, *arguments):
    """One run serves all cases of a class."""
    case.folder = tempfile.TemporaryDirectory()
    case.addClassCleanup(case.folder.cleanup)
    case.json = pathlib.Path(case.folder.name) / "kept.json"
    html = pathlib.Path(case.folder.name) / "kept.html"
    case.text = run(command, *arguments, *PAIRS, f"--json={case.json}", "--html", html,
                    check=0).stdout
    case.report = json.loads(case.json.read_text())
    case.page = html.read_text()


class Memory(Shape, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        run_once(cls, "memory", "--size", str(SHARED))
        cls.groups = groups_of(cls.report)

    def test_groups(self):
        self.assertEqual(list(self.groups), [
            "slices", "chain_append_foreign", "chain_append_ready", "chain_iterate", "chain_split",
            "pool_single", "pool_burst"])
        self.assertEqual(names(self.groups["slices"]), [
            "copied into a kept buffer", "copied into a new buffer", "call-scoped part",
            "ref-counted part"])

    def test_a_slice_allocates_nothing_and_a_copy_does(self):
        rows = {row["name"]: row for row in self.groups["slices"]["rows"]}
        if os.environ.get("LEAT_SANITIZE"):
            for row in rows.values():
                self.assertIsNone(row["allocations_per_op"])
            return
        self.assertEqual(rows["copied into a new buffer"]["bytes_per_op"], 64 << 10)
        self.assertEqual(rows["copied into a new buffer"]["allocations_per_op"], 1)
        for name in ("call-scoped part", "ref-counted part", "copied into a kept buffer"):
            self.assertEqual(rows[name]["allocations_per_op"], 0, name)
            self.assertEqual(rows[name]["bytes_per_op"], 0, name)

    def test_pools_allocate_nothing(self):
        if os.environ.get("LEAT_SANITIZE"):
            self.skipTest("a sanitizer has its own operator new")
        for key in ("pool_single", "pool_burst"):
            for row in self.groups[key]["rows"]:
                if row["name"] in ("Pool", "PoolCache"):
                    self.assertEqual(row["allocations_per_op"], 0, row)

    def test_peers_have_a_row_or_a_reason(self):
        for key, group in self.groups.items():
            peer = CORD if key.startswith("chain") else MIMALLOC if key.startswith("pool") else ""
            if not peer:
                continue
            self.assertNotEqual(peer in names(group), peer in reasons(group), key)
            if peer in names(group):
                self.assertEqual(group["rows"][0]["name"], peer)
                self.assertEqual(len(group["limits"]), 1, key)
            else:
                self.assertEqual(group["limits"], [], key)

    def test_memory_that_is_shared_is_there_once(self):
        group = groups_of(self.report, "memory_use")["sharing"]
        self.assertEqual(set(group), USE_KEYS)
        self.assertEqual(group["size"], SHARED)
        rows = {row["name"]: row for row in group["rows"]}
        if os.environ.get("LEAT_SANITIZE"):
            self.skipTest("a sanitizer's allocator gives memory back while this is measured")
        # Beside a buffer of this size also what 8 threads or processes take for themselves counts.
        for name in ("8 threads, slices", "8 processes, a region"):
            self.assertGreater(rows[name]["copies"], 0.9, name)
            self.assertLess(rows[name]["copies"], 2, name)
        self.assertLess(rows["8 processes, a region"]["rss_anon_bytes"], SHARED)
        self.assertGreater(rows["8 processes, a copy each"]["rss_anon_bytes"], 7 * SHARED)

    def test_a_snapshot_copies_what_is_written(self):
        rows = {row["name"]: row
                for row in groups_of(self.report, "memory_use")["snapshot"]["rows"]}
        copied = rows["snapshot_fork"]["copied_bytes"]
        self.assertGreaterEqual(copied, SHARED // 10)
        self.assertLess(copied, SHARED // 2)
        self.assertEqual(rows["copied first, then sent"]["copied_bytes"], SHARED)
        # Twice rather than once: what an allocator gives back meanwhile counts against it.
        self.assertGreater(rows["copied first, then sent"]["copies"], 1.5)

    def test_abseil_takes_part_where_it_was_built(self):
        if not (pathlib.Path(PROGRAM).parent / "leat_cord.so").exists():
            self.skipTest("Abseil is not there: scripts/bench memory installs it")
        self.assertIn(CORD, names(self.groups["chain_split"]))


class AbsentPeers(unittest.TestCase):
    """A copy of the program has no leat_cord.so beside it, and finds a damaged mimalloc."""

    def test_are_named_with_the_reason(self):
        with tempfile.TemporaryDirectory() as folder:
            program = shutil.copy(PROGRAM, folder)
            (pathlib.Path(folder) / "libmimalloc.so.2").write_text("no library")
            result = run("memory", "--size", "64KiB", *PAIRS, program=program, check=0,
                         env={**os.environ, "LD_LIBRARY_PATH": folder})
            report = json.loads(run("memory", "--size", "64KiB", *PAIRS, "--json", program=program,
                                    check=0, env={**os.environ, "LD_LIBRARY_PATH": folder}).stdout)
        self.assertIn(f"no row for {CORD}: not built: scripts/bench memory installs it",
                      result.stdout)
        self.assertIn(f"no row for {MIMALLOC}: scripts/bench memory installs it", result.stdout)
        groups = groups_of(report)
        for key, first in (("chain_split", "std::string, copies"), ("chain_iterate", "Chain"),
                           ("pool_single", "aligned_alloc of libc")):
            self.assertEqual(groups[key]["rows"][0]["name"], first)
            self.assertEqual(groups[key]["limits"], [])


class Read(Shape, unittest.TestCase):
    ALL = ["pread, a reused buffer", "mapping, kept", "mapped each time",
           "mapped each time, populated", "O_DIRECT, from the disk", "io_uring, from the disk"]

    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as files:
            run_once(cls, "read", "--size", "1MiB", "--dir", files)
            cls.left = os.listdir(files)
        cls.groups = groups_of(cls.report)

    def test_groups(self):
        self.assertEqual(list(self.groups), ["small_written", "small_read_ahead", "small_summed",
                                             "random_4k", "sequential"])
        self.assertEqual(names(self.groups["small_summed"]), self.ALL[:2])
        self.assertEqual(len(self.groups["small_written"]["limits"]), 2)
        self.assertEqual(len(self.groups["small_summed"]["limits"]), 1)
        self.assertEqual(self.report["memory_use"], [])

    def test_every_way_has_a_row_or_a_reason(self):
        for key in ("small_written", "random_4k", "sequential"):
            group = self.groups[key]
            self.assertEqual(names(group) + list(reasons(group)), self.ALL, key)

    def test_rows_from_the_disk_say_so(self):
        for group in self.groups.values():
            for row in group["rows"]:
                self.assertEqual(row["from_disk"], "from the disk" in row["name"])

    def test_nothing_is_left(self):
        self.assertEqual(self.left, [])


class Denied(unittest.TestCase):
    def test_a_ring_that_is_denied_is_absent_with_the_reason(self):
        if denied_calls.missing():
            self.skipTest(denied_calls.missing())
        filtered = denied_calls.deny(["io_uring_setup"], errno.EPERM)
        with tempfile.TemporaryDirectory(dir="/var/tmp") as files:
            report = json.loads(run("read", "--size", "64KiB", *PAIRS, "--dir", files, "--json",
                                    check=0, preexec_fn=filtered).stdout)
        for key in ("small_written", "random_4k"):
            group = groups_of(report)[key]
            self.assertNotIn("io_uring, from the disk", names(group))
            self.assertTrue(reasons(group)["io_uring, from the disk"])


class InMemory(unittest.TestCase):
    """Files that no disk has."""

    def test_what_cannot_be_dropped_is_not_read_ahead(self):
        facts = subprocess.run(["stat", "-f", "-c", "%T", "/dev/shm"], capture_output=True,
                               text=True, timeout=WATCHDOG_S, check=False).stdout.strip()
        if facts != "tmpfs" or not os.access("/dev/shm", os.W_OK):
            self.skipTest("/dev/shm is no tmpfs that can be written to")
        with tempfile.TemporaryDirectory() as kept:
            json_path, html = (os.path.join(kept, name) for name in ("read.json", "read.html"))
            text = run("read", "--size", "64KiB", *PAIRS, "--dir", "/dev/shm",
                       f"--json={json_path}", "--html", html, check=0).stdout
            group = groups_of(json.loads(pathlib.Path(json_path).read_text()))["small_read_ahead"]
            self.assertTrue(group["title"] in pathlib.Path(html).read_text())
        self.assertEqual(group["rows"], [])
        self.assertIn("no row for all of them: the file does not leave the page cache", text)


class Refused(unittest.TestCase):
    def expect(self, status, word, *arguments):
        result = run(*arguments)
        self.assertEqual((result.returncode, result.stdout), (status, ""), result.stderr)
        self.assertIn(word, result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)

    def test_wrong_arguments(self):
        for command in ("memory", "read"):
            self.expect(2, f"leat bench {command}: --size must be at least 64KiB", command,
                        "--size", "65535")
            self.expect(2, "not a size", command, "--size", "a lot")
            self.expect(2, "--pairs 3 is more than --max-pairs 2", command, "--pairs", "3",
                        "--max-pairs", "2")

    def test_more_than_there_is(self):
        self.expect(1, "more memory than", "memory", "--size", "1024TiB")
        self.expect(1, "has room for", "read", "--size", "1024TiB")

    def test_paths_that_are_not_there(self):
        self.expect(1, "/nonexistent", "read", "--dir", "/nonexistent")
        self.expect(1, "/nonexistent", "memory", "--html", "/nonexistent/x")


if __name__ == "__main__":
    unittest.main()
