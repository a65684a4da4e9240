#include "os/ring.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <liburing.h>

#include "os/error.h"
#include "os/file.h"
#include "os/stream.h"
#include "os/wait.h"

namespace leat::os {
namespace {

constexpr unsigned submission_entries = 64;
// A zero-copy send has two completions; those of cancellations come on top.
constexpr unsigned completion_entries = 2 * RingRecords::most;
constexpr unsigned most_waiting_workers = 64;
constexpr std::chrono::seconds longest_farewell{1};
// In a row; then what is in flight is given up.
constexpr unsigned most_denials = 3;

// Newer than Debian 12's liburing; Linux 6.2.
constexpr unsigned report_usage = 1u << 3;  // IORING_SEND_ZC_REPORT_USAGE

enum class Reports : std::uint8_t { unknown, no, yes };

// A filter that came down after the ring was opened.
bool is_denial(int error_number) {
  return error_number == EPERM || error_number == ENOSYS || error_number == EACCES ||
         error_number == EINVAL;
}

std::string_view first_line(const char* path, std::span<char> room) {
  const auto file = open_for_reading(path);
  if (!file) return {};
  const auto count = read(*file, std::as_writable_bytes(room));
  if (!count) return {};
  const std::string_view text(room.data(), *count);
  return text.substr(0, text.find('\n'));
}

// Filters belong to threads.
bool has_seccomp_filter() {
  std::array<char, 4096> room;
  const auto file = open_for_reading("/proc/thread-self/status");
  if (!file) return false;
  const auto count = read(*file, std::as_writable_bytes(std::span(room)));
  return count &&
         std::string_view(room.data(), *count).find("Seccomp:\t2") != std::string_view::npos;
}

// As the operation of an error: it is the answer to "by whom".
std::string_view setup_denied_by(int error_number) {
  if (error_number == EPERM) {
    std::array<char, 16> room;
    const auto disabled = first_line("/proc/sys/kernel/io_uring_disabled", room);
    if (disabled == "2" || disabled == "1")
      return "io_uring_setup (denied by sysctl kernel.io_uring_disabled)";
  }
  if ((error_number == EPERM || error_number == ENOSYS || error_number == EACCES) &&
      has_seccomp_filter())
    return "io_uring_setup (denied by a seccomp filter)";
  if (error_number == ENOMEM) return "io_uring_setup (RLIMIT_MEMLOCK or memory is used up)";
  if (error_number == ENOSYS) return "io_uring_setup (this kernel has no io_uring)";
  return "io_uring_setup";
}

std::string_view denied_by(std::string_view call, int error_number) {
  const bool enter = call == "io_uring_enter";
  if ((error_number == EPERM || error_number == ENOSYS || error_number == EACCES) &&
      has_seccomp_filter())
    return enter ? "io_uring_enter (denied by a seccomp filter)"
                 : "io_uring_register (denied by a seccomp filter)";
  return call;
}

std::unexpected<Error> not_registered(int error_number) {
  auto error = make_error(error_number, denied_by("io_uring_register", error_number));
  if (error_number == ENOMEM)
    error.error().hint = "raise RLIMIT_MEMLOCK (ulimit -l), or register fewer bytes";
  return error;
}

unsigned flags_for(RingUse use) {
  unsigned flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
  if (use == RingUse::thread_bound)
    flags |= IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  return flags;
}

int open_with(io_uring& ring, unsigned flags) {
  io_uring_params params{};
  params.flags = flags;
  params.cq_entries = completion_entries;
  return -::io_uring_queue_init_params(submission_entries, &ring, &params);
}

// Returns how many of `entries` the table has from `first` on, or a negated errno.
int update_table(io_uring& ring, std::size_t first, std::span<const iovec> entries) {
  return ::io_uring_register_buffers_update_tag(&ring, static_cast<unsigned>(first), entries.data(),
                                                nullptr, static_cast<unsigned>(entries.size()));
}

}  // namespace

struct Ring::State {
  struct Prepared {
    io_uring_sqe* entry;
    RingOperation* operation;  // null: a cancellation
  };
  ~State() {
    if (opened) ::io_uring_queue_exit(&ring);
  }

  io_uring ring{};
  bool opened = false;
  std::optional<std::thread::id> bound_to;
  std::array<Prepared, submission_entries> prepared{};  // for the next submit, in order
  std::size_t prepared_count = 0;
  Reports reports = Reports::unknown;
  bool has_waiting_workers = false;
  bool has_table = false;  // of registered memory
  // Operations that nobody is told of make the eventfd readable all the same (DEFER_TASKRUN). Those
  // that are not fetched when it has been read would keep the next one from making it readable.
  bool has_untold = false;
  unsigned denials = 0;  // of the call that fetches completions
};

Ring::Ring(FdRef eventfd, RingUse use) noexcept : eventfd_(eventfd), use_(use) {}

Ring::~Ring() {
  if (!state_) return;
  for (RingOperation& operation : records_.all()) {
    if (!operation.abandoned && operation.stage != RingOperation::Stage::idle) end(operation);
  }
  const auto until = std::chrono::steady_clock::now() + longest_farewell;
  pollfd wakeups{.fd = eventfd_.number(), .events = POLLIN, .revents = 0};
  while (in_flight() > 0 && std::chrono::steady_clock::now() < until) {
    drain_eventfd(eventfd_);
    if (reap()) continue;
    const auto ready = wait(std::span(&wakeups, 1), until);
    if (!ready && !ready.error().is(EINTR)) break;
  }
  // The kernel takes a closed ring down later: until then it would count what is pinned for it.
  // With operations in flight some kernels wait for those.
  if (state_->has_table && in_flight() == 0) ::io_uring_unregister_buffers(&state_->ring);
}

Result<void> Ring::open() {
  if (state_) {
    if (state_->bound_to && *state_->bound_to != std::this_thread::get_id())
      return make_error(EEXIST, "io_uring_enter (RingUse::thread_bound, and on another thread)");
    return {};
  }
  if (use_ == RingUse::none)
    return make_error(EPERM, "io_uring_setup (ContextOptions::ring is none)");
  auto state = std::make_unique<State>();
  bool bound = use_ == RingUse::thread_bound;
  int failed = open_with(state->ring, flags_for(use_));
  if (failed == EINVAL && bound) {  // before Linux 6.1
    bound = false;
    failed = open_with(state->ring, flags_for(RingUse::movable));
  }
  if (failed != 0) return make_error(failed, setup_denied_by(failed));
  state->opened = true;
  if (bound) state->bound_to = std::this_thread::get_id();
  // A child of fork(2) must not share it.
  ::io_uring_ring_dontfork(&state->ring);
  if (const int error = -::io_uring_register_eventfd(&state->ring, eventfd_.number()); error != 0)
    return make_error(error, denied_by("io_uring_register", error));
  state_ = std::move(state);
  return {};
}

// Its entries are empty, so that pools can be added one by one.
Result<void> Ring::make_table() {
  if (state_->has_table) return {};
  const int failed = -::io_uring_register_buffers_sparse(&state_->ring, RegisteredMemory::most);
  if (failed == EINVAL)
    return make_error(EOPNOTSUPP, "io_uring_register (IORING_RSRC_REGISTER_SPARSE: Linux 5.19)");
  if (failed != 0) return not_registered(failed);
  state_->has_table = true;
  return {};
}

Result<void> Ring::register_memory(std::span<const std::span<std::byte>> stretches,
                                   std::shared_ptr<const void> owner) {
  if (auto opened = open(); !opened) return opened;
  const std::size_t first = memory_.count();
  if (stretches.size() > RegisteredMemory::most - first)
    return make_error(ENOBUFS, "io_uring_register (the ring's table of buffers is full)");
  if (auto made = make_table(); !made) return made;
  std::vector<iovec> entries;
  entries.reserve(stretches.size());
  for (const std::span<std::byte> stretch : stretches)
    entries.push_back({stretch.data(), stretch.size()});
  std::size_t done = 0;
  while (done < entries.size()) {
    // It stops at the first that it cannot pin, and says why if asked for that one alone.
    const int count = update_table(state_->ring, first + done, std::span(entries).subspan(done));
    if (count > 0) {
      done += static_cast<std::size_t>(count);
      continue;
    }
    // Should that fail, they stay pinned as long as the ring, and nobody uses them.
    if (done > 0) update_table(state_->ring, first, std::vector<iovec>(done));
    return not_registered(count < 0 ? -count : EINVAL);
  }
  memory_.add(stretches, std::move(owner));
  return {};
}

std::optional<std::uint16_t> Ring::place_of(std::span<const std::byte> bytes) noexcept {
  const auto place = memory_.place_of(bytes);
  if (place) ++registered_operations_;
  return place;
}

Result<RingOperation*> Ring::begin() {
  if (auto opened = open(); !opened) return std::unexpected(std::move(opened.error()));
  RingOperation* const record = records_.begin();
  if (!record) return make_error(EAGAIN, "io_uring_enter");
  return record;
}

void Ring::end(RingOperation& operation) noexcept {
  if (records_.end(operation)) cancel(operation);
}

void Ring::cancel(RingOperation& operation) noexcept {
  if (operation.stage != RingOperation::Stage::in_flight) return;
  io_uring_sqe* const entry = entry_for(nullptr);
  // Without one, or if the kernel does not take it, the operation ends by itself, later.
  if (!entry) return;
  ::io_uring_prep_cancel(entry, &operation, 0);
  ::io_uring_sqe_set_data(entry, nullptr);
  [[maybe_unused]] const auto submitted = submit();
}

// To be handed over with the next submit; null if even a submit makes no room.
io_uring_sqe* Ring::entry_for(RingOperation* operation) {
  io_uring_sqe* entry = ::io_uring_get_sqe(&state_->ring);
  if (!entry) {
    [[maybe_unused]] const auto denied = submit();
    entry = ::io_uring_get_sqe(&state_->ring);
  }
  if (entry) state_->prepared[state_->prepared_count++] = {entry, operation};
  return entry;
}

io_uring_sqe* Ring::start(RingOperation& operation) {
  records_.started(operation);
  io_uring_sqe* const entry = entry_for(&operation);
  if (!entry) records_.fail(operation, EAGAIN);
  return entry;
}

void Ring::read(RingOperation& operation, FdRef file, std::span<std::byte> into,
                std::uint64_t offset) {
  io_uring_sqe* const entry = start(operation);
  if (!entry) return;
  const auto length = static_cast<unsigned>(into.size());
  if (const auto place = place_of(into)) {
    ::io_uring_prep_read_fixed(entry, file.number(), into.data(), length, offset, *place);
  } else {
    ::io_uring_prep_read(entry, file.number(), into.data(), length, offset);
  }
  ::io_uring_sqe_set_data(entry, &operation);
}

void Ring::read_elsewhere(RingOperation& operation, FdRef file, std::span<std::byte> into,
                          std::uint64_t offset) {
  io_uring_sqe* const entry = start(operation);
  if (!entry) return;
  ::io_uring_prep_read(entry, file.number(), into.data(), static_cast<unsigned>(into.size()),
                       offset);
  ::io_uring_sqe_set_data(entry, &operation);
  give_to_worker(*entry);
}

void Ring::open_elsewhere(RingOperation& operation, const char* path, int flags) {
  io_uring_sqe* const entry = start(operation);
  if (!entry) return;
  ::io_uring_prep_openat(entry, AT_FDCWD, path, flags, 0);
  ::io_uring_sqe_set_data(entry, &operation);
  give_to_worker(*entry);
}

void Ring::give_to_worker(io_uring_sqe& entry) {
  entry.flags |= IOSQE_ASYNC;
  if (std::exchange(state_->has_waiting_workers, true)) return;
  // By default four for each processor, which as many files on a slow disk would keep from others.
  unsigned workers[] = {most_waiting_workers, 0};
  [[maybe_unused]] const int ignored = ::io_uring_register_iowq_max_workers(&state_->ring, workers);
}

void Ring::will_need(FdRef file, std::uint64_t offset, std::uint64_t length) {
  if (!state_) return;
  io_uring_sqe* const entry = entry_for(nullptr);
  if (!entry) return;
  ::io_uring_prep_fadvise(entry, file.number(), offset, static_cast<off_t>(length),
                          POSIX_FADV_WILLNEED);
  ::io_uring_sqe_set_data(entry, nullptr);
  entry->flags |= IOSQE_ASYNC | IOSQE_IO_HARDLINK;
  state_->has_untold = true;
  if ((state_->ring.features & IORING_FEAT_CQE_SKIP) != 0) entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

void Ring::write(RingOperation& operation, FdRef file, std::span<const std::byte> from,
                 std::uint64_t offset) {
  io_uring_sqe* const entry = start(operation);
  if (!entry) return;
  const auto length = static_cast<unsigned>(from.size());
  if (const auto place = place_of(from)) {
    ::io_uring_prep_write_fixed(entry, file.number(), from.data(), length, offset, *place);
  } else {
    ::io_uring_prep_write(entry, file.number(), from.data(), length, offset);
  }
  ::io_uring_sqe_set_data(entry, &operation);
}

namespace {

int message_flags(bool more_follows) {
  return MSG_DONTWAIT | MSG_NOSIGNAL | (more_follows ? MSG_MORE : 0);
}

}  // namespace

void Ring::send_zero_copy(RingOperation& operation, FdRef socket, std::span<const std::byte> from,
                          bool more_follows) {
  const unsigned flags = reports_copies() ? report_usage : 0;
  io_uring_sqe* const entry = start(operation);
  if (!entry) return;
  if (const auto place = place_of(from)) {
    ::io_uring_prep_send_zc_fixed(entry, socket.number(), from.data(), from.size(),
                                  message_flags(more_follows), flags, *place);
  } else {
    ::io_uring_prep_send_zc(entry, socket.number(), from.data(), from.size(),
                            message_flags(more_follows), flags);
  }
  ::io_uring_sqe_set_data(entry, &operation);
}

void Ring::sendmsg_zero_copy(RingOperation& operation, FdRef socket, const msghdr& message,
                             bool more_follows) {
  const unsigned flags = reports_copies() ? report_usage : 0;
  io_uring_sqe* const entry = start(operation);
  if (!entry) return;
  ::io_uring_prep_sendmsg_zc(entry, socket.number(), &message,
                             static_cast<unsigned>(message_flags(more_follows)));
  entry->ioprio = static_cast<std::uint16_t>(flags);
  ::io_uring_sqe_set_data(entry, &operation);
}

Result<void> Ring::submit() {
  if (!state_) return {};
  int error = 0;
  while (error == 0 && ::io_uring_sq_ready(&state_->ring) > 0) {
    const int handed_over = ::io_uring_submit(&state_->ring);
    if (handed_over == -EINTR) continue;
    if (handed_over <= 0) error = handed_over < 0 ? -handed_over : EAGAIN;
  }
  if (error == 0) {
    state_->prepared_count = 0;
    return {};
  }
  take_back(error);
  return make_error(error, denied_by("io_uring_enter", error));
}

// Entries that the kernel did not take stay in the queue that it will read one day: they must ask
// for nothing then. They are the last of those that were prepared.
void Ring::take_back(int error) {
  const std::size_t left =
      std::min<std::size_t>(::io_uring_sq_ready(&state_->ring), state_->prepared_count);
  const std::size_t first = state_->prepared_count - left;
  // Finishing one may prepare others.
  const auto prepared = state_->prepared;
  const std::size_t count = std::exchange(state_->prepared_count, 0);
  for (std::size_t index = first; index < count; ++index) {
    ::io_uring_prep_nop(prepared[index].entry);
    ::io_uring_sqe_set_data(prepared[index].entry, nullptr);
  }
  for (std::size_t index = first; index < count; ++index) {
    if (prepared[index].operation) records_.fail(*prepared[index].operation, error);
  }
}

bool Ring::reap() noexcept {
  if (!state_ || (in_flight() == 0 && !state_->has_untold)) return false;
  // With DEFER_TASKRUN completions only come into the queue inside a call. If that failed, it
  // is made again, as the eventfd has been read; on a thread that it is not bound to it never
  // works.
  const int failed = -::io_uring_get_events(&state_->ring);
  const bool foreign = state_->bound_to && *state_->bound_to != std::this_thread::get_id();
  if (failed == 0) state_->denials = 0;
  if (failed > 0 && !foreign && state_->denials < most_denials) {
    signal_eventfd(eventfd_);
    if (is_denial(failed) && ++state_->denials == most_denials) records_.lose(failed);
  }
  bool any = false;
  io_uring_cqe* entry = nullptr;
  while (::io_uring_peek_cqe(&state_->ring, &entry) == 0) {
    auto* const operation = static_cast<RingOperation*>(::io_uring_cqe_get_data(entry));
    const std::int32_t answer = entry->res;
    const std::uint32_t flags = entry->flags;
    ::io_uring_cqe_seen(&state_->ring, entry);
    if (!operation) continue;
    any = true;
    records_.complete(*operation, answer, flags);
  }
  return any;
}

// A kernel that does not know the flag says EINVAL before it looks at the descriptor.
bool Ring::reports_copies() {
  if (state_->reports != Reports::unknown) return state_->reports == Reports::yes;
  state_->reports = Reports::no;
  io_uring probing{};
  io_uring_params params{};
  if (::io_uring_queue_init_params(2, &probing, &params) != 0) return false;
  io_uring_sqe* const entry = ::io_uring_get_sqe(&probing);
  ::io_uring_prep_send_zc(entry, -1, nullptr, 0, MSG_DONTWAIT, report_usage);
  io_uring_cqe* answer = nullptr;
  if (::io_uring_submit_and_wait(&probing, 1) == 1 && ::io_uring_peek_cqe(&probing, &answer) == 0 &&
      answer->res == -EBADF)
    state_->reports = Reports::yes;
  ::io_uring_queue_exit(&probing);
  return state_->reports == Reports::yes;
}

namespace {

std::string_view missing_operation(RingNeed need) {
  io_uring_probe* const probe = ::io_uring_get_probe();
  if (!probe) return "io_uring_register (does not tell which operations it knows)";
  const bool known = need == RingNeed::files
                         ? ::io_uring_opcode_supported(probe, IORING_OP_READ) != 0
                         : ::io_uring_opcode_supported(probe, IORING_OP_SEND_ZC) != 0;
  const bool vectors = ::io_uring_opcode_supported(probe, IORING_OP_SENDMSG_ZC) != 0;
  ::io_uring_free_probe(probe);
  if (!known) return "this kernel's io_uring has no such operation";
  if (need == RingNeed::zero_copy_send && !vectors)
    return "this kernel's io_uring has no IORING_OP_SENDMSG_ZC (Linux 6.1)";
  return {};
}

}  // namespace

std::string_view ring_verdict(RingNeed need) noexcept {
  io_uring ring{};
  io_uring_params params{};
  const int failed = -::io_uring_queue_init_params(2, &ring, &params);
  if (failed != 0) return setup_denied_by(failed);
  ::io_uring_queue_exit(&ring);
  return missing_operation(need);
}

}  // namespace leat::os
