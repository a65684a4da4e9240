"""System calls denied to a program that a test starts, by a seccomp filter as containers have."""

import ctypes
import platform
import struct

# Numbers of asm/unistd.h.
NUMBERS = {
    "x86_64": {"sendfile": 40, "ptrace": 101, "unshare": 272, "splice": 275,
               "perf_event_open": 298, "bpf": 321, "copy_file_range": 326},
    "aarch64": {"sendfile": 71, "splice": 76, "unshare": 97, "ptrace": 117,
                "perf_event_open": 241, "bpf": 280, "copy_file_range": 285},
}
# Those of Linux 5.0 and later, which have one number everywhere.
for _numbers in NUMBERS.values():
    _numbers |= {"io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
                 "cachestat": 451}

PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_MODE_FILTER = 2
LOAD_WORD = 0x20  # BPF_LD | BPF_W | BPF_ABS
JUMP_IF_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
RETURN = 0x06  # BPF_RET | BPF_K
ALLOW = 0x7FFF0000
ERRNO = 0x00050000


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def missing():
    """Why filters cannot be made here, or nothing."""
    if platform.machine() not in NUMBERS:
        return f"the numbers of system calls on {platform.machine()} are not known"
    return ""


def instructions(calls, error_number):
    """The filter: the call's number is the first word that it may look at."""
    numbers = [NUMBERS[platform.machine()][call] for call in calls]
    program = [(LOAD_WORD, 0, 0, 0)]
    for index, number in enumerate(numbers):
        program.append((JUMP_IF_EQUAL, len(numbers) - index, 0, number))
    program += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, ERRNO | error_number)]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program)


def deny(calls, error_number):
    """A preexec_fn for subprocess: `calls` then fail with `error_number` in the program."""
    code = instructions(calls, error_number)
    program = Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)

    def install():
        if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl PR_SET_NO_NEW_PRIVS")
        if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program)) != 0:
            raise OSError(ctypes.get_errno(), "prctl PR_SET_SECCOMP")

    return install
