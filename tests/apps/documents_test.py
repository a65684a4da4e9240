"""Goal: manual pages and completions know every option of each command, and name none that is gone.
Method: the options are taken from `leat COMMAND --help`."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from program import PROGRAM, WATCHDOG_S

ROOT = pathlib.Path(os.environ.get("LEAT_SOURCE_DIR",
                                   pathlib.Path(__file__).resolve().parents[2]))
COMPLETIONS = ROOT / "packaging" / "completions"


COMMANDS = {"copy": ("copy",), "explain": ("explain",), "probe": ("probe",),
            "calibrate": ("calibrate",), "bench": ("bench", "transfer")}


def options_of(command):
    text = subprocess.run([PROGRAM, *COMMANDS[command], "--help"], capture_output=True, text=True,
                          timeout=WATCHDOG_S).stdout
    # Those in the list, where a line begins with them; not those in prose.
    return set(re.findall(r"^  (?:-h,)?--([a-z-]+)", text, re.MULTILINE))


class DocumentsTest(unittest.TestCase):
    def setUp(self):
        self.options = {command: options_of(command) for command in COMMANDS}
        self.assertIn("mechanism", self.options["copy"])
        self.assertIn("path", self.options["bench"])
        self.assertIn("json", self.options["probe"])

    def test_manual(self):
        for command, options in self.options.items():
            text = (ROOT / f"docs/man/leat-{command}.1").read_text().replace("\\-", "-")
            described = "\n".join(re.findall(r"^\.B[IR]? (--.*)", text, re.MULTILINE))
            self.assertEqual(set(re.findall(r"--([a-z-]+)", described)), options - {"help"})

    def test_bench_claims_has_no_options_of_its_own(self):
        # So that those of bench transfer, which are documented, are all there are.
        COMMANDS["claims"] = ("bench", "claims")
        self.addCleanup(COMMANDS.pop, "claims")
        self.assertIn("size", options_of("claims"))
        self.assertLessEqual(options_of("claims"), self.options["bench"])
        self.assertIn("leat bench claims", (ROOT / "docs/man/leat-bench.1").read_text())

    def test_what_bench_memory_and_read_have(self):
        # Options of bench transfer, which are documented, and those that zsh completes.
        zsh = (COMPLETIONS / "_leat").read_text()
        for name in ("memory", "read"):
            COMMANDS[name] = ("bench", name)
            self.addCleanup(COMMANDS.pop, name)
            options = options_of(name)
            self.assertLessEqual({"size", "html", "json"}, options)
            self.assertLessEqual(options, self.options["bench"])
            self.assertIn(f".B leat bench {name}\n", (ROOT / "docs/man/leat-bench.1").read_text())
            body = re.search(rf"^_leat_bench_{name}\(\) {{\n(.*?)^}}", zsh,
                             re.MULTILINE | re.DOTALL)[1]
            self.assertEqual(set(re.findall(r"'--([a-z-]+?)(?:=-)?\[", body)), options)

    def test_the_first_page_names_every_command(self):
        text = (ROOT / "docs/man/leat.1").read_text()
        for command in COMMANDS:
            self.assertIn(f".BR leat\\-{command} (1)", text)

    def test_manual_is_well_formed(self):
        if not shutil.which("groff"):
            self.skipTest("needs groff")
        for page in (ROOT / "docs/man").glob("*.1"):
            ended = subprocess.run(["groff", "-man", "-Tascii", "-ww", "-z", page],
                                   capture_output=True, text=True, timeout=WATCHDOG_S)
            self.assertEqual((ended.returncode, ended.stderr), (0, ""), page.name)

    def test_zsh(self):
        text = (COMPLETIONS / "_leat").read_text()
        for command, options in self.options.items():
            function = re.compile(rf"^_leat_{command}\(\) {{\n(.*?)^}}", re.MULTILINE | re.DOTALL)
            body = function.search(text)[1]
            named = set(re.findall(r"'(?:\*|\([a-z-]+\))?--([a-z-]+?)(?:=-)?\[", body))
            self.assertEqual(named, options)

    def test_fish(self):
        text = (COMPLETIONS / "leat.fish").read_text()
        for command, options in self.options.items():
            named = set(re.findall(rf"-n \${command} -l ([a-z-]+)", text))
            self.assertEqual(named, options - {"help"})

    def complete(self, *words):
        script = ('source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _leat; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        ended = subprocess.run(["bash", "-c", script, COMPLETIONS / "leat.bash", PROGRAM, *words],
                               capture_output=True, text=True, timeout=WATCHDOG_S)
        self.assertEqual(ended.stderr, "")
        return set(ended.stdout.split())

    def test_bash(self):
        if not shutil.which("bash"):
            self.skipTest("needs bash")
        self.assertEqual(self.complete(""), {*COMMANDS, "--help", "--version"})
        for command, options in self.options.items():
            self.assertEqual({"--" + option for option in options},
                             self.complete(*COMMANDS[command], "--"))
        self.assertEqual(self.complete("copy", "--durable", ""), {"data", "full"})
        self.assertEqual(self.complete("probe", "li"), {"limits"})
        self.assertIn("tcp-listen://", self.complete("copy", "tcp"))
        self.assertEqual(self.complete("bench", "t"), {"transfer"})
        self.assertEqual(self.complete("bench", "c"), {"claims"})
        self.assertEqual(self.complete("bench", "pl"), {"planner"})
        self.assertEqual(self.complete("bench", "m"), {"memory"})
        self.assertEqual(self.complete("bench", "r"), {"read"})
        self.assertIn("--max-pairs", self.complete("bench", "read", "--"))
        self.assertIn("tcp://", self.complete("explain", "tcp"))
        self.assertEqual(self.complete("bench", "transfer", "--path", ""), {"loopback", "veth"})

    def test_bash_takes_the_mechanisms_from_the_program(self):
        if not shutil.which("bash"):
            self.skipTest("needs bash")
        output = subprocess.run([PROGRAM, "probe", "--json", "mechanisms"], capture_output=True,
                                text=True, timeout=WATCHDOG_S).stdout
        names = {entry["mechanism"] for entry in json.loads(output)["mechanisms"]}
        self.assertIn("splice", names)
        self.assertEqual(self.complete("copy", "--mechanism", ""), names)
        self.assertEqual(self.complete("bench", "transfer", "--mechanism", ""), names | {"auto"})


if __name__ == "__main__":
    unittest.main()
