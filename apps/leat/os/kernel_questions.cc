#include "os/kernel_questions.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>

#include <leat/fd.h>

#include "os/error.h"
#include "os/loopback.h"
#include "os/single_calls.h"

namespace leat::app::os {
namespace {

constexpr long cachestat_number = 451;  // newer than Debian 12's headers; one for all
constexpr long user_faults_only = 1;    // UFFD_USER_MODE_ONLY
constexpr unsigned listed_operations = 256;

Result<OwnedFd> descriptor_from(long answer, std::string_view call) {
  if (answer < 0) return last_error(call);
  return OwnedFd(static_cast<int>(answer));
}

Result<void> without_value(const Result<OwnedFd>& opened) {
  if (!opened) return std::unexpected(opened.error());
  return {};
}

/// io_uring_probe with its array, which C++ takes at the end of the whole only.
struct Probe {
  std::uint8_t last_operation;
  std::uint8_t length;
  std::uint16_t reserved;
  std::uint32_t more_reserved[3];
  io_uring_probe_op operations[listed_operations];
};
static_assert(offsetof(Probe, operations) == sizeof(io_uring_probe));

bool knows(const Probe& probe, unsigned operation) {
  return operation <= probe.last_operation &&
         (probe.operations[operation].flags & IO_URING_OP_SUPPORTED) != 0;
}

}  // namespace

Result<std::vector<RingOperation>> ask_ring_operations() {
  io_uring_params params{};
  const Result<OwnedFd> ring =
      descriptor_from(::syscall(SYS_io_uring_setup, 2, &params), "io_uring_setup");
  if (!ring) return std::unexpected(ring.error());
  Probe probe{};
  if (::syscall(SYS_io_uring_register, ring->number(), IORING_REGISTER_PROBE, &probe,
                listed_operations) < 0) {
    return last_error("io_uring_register");
  }
  if (::syscall(SYS_io_uring_enter, ring->number(), 0, 0, 0, nullptr, 0) < 0) {
    return last_error("io_uring_enter");
  }
  return std::vector<RingOperation>{{"READ", knows(probe, IORING_OP_READ)},
                                    {"WRITE", knows(probe, IORING_OP_WRITE)},
                                    {"SEND_ZC", knows(probe, IORING_OP_SEND_ZC)},
                                    {"SENDMSG_ZC", knows(probe, IORING_OP_SENDMSG_ZC)},
                                    {"ASYNC_CANCEL", knows(probe, IORING_OP_ASYNC_CANCEL)}};
}

Result<void> ask_zerocopy_send() {
  const OwnedFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return last_error("socket");
  const int on = 1;
  if (::setsockopt(socket.number(), SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on) < 0) {
    return last_error("setsockopt SO_ZEROCOPY");
  }
  return {};
}

Result<void> ask_tls() {
  const Result<OwnedFd> listener = listen_on_loopback();
  if (!listener) return std::unexpected(listener.error());
  const Result<OwnedFd> socket = connect_to_listener(*listener);
  if (!socket) return std::unexpected(socket.error());
  if (::setsockopt(socket->number(), IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls") < 0) {
    return last_error("setsockopt TCP_ULP");
  }
  return {};
}

Result<void> ask_cachestat() {
  // Without a descriptor, as one of another user's file would be refused for that.
  if (::syscall(cachestat_number, -1, nullptr, nullptr, 0) < 0 && errno != EBADF) {
    return last_error("cachestat");
  }
  return {};
}

Result<void> ask_nowait_read() {
  const Result<OwnedFd> file = open_to_read("/proc/self/exe");
  if (!file) return std::unexpected(file.error());
  std::byte one{};
  const iovec place{.iov_base = &one, .iov_len = 1};
  // EAGAIN: it would have to wait, and does not.
  if (::preadv2(file->number(), &place, 1, 0, RWF_NOWAIT) < 0 && errno != EAGAIN) {
    return last_error("preadv2");
  }
  return {};
}

Result<void> ask_userfaultfd(Faults which) {
  const long flags = which == Faults::of_user_code ? user_faults_only : 0;
  return without_value(
      descriptor_from(::syscall(SYS_userfaultfd, flags | O_CLOEXEC), "userfaultfd"));
}

Result<void> ask_perf_event(Sampled what) {
  perf_event_attr event{};
  event.size = sizeof event;
  event.type = PERF_TYPE_SOFTWARE;
  event.config = PERF_COUNT_SW_CPU_CLOCK;
  event.disabled = 1;
  event.exclude_kernel = what == Sampled::user_code ? 1 : 0;
  return without_value(descriptor_from(
      ::syscall(SYS_perf_event_open, &event, 0, -1, -1, PERF_FLAG_FD_CLOEXEC), "perf_event_open"));
}

Result<void> ask_bpf() {
  bpf_attr map;
  std::memset(&map, 0, sizeof map);
  map.map_type = BPF_MAP_TYPE_ARRAY;
  map.key_size = 4;
  map.value_size = 4;
  map.max_entries = 1;
  return without_value(
      descriptor_from(::syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof map), "bpf"));
}

}  // namespace leat::app::os
