/// What the kernel is asked to find out whether it has a feature: calls that change nothing and
/// leave nothing behind. The answer is that to this process: a filter may give another one.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <leat/error.h>

namespace leat::app::os {

/// An operation of io_uring that leat uses.
struct RingOperation {
  std::string_view name;  ///< "SEND_ZC"
  bool known = false;
};

/// Sets up a ring, has it list its operations and enters it. Error: `operation` is io_uring_setup,
/// io_uring_register or io_uring_enter, whichever was refused first. See io_uring_setup(2) and
/// IORING_REGISTER_PROBE in io_uring_register(2).
Result<std::vector<RingOperation>> ask_ring_operations();

/// SO_ZEROCOPY on a TCP socket, without which MSG_ZEROCOPY is ignored. See socket(7).
Result<void> ask_zerocopy_send();

/// TCP_ULP "tls" on a connection over the loopback. Where the kernel has not loaded that yet, a
/// privileged process would have it loaded: look into /proc/sys/net/ipv4/tcp_available_ulp before.
/// May wait if a firewall swallows packets on the loopback. Errors: ENOENT (none);
/// the operation is "setsockopt TCP_ULP", else the connection was not to be had.
Result<void> ask_tls();

/// cachestat(2) (Linux 6.5).
Result<void> ask_cachestat();

/// preadv2(2) with RWF_NOWAIT on this program's own file. Errors: EOPNOTSUPP: not there, or not on
/// that file system.
Result<void> ask_nowait_read();

/// See userfaultfd(2).
enum class Faults : std::uint8_t { of_user_code, of_kernel_too };
Result<void> ask_userfaultfd(Faults which);

/// A cpu-clock event on this thread. See perf_event_open(2).
enum class Sampled : std::uint8_t { user_code, kernel_too };
Result<void> ask_perf_event(Sampled what);

/// Makes a BPF map of one entry and lets it go. See bpf(2).
Result<void> ask_bpf();

}  // namespace leat::app::os
