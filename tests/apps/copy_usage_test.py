"""Goal: the command line of `leat` and `leat copy` is told in full, and wrong usage is one line and
status 2 with nothing touched. Method: the program is run; its output and exit status are read."""

import os
import re
import subprocess
import unittest

from program import MIB, PROGRAM, WATCHDOG_S, Case

RECEIPT_KEYS = ["delivered", "stranded", "acknowledged", "ending", "legs", "refusals", "usage",
                "error", "holes", "waits", "digest"]
LEG_KEYS = ["mechanism", "bytes", "calls", "cpu_copied_bytes", "known_by"]
REFUSAL_KEYS = ["mechanism", "reason", "errno", "at", "count"]
USAGE_KEYS = ["wall_s", "user_s", "system_s", "voluntary_switches", "involuntary_switches",
              "major_faults", "minor_faults"]
ERROR_KEYS = ["code", "operation", "hint", "message"]


def leat(*args):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=WATCHDOG_S,
                          stdin=subprocess.DEVNULL)


class HelpTest(unittest.TestCase):
    def test_version(self):
        ended = leat("--version")
        self.assertEqual(ended.returncode, 0)
        self.assertRegex(ended.stdout, r"^leat \d+\.\d+\.\d+\n$")

    def test_help_names_the_commands(self):
        ended = leat("--help")
        self.assertEqual(ended.returncode, 0)
        self.assertIn("copy", ended.stdout)

    def test_copy_help_has_options_and_examples(self):
        ended = leat("copy", "--help")
        self.assertEqual(ended.returncode, 0)
        for word in ("--mechanism", "--copies", "--block-size", "--offset", "--length", "--durable",
                     "--limit-rate", "--in-place", "--preserve", "--timeout", "--close-timeout",
                     "--json", "--quiet", "--progress", "--no-progress", "Examples:",
                     "tcp-listen://", "unix-listen:///", "foreign sender"):
            self.assertIn(word, ended.stdout)

    def test_no_escape_codes_and_lines_fit(self):
        for args in (("--help",), ("copy", "--help")):
            text = leat(*args).stdout
            self.assertNotIn("\x1b", text)
            self.assertLessEqual(max(map(len, text.splitlines())), 100)

    def test_no_command_is_wrong_usage(self):
        for args in ((), ("nonsense",), ("copy",), ("copy", "a"), ("copy", "a", "b", "c"),
                     ("copy", "--nonsense", "a", "b")):
            ended = leat(*args)
            self.assertEqual(ended.returncode, 2, args)
            self.assertEqual(ended.stderr.count("\n"), 1, ended.stderr)
            self.assertIn("--help", ended.stderr)
            self.assertEqual(ended.stdout, "")


class WrongUsageTest(Case):
    def refused(self, *args, words=()):
        sink = self.folder / "sink"
        ended = self.copy(*args, self.file("source", b"x"), sink)
        self.assert_fails(ended, *words, status=2)
        self.assertFalse(sink.exists())

    def test_wrong_units_name_the_right_ones(self):
        for option in ("--block-size", "--offset", "--length", "--limit-rate"):
            for text in ("10parsecs", "-1", "1.5", ""):
                with self.subTest(option=option, text=text):
                    self.refused(f"{option}={text}", words=["KiB", option])

    def test_wrong_durations_name_the_units(self):
        for option in ("--timeout", "--close-timeout"):
            for text in ("soon", "0", "-1", "1h"):
                with self.subTest(option=option, text=text):
                    self.refused(f"{option}={text}", words=["ms", option])

    def test_unknown_mechanism_lists_the_names(self):
        self.refused("--mechanism=teleport", words=["teleport", "read_write", "sendfile", "splice"])

    def test_values_outside_their_set(self):
        self.refused("--copies=maybe", words=["forbid"])
        self.refused("--durable=very", words=["full"])
        self.refused("--block-size=2GiB", words=["1GiB"])
        self.refused("--limit-rate=0", words=["--limit-rate"])

    def test_quiet_and_json_exclude_each_other(self):
        self.refused("--quiet", "--json", words=["--json"])

    def test_bad_endpoints(self):
        source = self.file("source", b"x")
        for text in ("tcp://host", "tcp://::1:80", "tcp://h:99999", "tcp://h:0", "unix://relative",
                     "gopher://h:1", ""):
            with self.subTest(text=text):
                self.assert_fails(self.copy(source, text), "DST", status=2)
                self.assert_fails(self.copy(text, self.folder / "sink"), "SRC", status=2)

    def test_options_that_do_not_fit_the_endpoints(self):
        source = self.file("source", b"x")
        sink = self.folder / "sink"
        self.assert_fails(self.copy("--offset", "1", "-", sink), "--offset", status=2)
        self.assert_fails(self.copy("--preserve", "-", sink), "--preserve", status=2)
        self.assert_fails(self.copy("--preserve", source, "-"), "--preserve", status=2)
        self.assert_fails(self.copy("--durable", "data", source, "tcp://127.0.0.1:1"), "--durable",
                          status=2)
        self.assertFalse(sink.exists())


class ReceiptTest(Case):
    def check_keys(self, receipt):
        self.assertEqual(list(receipt), RECEIPT_KEYS)
        for leg in receipt["legs"]:
            self.assertEqual(list(leg), LEG_KEYS)
            self.assertIn(leg["known_by"], ("kernel", "construction", "pending", "unknown"))
        for refusal in receipt["refusals"]:
            self.assertEqual(list(refusal), REFUSAL_KEYS)
        if receipt["usage"] is not None:
            self.assertEqual(list(receipt["usage"]), USAGE_KEYS)
        if receipt["error"] is not None:
            self.assertEqual(list(receipt["error"]), ERROR_KEYS)

    def test_json_of_a_success(self):
        source = self.big_file()
        ended = self.assert_ok(self.copy("--json", source, self.folder / "sink"))
        self.assertEqual(ended.err.count("\n"), 1)
        self.assertEqual(ended.out, b"")
        receipt = ended.receipt
        self.check_keys(receipt)
        size = source.stat().st_size
        self.assertEqual(receipt["delivered"], size)
        self.assertEqual(sum(leg["bytes"] for leg in receipt["legs"]) + receipt["holes"], size)
        self.assertIn(receipt["ending"], ("complete", "end_of_source"))
        self.assertEqual((receipt["stranded"], receipt["acknowledged"], receipt["error"]),
                         (0, None, None))
        self.assertGreater(receipt["usage"]["wall_s"], 0)

    def test_json_of_a_refusal(self):
        # /dev/shm and the test's folder are two file systems on most hosts; where they are one, or
        # the kernel copies between them, no refusal is to be seen, and the keys are still checked.
        source = self.big_file()
        sink = f"/dev/shm/leat-test-{os.getpid()}"
        self.addCleanup(lambda: os.path.exists(sink) and os.unlink(sink))
        self.check_keys(self.assert_ok(self.copy("--json", source, sink)).receipt)

    def test_json_of_failures(self):
        missing = self.copy("--json", self.folder / "missing", self.folder / "sink")
        self.assertEqual(missing.status, 1)
        self.assertEqual(missing.err.count("\n"), 1)
        self.check_keys(missing.receipt)
        self.assertEqual(missing.receipt["ending"], "failed")
        self.assertEqual(missing.receipt["error"]["code"], "ENOENT")
        full = self.copy("--json", self.big_file(), "/dev/full")
        self.assertEqual(full.status, 1)
        self.check_keys(full.receipt)
        self.assertEqual(full.receipt["error"]["code"], "ENOSPC")
        self.assertIsNotNone(full.receipt["usage"])

    def test_json_survives_a_name_that_is_not_utf8(self):
        ended = self.copy("--json", os.fsdecode(b"/nowhere/\xff\xfe"), self.folder / "sink")
        self.assertEqual(ended.receipt["error"]["code"], "ENOENT")

    def test_human_line(self):
        ended = self.assert_ok(self.copy(self.file("source", b"x" * MIB), self.folder / "sink"))
        self.assertEqual(ended.err.count("\n"), 1)
        self.assertRegex(ended.err, r"^1\.00 MiB in \d.* CPU\), [a-z ]+: "
                                    r"[a-z_]+ 1\.00 MiB in \d+ calls?, ")
        self.assertNotIn("\x1b", ended.err)

    def test_quiet_silences_the_receipt_and_not_the_error(self):
        source = self.file("source", b"x")
        self.assertEqual(self.assert_ok(self.copy("--quiet", source, "-")).err, "")
        self.assert_fails(self.copy("--quiet", source, "/dev/full"), "No space left")

    def test_forced_mechanism_is_the_one_in_the_receipt(self):
        source = self.big_file()
        ended = self.assert_ok(self.copy("--json", "--mechanism", "read_write", "--block-size",
                                         "64KiB", source, self.folder / "sink"))
        self.assertEqual([leg["mechanism"] for leg in ended.receipt["legs"]], ["read_write"])
        self.assertGreaterEqual(ended.receipt["legs"][0]["calls"], 2 * (3 * MIB // 65536))

    def test_mechanism_that_does_not_fit_says_why(self):
        source = self.file("source", b"x")
        ended = self.copy("--mechanism", "copy_file_range", source, "-")
        self.assert_fails(ended, "does not fit", "(")
        self.assertTrue(re.search(r"\(.+\)", ended.err), ended.err)

    def test_copies_forbid_fails_where_the_cpu_would_copy(self):
        ended = self.copy("--copies", "forbid", "-", self.folder / "sink", data=b"x")
        self.assert_fails(ended, "cop")
        self.assertFalse((self.folder / "sink").exists())


if __name__ == "__main__":
    unittest.main()
