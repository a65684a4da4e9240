"""Goal: `leat probe` says of every mechanism whether this host has it and, if not, who denies it;
its text and its JSON say the same. Method: the program is run as it is, under seccomp filters, and
as an unprivileged user. What it finds out besides mechanisms is in probe_host_test.py."""

import errno
import json
import re
import subprocess
import unittest

import denied_calls
from program import PROGRAM, WATCHDOG_S, Case

KEYS = ["mechanism", "available", "reason", "summary"]
SECTIONS = ["mechanisms", "kernel", "limits", "file_systems", "interfaces", "hardware"]
ALWAYS = {"read_write", "sendfile", "splice", "copy_file_range"}


def probe(*args, **more):
    return subprocess.run([PROGRAM, "probe", *args], capture_output=True, text=True,
                          timeout=WATCHDOG_S, stdin=subprocess.DEVNULL, **more)


def answers(ended):
    """The entries of its JSON by name."""
    return {entry["mechanism"]: entry for entry in json.loads(ended.stdout)["mechanisms"]}


class ProbeTest(Case):
    def as_json(self, **more):
        ended = probe("--json", **more)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        self.assertEqual(ended.stdout.count("\n"), 1)
        return answers(ended)

    def test_json_names_every_mechanism_with_its_keys(self):
        found = self.as_json()
        self.assertLessEqual(ALWAYS, set(found))
        for entry in found.values():
            self.assertEqual(list(entry), KEYS)
            self.assertIs(type(entry["available"]), bool)
            self.assertTrue(entry["summary"])
            self.assertEqual(entry["reason"] is None, entry["available"])

    def test_each_mechanism_is_listed_as_in_the_json(self):
        ended = probe("mechanisms")
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        title, *lines = ended.stdout.splitlines()
        self.assertEqual(title, "Mechanisms")
        found = self.as_json()
        starts = [line.split() for line in lines if re.match(r"  \w", line)]
        self.assertEqual([words[0] for words in starts], list(found))
        for name, verdict, *_ in starts:
            self.assertEqual(verdict, "yes" if found[name]["available"] else "no")
        whole = " ".join(ended.stdout.split())
        for entry in found.values():
            self.assertIn(entry["summary"], whole)
            self.assertIn(entry["reason"] or "", whole)

    def test_the_text_has_every_section_and_fits_the_columns(self):
        ended = probe()
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        lines = ended.stdout.splitlines()
        titles = [line for line in lines if line and not line.startswith(" ")]
        self.assertEqual(titles, ["Mechanisms", "Kernel features", "Limits", "File systems",
                                  "Network interfaces", "Hardware and memory"])
        for line in lines:
            self.assertLessEqual(len(line), 100)
            self.assertEqual(line, line.rstrip())
            self.assertTrue(line.isprintable(), line)

    def test_only_what_was_named_is_asked(self):
        self.assertEqual(list(json.loads(probe("--json").stdout)), SECTIONS)
        for name in SECTIONS:
            self.assertEqual(list(json.loads(probe("--json", name).stdout)), [name])
        two = json.loads(probe("limits", "--json", "mechanisms").stdout)
        self.assertEqual(list(two), ["mechanisms", "limits"])

    def check_denied(self, error_number, words):
        if denied_calls.missing():
            self.skipTest(denied_calls.missing())
        calls = ["sendfile", "splice", "copy_file_range"]
        before = self.as_json()
        filtered = {"preexec_fn": denied_calls.deny(calls, error_number)}
        found = self.as_json(**filtered)
        for name in calls:
            self.assertFalse(found[name]["available"])
            for word in words:
                self.assertIn(word, found[name]["reason"])
        self.assertEqual(found["read_write"], before["read_write"])
        self.assertEqual(list(found), list(before))
        text = " ".join(probe("mechanisms", **filtered).stdout.split())
        for name in calls:
            self.assertIn(found[name]["reason"], text)

    def test_a_filter_that_denies_is_named_with_its_errno(self):
        self.check_denied(errno.EPERM, ["EPERM", "seccomp"])

    def test_a_filter_that_hides_the_call_is_named_with_its_errno(self):
        self.check_denied(errno.ENOSYS, ["ENOSYS", "kernel"])

    def test_an_unprivileged_user_is_answered_too(self):
        user = self.as_nobody()
        if not user:
            self.skipTest("needs root to become another user")
        found = self.as_json(**user)
        self.assertEqual(list(found), list(self.as_json()))
        for name in ALWAYS:
            self.assertTrue(found[name]["available"])

    def test_wrong_arguments_are_one_line(self):
        for args in (("everything",), ("--nonsense",), ("--json=maybe",)):
            ended = probe(*args)
            self.assertEqual((ended.returncode, ended.stdout), (2, ""), args)
            self.assertEqual(ended.stderr.count("\n"), 1, ended.stderr)
            self.assertIn("leat probe --help", ended.stderr)

    def test_help_has_examples(self):
        ended = probe("--help")
        self.assertEqual(ended.returncode, 0)
        self.assertIn("Examples:", ended.stdout)
        self.assertIn("--json", ended.stdout)
        for name in SECTIONS:
            self.assertIn(f"  {name} ", ended.stdout)
        self.assertLessEqual(max(map(len, ended.stdout.splitlines())), 100)

    def test_output_that_cannot_be_written_is_a_failure(self):
        with open("/dev/full", "w") as full:
            ended = subprocess.run([PROGRAM, "probe"], stdout=full, stderr=subprocess.PIPE,
                                   text=True, timeout=WATCHDOG_S)
        self.assertEqual(ended.returncode, 1)
        self.assertEqual(ended.stderr.count("\n"), 1)
        self.assertIn("standard output", ended.stderr)


if __name__ == "__main__":
    unittest.main()
