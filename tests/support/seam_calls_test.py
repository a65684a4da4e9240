"""The fault seam is whole: no call that src/os/ makes gets past it unnoticed."""

import os
import pathlib
import re
import unittest

ROOT = pathlib.Path(os.environ.get("LEAT_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
# Calls of src/os/ that tests have no reason to come between, each with that reason.
UNWRAPPED = {
    "close": "Linux frees the number whatever close answers",
    "getcpu": "fails for a bad address only",
    "getpid": "cannot fail",
    "getppid": "cannot fail",
    "getrusage": "cannot fail",
    "kill": "of a child of one's own it cannot fail",
    "prctl": "PR_SET_PDEATHSIG fails for a bad signal only",
    "sigaction": "fails for a bad signal only",
    "waitpid": "of a child of one's own it cannot fail",
    "isatty": "its only failure is its answer",
    "snprintf": "no system call",
    "strerrorname_np": "no system call",
    "strnlen": "no system call",
    "syscall": "perf_event_open(2), which a filter denies in tests; cachestat(2); statmount(2);"
               " openat2(2); mbind(2)",
    "uname": "fails for a bad address only",
    "sysconf": "no system call for the page size",
}
# Those of liburing that only touch the memory it shares with the kernel, and those that set up or
# take down what a refused io_uring_queue_init_params stands for.
RING_MEMORY = {
    "io_uring_cqe_get_data",
    "io_uring_cqe_seen",
    "io_uring_free_probe",
    "io_uring_get_probe",
    "io_uring_get_sqe",
    "io_uring_opcode_supported",
    "io_uring_peek_cqe",
    "io_uring_prep_cancel",
    "io_uring_prep_fadvise",
    "io_uring_prep_nop",
    "io_uring_prep_openat",
    "io_uring_prep_read",
    "io_uring_prep_read_fixed",
    "io_uring_prep_send_zc",
    "io_uring_prep_send_zc_fixed",
    "io_uring_prep_sendmsg_zc",
    "io_uring_prep_write",
    "io_uring_prep_write_fixed",
    "io_uring_queue_exit",
    "io_uring_register_iowq_max_workers",
    "io_uring_ring_dontfork",
    "io_uring_sq_ready",
    "io_uring_sqe_set_data",
    "io_uring_submit_and_wait",
    "io_uring_unregister_buffers",
}


def listed():
    lines = (ROOT / "tests/support/seam_calls.txt").read_text().splitlines()
    return [line.strip() for line in lines if re.match("[a-z]", line)]


def defined():
    text = (ROOT / "tests/support/seam.cc").read_text()
    kinds = "MOVER|VECTOR|CALL|VARIADIC|RING"
    macros = re.findall(rf"^SEAM_(?:{kinds})\(\s*(?:ssize_t,\s*)?(\w+)", text, re.M)
    plain = re.findall(r"^extern \"C\" \w+\*? __wrap_([a-z]\w*)\(", text, re.M)
    return set(macros + plain)


def called():
    names = set()
    for source in (ROOT / "src/os").glob("*.cc"):
        if not source.name.endswith("_test.cc"):
            # A name of the global scope: nothing that could qualify it stands before the colons.
            names |= set(re.findall(r"(?<![\w>])::([a-z]\w*)\(", source.read_text()))
    return names


class SeamCalls(unittest.TestCase):
    def test_no_name_twice(self):
        self.assertEqual(len(listed()), len(set(listed())))

    def test_the_list_and_the_definitions_agree(self):
        self.assertEqual(set(listed()), defined())

    def test_every_call_of_os_is_wrapped_or_excused(self):
        self.assertTrue(called(), "src/os makes no call: is this check looking in the right place?")
        self.assertEqual(called() - set(listed()) - set(UNWRAPPED) - set(RING_MEMORY), set())


if __name__ == "__main__":
    unittest.main()
