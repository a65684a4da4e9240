#include "support/filter.h"

#include <cstdio>
#include <cstdlib>
#include <thread>

#if LEAT_HAVE_SECCOMP
#include <seccomp.h>
#endif

namespace leat::testing {

const std::vector<std::string_view> special_calls = {
    // Movers.
    "sendfile", "splice", "tee", "vmsplice", "copy_file_range", "io_uring_setup", "io_uring_enter",
    "io_uring_register", "preadv2", "pwritev2", "sendmmsg", "recvmmsg",
    // Preparing and asking.
    "pipe", "pipe2", "eventfd2", "fcntl", "ioctl", "fstat", "newfstatat", "statx", "fstatfs",
    "lseek", "fadvise64", "readahead", "fallocate", "ftruncate", "getsockopt", "setsockopt",
    "getsockname", "getpeername", "getrusage", "access", "faccessat2", "readlink", "open", "openat",
    "openat2", "socket", "bpf", "userfaultfd", "process_vm_readv", "process_vm_writev"};

const std::vector<std::string_view> plain_calls = {"read",     "write",  "pread64", "pwrite64",
                                                   "readv",    "writev", "preadv",  "pwritev",
                                                   "recvfrom", "sendto", "recvmsg", "sendmsg"};

#if LEAT_HAVE_SECCOMP

std::string filters_unavailable() { return {}; }

void refuse_calls(const std::vector<std::string_view>& calls, int error_number) {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  bool good = filter != nullptr;
  for (const std::string_view call : calls) {
    const int number = seccomp_syscall_resolve_name(std::string(call).c_str());
    // A negative number stands for a call of another architecture.
    if (!good || number < 0) continue;
    good = seccomp_rule_add(filter, SCMP_ACT_ERRNO(static_cast<unsigned>(error_number)), number,
                            0) == 0;
  }
  good = good && seccomp_load(filter) == 0;
  seccomp_release(filter);
  if (!good) {
    std::fprintf(stderr, "the seccomp filter cannot be set up\n");
    std::abort();
  }
}

#else

std::string filters_unavailable() { return "built without libseccomp"; }
void refuse_calls(const std::vector<std::string_view>&, int) {}

#endif

void on_own_thread(const std::function<void()>& body) { std::thread(body).join(); }

}  // namespace leat::testing
