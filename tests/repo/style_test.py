"""The style check: the rules of CONTRIBUTING.md that a program can see."""

import ast
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from source_text import CPP, files, is_test, line_of, only_code, plant, report, repository

MAX_LINES = 600
MAX_FUNCTION_LINES = 70
MAX_COLUMNS = 100
TEXT = CPP + (".def", ".py", ".cmake", ".in")

# Written without `::` these can hardly be anything but the system call (or libc's thin wrapper).
UNMISTAKABLE = """
    sendfile sendfile64 splice vmsplice tee copy_file_range
    sendmsg sendmmsg recvmsg recvmmsg sendto recvfrom setsockopt getsockopt socketpair accept4
    getsockname getpeername
    pread pwrite pread64 pwrite64 readv writev preadv pwritev preadv2 pwritev2
    openat openat2 fstat fstatat statx fstatfs statfs fsync fdatasync sync_file_range syncfs
    ftruncate fallocate posix_fadvise posix_fallocate readahead lseek renameat renameat2 linkat
    unlinkat memfd_create fcntl ioctl
    mmap munmap mremap madvise mincore msync mlock mlock2 munlock mprotect cachestat
    pipe2 eventfd epoll_create1 epoll_ctl epoll_wait epoll_pwait ppoll pselect timerfd_create
    timerfd_settime signalfd inotify_init1 inotify_add_watch pidfd_open
    sigaction pthread_sigmask sigprocmask sigtimedwait getrusage setrlimit getrlimit prctl
    process_vm_readv process_vm_writev syscall perf_event_open
    io_uring_setup io_uring_enter io_uring_register io_uring_queue_init io_uring_queue_init_params
    io_uring_submit io_uring_wait_cqe io_uring_get_events io_uring_register_eventfd
""".split()
# These are ordinary words too, so only `::read(` counts.
QUALIFIED = UNMISTAKABLE + """
    read write open close dup dup2 dup3 pipe poll select stat lstat access rename unlink link
    symlink mkdir rmdir truncate socket bind listen connect accept shutdown send recv fork execve
    kill getpid gettid sysinfo uname sched_setaffinity clock_gettime nanosleep
""".split()

CALL = re.compile(
    rf"(?<![\w>)])::\s*(?P<qualified>{'|'.join(QUALIFIED)})\s*\("
    # Not a member (`list.splice(`, `p->splice(`) and not another scope's (`os::splice(`).
    rf"|(?<![\w:.>])(?P<bare>{'|'.join(UNMISTAKABLE)})\s*\("
)
# What may stand before a call and looks like a type's name.
NOT_TYPES = {"return", "co_return", "co_await", "co_yield", "throw", "else", "do", "case", "not"}
NOT_TYPES |= {"and", "or", "if", "while"}

MECHANISM_SECTIONS = ("Needs", "Errnos", "Cost", "Refuses when", "Limits")


def above_os(root):
    """The files that may neither make system calls nor read errno."""
    for path in files(root, ("include", "src", "apps"), CPP):
        parts = path.relative_to(root).parts
        if parts[:2] != ("src", "os") and parts[:3] != ("apps", "leat", "os") and not is_test(path):
            yield path


def is_declaration(code, match):
    """Whether a type stands before the name: `Step splice(`, `Result<int> tee(`, `Step& tee(`."""
    before = re.search(r"(\w+|\w[>&*]+)\s+$", code[: match.start()])
    return bool(before) and before[1] not in NOT_TYPES and not before[1][0].isdigit()


def check_system_calls(root):
    found = []
    for path in above_os(root):
        code = only_code(path.read_text())
        for match in CALL.finditer(code):
            if match["bare"] and is_declaration(code, match):
                continue
            name = match["qualified"] or match["bare"]
            what = f"{name}() is a system call: it belongs into os/"
            found.append(report(root, path, line_of(code, match.end()), what))
    return found


def check_errno(root):
    found = []
    for path in above_os(root):
        code = only_code(path.read_text())
        for match in re.finditer(r"\berrno\b", code):
            what = "errno is read in os/ only; above it there is Error"
            found.append(report(root, path, line_of(code, match.start()), what))
    return found


def code_files(root):
    """Everything written by hand in some language: also the scripts, which have no ending."""
    return [path for path in files(root) if path.name.endswith(TEXT) or "." not in path.name]


def check_sizes(root):
    found = []
    for path in code_files(root):
        lines = path.read_text().split("\n")
        if len(lines) - 1 > MAX_LINES:
            found.append(report(root, path, len(lines) - 1, f"more than {MAX_LINES} lines"))
        for number, line in enumerate(lines, 1):
            if len(line) > MAX_COLUMNS:
                what = f"{len(line)} columns, more than {MAX_COLUMNS}"
                found.append(report(root, path, number, what))
    return found


def check_function_lengths(root):
    paths = files(root, endings=CPP)
    if not paths:
        return []
    command = ["ctags", "--output-format=json", "--language-force=C++", "--kinds-C++=f"]
    command += ["--fields=+ne", "-o", "-", "-L", "-"]
    names = "\n".join(map(str, paths))
    output = subprocess.run(command, input=names, text=True, capture_output=True, check=True).stdout
    found = []
    for tag in map(json.loads, output.splitlines()):
        lines = tag.get("end", tag["line"]) - tag["line"] + 1
        if lines > MAX_FUNCTION_LINES:
            what = f"{tag['name']} has {lines} lines, more than {MAX_FUNCTION_LINES}"
            found.append(report(root, pathlib.Path(tag["path"]), tag["line"], what))
    return found


def check_names(root):
    snake = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*(\.[a-z0-9]+)*")
    fixed = {"LAYERS", "THREADS", "leatConfig.cmake.in"}
    found = []
    for path in files(root):
        for part in path.relative_to(root).parts:
            if part not in fixed and not snake.fullmatch(part):
                found.append(report(root, path, 1, f"{part} is not snake_case"))
    return found


def check_header_comments(root):
    found = []
    for path in files(root, ("include",), (".h",)):
        for line in path.read_text().splitlines():
            if line.startswith("///"):
                break
            if line.strip() and not line.startswith(("//", "#pragma once")):
                found.append(report(root, path, 1, "no /// comment at the top says what it is for"))
                break
    return found


def python_sleeps(text):
    """The lines of a Python text that call something named sleep."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name == "sleep":
                yield node.lineno


def check_sleeps(root):
    sleeps = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\(")
    found = []
    for path in files(root, ("src", "apps", "tests"), (".h", ".cc", ".py")):
        if not is_test(path) and path.relative_to(root).parts[0] != "tests":
            continue
        text = path.read_text()
        if path.suffix == ".py":
            lines = list(python_sleeps(text))
        else:
            code = only_code(text)
            lines = [line_of(code, match.start()) for match in sleeps.finditer(code)]
        what = "a test waits for something, with a watchdog; it does not sleep"
        found += [report(root, path, line, what) for line in lines]
    return found


def mechanisms(root):
    """The names in the registry."""
    registry = root / "src/mechanism/mechanisms.def"
    if not registry.exists():
        return []
    return re.findall(r"^LEAT_MECHANISM\((\w+)\)", registry.read_text(), re.MULTILINE)


def check_mechanisms(root):
    found = []
    for name in mechanisms(root):
        page = root / f"docs/mechanisms/{name}.md"
        test = root / f"src/mechanism/{name}_test.cc"
        if not test.exists():
            found.append(report(root, test, 1, f"the mechanism {name} has no test"))
        if not page.exists():
            found.append(report(root, page, 1, f"the mechanism {name} has no page"))
            continue
        titles = re.findall(r"^#+ +(.*?) *$", page.read_text(), re.MULTILINE)
        for section in MECHANISM_SECTIONS:
            if section not in titles:
                found.append(report(root, page, 1, f'there is no section "{section}"'))
    return found


CHECKS = (
    check_system_calls, check_errno, check_sizes, check_function_lengths, check_names,
    check_header_comments, check_sleeps, check_mechanisms,
)  # fmt: skip


def needs_ctags(case):
    if not shutil.which("ctags"):
        case.skipTest("universal-ctags is not installed (scripts/bootstrap)")


class Repository(unittest.TestCase):
    """Goal: this checkout keeps the rules. Method: one check a rule, over all files."""

    def check(self, rule):
        found = rule(repository())
        if found:
            self.fail("\n" + "\n".join(found))

    def test_system_calls_are_made_in_os(self):
        self.check(check_system_calls)

    def test_errno_is_read_in_os(self):
        self.check(check_errno)

    def test_files_and_lines_are_short(self):
        self.check(check_sizes)

    def test_functions_are_short(self):
        needs_ctags(self)
        self.check(check_function_lengths)

    def test_files_are_named_in_snake_case(self):
        self.check(check_names)

    def test_public_headers_say_what_they_are_for(self):
        self.check(check_header_comments)

    def test_tests_do_not_sleep(self):
        self.check(check_sleeps)

    def test_mechanisms_have_a_page_and_a_test(self):
        self.check(check_mechanisms)


PAGE = "# sendfile\n" + "".join(f"\n## {section}\n\nText.\n" for section in MECHANISM_SECTIONS)


class Planted(unittest.TestCase):
    """Goal: each rule can fail. Method: plant one violation at a time in a small tree."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        calls = "ssize_t f() {\n  errno = 0;\n  return ::sendfile(1, 2, nullptr, 3);\n}\n"
        plant(self.root, "src/os/sendfile.cc", calls)
        plant(self.root, "apps/leat/os/watch.cc", calls)
        plant(self.root, "src/mechanism/mechanisms.def", "// Names.\nLEAT_MECHANISM(sendfile)\n")
        plant(self.root, "src/mechanism/sendfile_test.cc", calls)
        plant(self.root, "docs/mechanisms/sendfile.md", PAGE)
        plant(self.root, "include/leat/fd.h", "/// Descriptors.\n#pragma once\n")

    def all(self):
        checks = CHECKS if shutil.which("ctags") else set(CHECKS) - {check_function_lengths}
        return [line for check in checks for line in check(self.root)]

    def one_finding(self, name, text, words):
        with self.subTest(text[:40]):
            path = plant(self.root, name, text)
            found = self.all()
            self.assertEqual(1, len(found), found)
            self.assertTrue(found[0].startswith(f"{name}:"), found)
            self.assertIn(words, found[0])
            path.unlink()

    def test_a_clean_tree_passes(self):
        self.assertEqual([], self.all())

    def test_a_system_call_is_found(self):
        calls = ("::sendfile(1, 2, 0, 3)", "return ::read(0, p, 1)", "x = splice(1, 0, 2, 0)",
                 "return mmap(nullptr, 1)", "int n = 1 + tee(a, b)", "if (fsync(1) == 0) return",
                 "leat::f(::close(2))")  # fmt: skip
        for call in calls:
            self.one_finding("src/plan/a.cc", f"void f() {{ {call}; }}\n", "system call")
        inline = "inline int f() { return ::close(1); }\n"
        self.one_finding("include/leat/a.h", "/// A.\n" + inline, "close")
        self.one_finding("apps/leat/a.cc", inline, "close")

    def test_what_only_looks_like_a_system_call_passes(self):
        text = """
            // sendfile(2) and ::close(1)
            const char* kName = "::sendfile(1)";
            Result<int> splice(FdRef from);  // a declaration
            Step& sendfile(int x);
            int f() { list.splice(a); p->splice(b); os::splice(c); leat::os::read(d); read(e); }
            int g() { return T::splice(x) + 1'000'000 + os::tee(1); }
        """
        plant(self.root, "src/plan/a.cc", text)
        self.assertEqual([], self.all())

    def test_errno_is_found(self):
        self.one_finding("src/plan/a.cc", "#include <cerrno>\nint f() { return errno; }\n", "errno")
        self.one_finding("apps/leat/a.cc", "int f() { return errno; }\n", "errno")

    def test_size_is_found(self):
        self.one_finding("src/plan/a.cc", "\n" * 601, "600 lines")
        self.one_finding("scripts/tool", "#" * 101 + "\n", "101 columns")
        self.one_finding("tests/a/a.cc", "// " + "ä" * 98 + "\n", "101 columns")
        plant(self.root, "src/plan/a.cc", "\n" * 600)
        plant(self.root, "src/plan/b.cc", "// " + "ä" * 97 + "\n")
        self.assertEqual([], self.all())

    def test_a_long_function_is_found(self):
        needs_ctags(self)
        body = "  ++n;\n"
        self.one_finding("src/plan/a.cc", "int f(int n) {\n" + body * 69 + "}\n", "71 lines")
        plant(self.root, "src/plan/a.cc", "int f(int n) {\n" + body * 68 + "}\n")
        self.assertEqual([], self.all())

    def test_a_name_is_found(self):
        self.one_finding("src/plan/FooBar.cc", "", "snake_case")
        self.one_finding("src/plan/foo-bar.h", "", "snake_case")
        self.one_finding("tests/Fault/a.h", "", "snake_case")

    def test_a_public_header_without_comment_is_found(self):
        self.one_finding("include/leat/a.h", "#pragma once\nint f();\n", "///")
        self.one_finding("include/leat/a.h", "// Licence.\n#pragma once\n#include <a>\n", "///")

    def test_a_sleep_is_found(self):
        nap = "void f() { std::this_thread::sleep_for(1s); }\n"
        self.one_finding("src/plan/a_test.cc", nap, "sleep")
        self.one_finding("tests/support/a.h", "void f() { sleep (1); }\n", "sleep")
        self.one_finding("tests/tool/a_test.py", "import time\ntime.sleep(1)\n", "sleep")
        plant(self.root, "src/plan/a.cc", nap)
        self.assertEqual([], self.all())

    def test_a_mechanism_without_page_or_test_is_found(self):
        page = self.root / "docs/mechanisms/sendfile.md"
        page.write_text(PAGE.replace("## Cost", "## Price"))
        self.assertEqual(1, len(self.all()), self.all())
        page.unlink()
        self.assertEqual(1, len(self.all()), self.all())
        (self.root / "src/mechanism/sendfile_test.cc").unlink()
        self.assertEqual(2, len(self.all()), self.all())


if __name__ == "__main__":
    unittest.main()
