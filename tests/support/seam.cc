#include "support/seam.h"

#include <fcntl.h>
#include <ifaddrs.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>

#ifdef LEAT_HAVE_LIBURING
#include <liburing.h>
#endif

namespace leat::testing {
namespace {

thread_local ScopedFaults* in_force = nullptr;

constexpr std::array<std::string_view, 21> movers = {
    "read",      "write",  "pread",    "pwrite",          "readv",
    "writev",    "preadv", "pwritev",  "preadv2",         "pwritev2",
    "recv",      "send",   "recvmsg",  "sendmsg",         "sendfile",
    "splice",    "tee",    "vmsplice", "copy_file_range", "ring_read",
    "ring_write"};

}  // namespace

bool moves_bytes(std::string_view call) { return std::ranges::find(movers, call) != movers.end(); }

ScopedFaults::ScopedFaults(std::vector<FaultPlan> plans) : outer_(in_force) {
  for (FaultPlan& plan : plans) plans_.push_back({std::move(plan), 0});
  in_force = this;
}

ScopedFaults::~ScopedFaults() { in_force = outer_; }

std::uint64_t ScopedFaults::seen(std::string_view call) const {
  const auto found = seen_.find(call);
  return found == seen_.end() ? 0 : found->second;
}

ScopedFaults::Verdict ScopedFaults::consult(std::string_view call, bool moves_bytes) {
  const auto found = seen_.find(call);
  if (found != seen_.end()) {
    ++found->second;
  } else {
    seen_.emplace(call, 1);
  }
  Verdict verdict;
  for (Armed& armed : plans_) {
    const FaultPlan& plan = armed.plan;
    if (plan.call.empty() ? !moves_bytes : plan.call != call) continue;
    const std::uint64_t number = ++armed.matched;
    if (number < plan.first || number - plan.first >= plan.times) continue;
    ++fired_;
    if (plan.before) {
      in_force = nullptr;
      plan.before();
      in_force = this;
    }
    if (plan.error_number != 0) verdict.error_number = plan.error_number;
    if (plan.shorten_to)
      verdict.at_most = std::min(verdict.at_most, std::max<std::size_t>(*plan.shorten_to, 1));
  }
  return verdict;
}

namespace {

// Errno is left alone when nothing is injected: the real call sets it.
ScopedFaults::Verdict consult(std::string_view call, bool moves = false) {
  if (in_force == nullptr) return {};
  const int before = errno;
  const ScopedFaults::Verdict verdict = in_force->consult(call, moves);
  errno = verdict.error_number != 0 ? verdict.error_number : before;
  return verdict;
}

bool nothing_in_force() { return in_force == nullptr; }

// A copy of a vector that holds at most so many bytes.
class ShortVector {
 public:
  ShortVector(const iovec* from, std::size_t count, std::size_t at_most) {
    for (std::size_t i = 0; i < count && at_most > 0; ++i) {
      const std::size_t length = std::min(from[i].iov_len, at_most);
      list_.push_back({from[i].iov_base, length});
      at_most -= length;
    }
  }
  iovec* data() { return list_.data(); }
  int count() const { return static_cast<int>(list_.size()); }

 private:
  std::vector<iovec> list_;
};

}  // namespace
}  // namespace leat::testing

// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): ld --wrap wants these
// names.
using leat::testing::consult;
using leat::testing::ShortVector;

#define SEAM_MOVER(result, name, declared, shortened)                                     \
  extern "C" result __real_##name declared;                                               \
  extern "C" result __wrap_##name declared {                                              \
    const auto verdict = consult(#name, true);                                            \
    if (verdict.error_number != 0) return -1;                                             \
    const auto cut = [&](std::size_t whole) { return std::min(whole, verdict.at_most); }; \
    return __real_##name shortened;                                                       \
  }

extern "C" ssize_t __real_readlink(const char* path, char* into, size_t n);
extern "C" int __real_fcntl(int fd, int command, ...);

namespace {

// With O_DIRECT what is cut stays aligned.
std::size_t aligned(int fd, std::size_t whole, std::size_t at_most) {
  constexpr std::size_t direct_unit = 4096;
  if (at_most >= whole) return whole;
  const bool direct = (__real_fcntl(fd, F_GETFL) & O_DIRECT) != 0;
  const std::size_t unit = direct ? direct_unit : 1;
  return std::min(whole, std::max(at_most / unit * unit, unit));
}

// A wake-up is no payload: it cannot be cut, and who waits for it has no other.
bool is_wake_up(int fd, size_t n) {
  if (n != sizeof(std::uint64_t) || leat::testing::nothing_in_force()) return false;
  const int before = errno;
  std::array<char, 32> target{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = __real_readlink(link.c_str(), target.data(), target.size());
  errno = before;
  return length > 0 &&
         std::string_view(target.data(), static_cast<size_t>(length)) == "anon_inode:[eventfd]";
}

}  // namespace

extern "C" ssize_t __real_read(int fd, void* into, size_t n);
extern "C" ssize_t __wrap_read(int fd, void* into, size_t n) {
  if (is_wake_up(fd, n)) return __real_read(fd, into, n);
  const auto verdict = consult("read", true);
  if (verdict.error_number != 0) return -1;
  return __real_read(fd, into, std::min(n, verdict.at_most));
}

extern "C" ssize_t __real_write(int fd, const void* from, size_t n);
extern "C" ssize_t __wrap_write(int fd, const void* from, size_t n) {
  if (is_wake_up(fd, n)) return __real_write(fd, from, n);
  const auto verdict = consult("write", true);
  if (verdict.error_number != 0) return -1;
  return __real_write(fd, from, std::min(n, verdict.at_most));
}

SEAM_MOVER(ssize_t, pread, (int fd, void* into, size_t n, off_t at),
           (fd, into, aligned(fd, n, cut(n)), at))
SEAM_MOVER(ssize_t, pwrite, (int fd, const void* from, size_t n, off_t at),
           (fd, from, aligned(fd, n, cut(n)), at))
SEAM_MOVER(ssize_t, recv, (int fd, void* into, size_t n, int flags), (fd, into, cut(n), flags))
SEAM_MOVER(ssize_t, send, (int fd, const void* from, size_t n, int flags),
           (fd, from, cut(n), flags))
SEAM_MOVER(ssize_t, sendfile, (int to, int from, off_t* at, size_t n), (to, from, at, cut(n)))
SEAM_MOVER(ssize_t, splice,
           (int from, off64_t* from_at, int to, off64_t* to_at, size_t n, unsigned flags),
           (from, from_at, to, to_at, cut(n), flags))
SEAM_MOVER(ssize_t, tee, (int from, int to, size_t n, unsigned flags), (from, to, cut(n), flags))
SEAM_MOVER(ssize_t, copy_file_range,
           (int from, off64_t* from_at, int to, off64_t* to_at, size_t n, unsigned flags),
           (from, from_at, to, to_at, cut(n), flags))

#define SEAM_VECTOR(name, declared, plain, shortened)                        \
  extern "C" ssize_t __real_##name declared;                                 \
  extern "C" ssize_t __wrap_##name declared {                                \
    const auto verdict = consult(#name, true);                               \
    if (verdict.error_number != 0) return -1;                                \
    if (verdict.at_most == SIZE_MAX) return __real_##name plain;             \
    ShortVector cut(list, static_cast<std::size_t>(count), verdict.at_most); \
    return __real_##name shortened;                                          \
  }

SEAM_VECTOR(readv, (int fd, const iovec* list, int count), (fd, list, count),
            (fd, cut.data(), cut.count()))
SEAM_VECTOR(writev, (int fd, const iovec* list, int count), (fd, list, count),
            (fd, cut.data(), cut.count()))
SEAM_VECTOR(preadv, (int fd, const iovec* list, int count, off_t at), (fd, list, count, at),
            (fd, cut.data(), cut.count(), at))
SEAM_VECTOR(pwritev, (int fd, const iovec* list, int count, off_t at), (fd, list, count, at),
            (fd, cut.data(), cut.count(), at))
SEAM_VECTOR(preadv2, (int fd, const iovec* list, int count, off_t at, int flags),
            (fd, list, count, at, flags), (fd, cut.data(), cut.count(), at, flags))
SEAM_VECTOR(pwritev2, (int fd, const iovec* list, int count, off_t at, int flags),
            (fd, list, count, at, flags), (fd, cut.data(), cut.count(), at, flags))
SEAM_VECTOR(vmsplice, (int fd, const iovec* list, size_t count, unsigned flags),
            (fd, list, count, flags), (fd, cut.data(), static_cast<size_t>(cut.count()), flags))

extern "C" ssize_t __real_sendmsg(int fd, const msghdr* message, int flags);
extern "C" ssize_t __wrap_sendmsg(int fd, const msghdr* message, int flags) {
  const auto verdict = consult("sendmsg", true);
  if (verdict.error_number != 0) return -1;
  ShortVector cut(message->msg_iov, message->msg_iovlen, verdict.at_most);
  msghdr shorter = *message;
  shorter.msg_iov = cut.data();
  shorter.msg_iovlen = static_cast<std::size_t>(cut.count());
  return __real_sendmsg(fd, verdict.at_most == SIZE_MAX ? message : &shorter, flags);
}

extern "C" ssize_t __real_recvmsg(int fd, msghdr* message, int flags);
extern "C" ssize_t __wrap_recvmsg(int fd, msghdr* message, int flags) {
  const auto verdict = consult("recvmsg", true);
  if (verdict.error_number != 0) return -1;
  if (verdict.at_most == SIZE_MAX) return __real_recvmsg(fd, message, flags);
  ShortVector cut(message->msg_iov, message->msg_iovlen, verdict.at_most);
  const msghdr original = *message;
  message->msg_iov = cut.data();
  message->msg_iovlen = static_cast<std::size_t>(cut.count());
  const ssize_t result = __real_recvmsg(fd, message, flags);
  message->msg_iov = original.msg_iov;
  message->msg_iovlen = original.msg_iovlen;
  return result;
}

#define SEAM_CALL(name, declared, passed)            \
  extern "C" int __real_##name declared;             \
  extern "C" int __wrap_##name declared {            \
    if (consult(#name).error_number != 0) return -1; \
    return __real_##name passed;                     \
  }

SEAM_CALL(pipe2, (int ends[2], int flags), (ends, flags))
SEAM_CALL(fork, (), ())
SEAM_CALL(memfd_create, (const char* name, unsigned flags), (name, flags))
extern "C" ssize_t __real_process_vm_readv(pid_t process, const iovec* into, unsigned long parts,
                                           const iovec* from, unsigned long pieces,
                                           unsigned long flags);
extern "C" ssize_t __wrap_process_vm_readv(pid_t process, const iovec* into, unsigned long parts,
                                           const iovec* from, unsigned long pieces,
                                           unsigned long flags) {
  if (consult("process_vm_readv").error_number != 0) return -1;
  return __real_process_vm_readv(process, into, parts, from, pieces, flags);
}
SEAM_CALL(eventfd, (unsigned initial, int flags), (initial, flags))
SEAM_CALL(eventfd_read, (int fd, eventfd_t* into), (fd, into))
SEAM_CALL(eventfd_write, (int fd, eventfd_t value), (fd, value))
SEAM_CALL(poll, (pollfd * fds, nfds_t count, int timeout_ms), (fds, count, timeout_ms))
SEAM_CALL(ppoll, (pollfd * fds, nfds_t count, const timespec* timeout, const sigset_t* mask),
          (fds, count, timeout, mask))
SEAM_CALL(fstat, (int fd, struct stat* into), (fd, into))
SEAM_CALL(fstatat, (int folder, const char* path, struct stat* into, int flags),
          (folder, path, into, flags))
SEAM_CALL(fstatfs, (int fd, struct statfs* into), (fd, into))
SEAM_CALL(statx, (int folder, const char* path, int flags, unsigned mask, struct statx* into),
          (folder, path, flags, mask, into))
SEAM_CALL(fsync, (int fd), (fd))
SEAM_CALL(fdatasync, (int fd), (fd))
SEAM_CALL(ftruncate, (int fd, off_t length), (fd, length))
SEAM_CALL(fallocate, (int fd, int mode, off_t at, off_t length), (fd, mode, at, length))
SEAM_CALL(linkat, (int from_folder, const char* from, int folder, const char* path, int flags),
          (from_folder, from, folder, path, flags))
SEAM_CALL(renameat, (int from_folder, const char* from, int folder, const char* path),
          (from_folder, from, folder, path))
SEAM_CALL(renameat2,
          (int from_folder, const char* from, int folder, const char* path, unsigned flags),
          (from_folder, from, folder, path, flags))
SEAM_CALL(rename, (const char* from, const char* path), (from, path))
SEAM_CALL(unlinkat, (int folder, const char* path, int flags), (folder, path, flags))
SEAM_CALL(unlink, (const char* path), (path))
SEAM_CALL(fchmod, (int fd, mode_t mode), (fd, mode))
SEAM_CALL(fchown, (int fd, uid_t owner, gid_t group), (fd, owner, group))
SEAM_CALL(getsockopt, (int fd, int level, int name, void* value, socklen_t* length),
          (fd, level, name, value, length))
SEAM_CALL(setsockopt, (int fd, int level, int name, const void* value, socklen_t length),
          (fd, level, name, value, length))
SEAM_CALL(shutdown, (int fd, int how), (fd, how))
SEAM_CALL(access, (const char* path, int mode), (path, mode))
SEAM_CALL(getsockname, (int fd, sockaddr* into, socklen_t* length), (fd, into, length))
SEAM_CALL(getpeername, (int fd, sockaddr* into, socklen_t* length), (fd, into, length))
SEAM_CALL(socket, (int family, int type, int protocol), (family, type, protocol))
SEAM_CALL(connect, (int fd, const sockaddr* address, socklen_t length), (fd, address, length))
SEAM_CALL(munmap, (void* start, size_t length), (start, length))
SEAM_CALL(mincore, (void* start, size_t length, unsigned char* into), (start, length, into))
// It answers an errno and leaves errno alone.
extern "C" int __real_posix_fadvise(int fd, off_t at, off_t length, int advice);
extern "C" int __wrap_posix_fadvise(int fd, off_t at, off_t length, int advice) {
  const auto verdict = consult("posix_fadvise");
  if (verdict.error_number != 0) return verdict.error_number;
  return __real_posix_fadvise(fd, at, length, advice);
}
SEAM_CALL(madvise, (void* start, size_t length, int advice), (start, length, advice))
SEAM_CALL(mlock, (const void* start, size_t length), (start, length))

extern "C" void* __real_mmap(void* hint, size_t length, int protection, int flags, int fd,
                             off_t at);
extern "C" void* __wrap_mmap(void* hint, size_t length, int protection, int flags, int fd,
                             off_t at) {
  if (consult("mmap").error_number != 0) return MAP_FAILED;
  return __real_mmap(hint, length, protection, flags, fd, at);
}

#ifdef LEAT_HAVE_LIBURING
// liburing's functions answer a negated errno and leave errno alone.
#define SEAM_RING(name, declared, passed)                                            \
  extern "C" int __real_##name declared;                                             \
  extern "C" int __wrap_##name declared {                                            \
    const auto verdict = consult(#name);                                             \
    return verdict.error_number != 0 ? -verdict.error_number : __real_##name passed; \
  }

SEAM_RING(io_uring_queue_init_params, (unsigned entries, io_uring* ring, io_uring_params* params),
          (entries, ring, params))
SEAM_RING(io_uring_register_eventfd, (io_uring * ring, int eventfd), (ring, eventfd))
SEAM_RING(io_uring_register_buffers_sparse, (io_uring * ring, unsigned count), (ring, count))
SEAM_RING(io_uring_register_buffers_update_tag,
          (io_uring * ring, unsigned first, const iovec* entries, const __u64* tags,
           unsigned count),
          (ring, first, entries, tags, count))

// Reads and writes that are about to be handed over count as calls of the names ring_read and
// ring_write. One that is to be answered by an error becomes an operation that has it for a result.
namespace {

constexpr unsigned inject_result = 1;  // IORING_NOP_INJECT_RESULT, Linux 6.10

void disturb(io_uring_sqe& entry) {
  const bool reads = entry.opcode == IORING_OP_READ || entry.opcode == IORING_OP_READ_FIXED;
  const bool writes = entry.opcode == IORING_OP_WRITE || entry.opcode == IORING_OP_WRITE_FIXED;
  if (!reads && !writes) return;
  const auto verdict = consult(reads ? "ring_read" : "ring_write", true);
  if (verdict.error_number != 0) {
    const auto who = entry.user_data;
    io_uring_prep_nop(&entry);
    entry.user_data = who;
    entry.rw_flags = inject_result;
    entry.len = static_cast<unsigned>(-verdict.error_number);
  } else {
    entry.len = static_cast<unsigned>(aligned(entry.fd, entry.len, verdict.at_most));
  }
}

void disturb_prepared(io_uring& ring) {
  for (unsigned at = ring.sq.sqe_head; at != ring.sq.sqe_tail; ++at)
    disturb(ring.sq.sqes[at & ring.sq.ring_mask]);
}

}  // namespace

extern "C" int __real_io_uring_submit(io_uring* ring);
extern "C" int __wrap_io_uring_submit(io_uring* ring) {
  const auto verdict = consult("io_uring_submit");
  if (verdict.error_number != 0) return -verdict.error_number;
  disturb_prepared(*ring);
  return __real_io_uring_submit(ring);
}

SEAM_RING(io_uring_get_events, (io_uring * ring), (ring))

bool leat::testing::ring_errors_can_be_injected() {
  io_uring ring{};
  if (::io_uring_queue_init(1, &ring, 0) != 0) return false;
  io_uring_sqe* const entry = ::io_uring_get_sqe(&ring);
  io_uring_prep_nop(entry);
  entry->rw_flags = inject_result;
  entry->len = static_cast<unsigned>(-ENXIO);
  io_uring_cqe* answer = nullptr;
  const bool injected = ::io_uring_submit_and_wait(&ring, 1) == 1 &&
                        ::io_uring_peek_cqe(&ring, &answer) == 0 && answer->res == -ENXIO;
  ::io_uring_queue_exit(&ring);
  return injected;
}
#else
bool leat::testing::ring_errors_can_be_injected() { return false; }
#endif

SEAM_CALL(epoll_create1, (int flags), (flags))
SEAM_CALL(epoll_ctl, (int epoll, int operation, int fd, epoll_event* event),
          (epoll, operation, fd, event))
SEAM_CALL(epoll_wait, (int epoll, epoll_event* events, int count, int timeout_ms),
          (epoll, events, count, timeout_ms))
SEAM_CALL(getifaddrs, (ifaddrs * *list), (list))

extern "C" ssize_t __wrap_readlink(const char* path, char* into, size_t n) {
  if (consult("readlink").error_number != 0) return -1;
  return __real_readlink(path, into, n);
}

extern "C" off_t __real_lseek(int fd, off_t offset, int whence);
extern "C" off_t __wrap_lseek(int fd, off_t offset, int whence) {
  if (consult("lseek").error_number != 0) return -1;
  return __real_lseek(fd, offset, whence);
}

// The variadic ones take one argument of register size at most; passing on one that was not given
// passes on whatever the register held, which the callee does not look at.
#define SEAM_VARIADIC(name, declared, last, Type, passed) \
  extern "C" int __real_##name(declared, ...);            \
  extern "C" int __wrap_##name(declared, ...) {           \
    if (consult(#name).error_number != 0) return -1;      \
    va_list arguments;                                    \
    va_start(arguments, last);                            \
    const Type value = va_arg(arguments, Type);           \
    va_end(arguments);                                    \
    return __real_##name(passed, value);                  \
  }
#define SEAM_LIST(...) __VA_ARGS__

SEAM_VARIADIC(open, SEAM_LIST(const char* path, int flags), flags, mode_t, SEAM_LIST(path, flags))
SEAM_VARIADIC(openat, SEAM_LIST(int folder, const char* path, int flags), flags, mode_t,
              SEAM_LIST(folder, path, flags))
SEAM_VARIADIC(fcntl, SEAM_LIST(int fd, int command), command, long, SEAM_LIST(fd, command))
SEAM_VARIADIC(ioctl, SEAM_LIST(int fd, unsigned long request), request, void*,
              SEAM_LIST(fd, request))
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
