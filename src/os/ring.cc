#include "os/ring.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <utility>

#include <liburing.h>

#include "os/error.h"
#include "os/file.h"
#include "os/stream.h"
#include "os/wait.h"

namespace leat::os {
namespace {

constexpr unsigned submission_entries = 64;
constexpr unsigned completion_entries = 512;
// A zero-copy send has two completions, and those of cancellations come on top.
constexpr std::size_t most_records = 128;
constexpr std::chrono::seconds longest_farewell{1};

// Newer than Debian 12's liburing; Linux 6.2.
constexpr unsigned report_usage = 1u << 3;                     // IORING_SEND_ZC_REPORT_USAGE
constexpr std::int32_t usage_copied = std::int32_t(1u << 31);  // IORING_NOTIF_USAGE_ZC_COPIED

enum class Reports : std::uint8_t { unknown, no, yes };

std::string_view first_line(const char* path, std::span<char> room) {
  const auto file = open_for_reading(path);
  if (!file) return {};
  const auto count = read(*file, std::as_writable_bytes(room));
  if (!count) return {};
  const std::string_view text(room.data(), *count);
  return text.substr(0, text.find('\n'));
}

bool has_seccomp_filter() {
  std::array<char, 4096> room;
  const auto file = open_for_reading("/proc/self/status");
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
  if (error_number == ENOMEM) return "io_uring_setup (RLIMIT_MEMLOCK is used up)";
  if (error_number == ENOSYS) return "io_uring_setup (this kernel has no io_uring)";
  return "io_uring_setup";
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

}  // namespace

struct Ring::State {
  struct Prepared {
    io_uring_sqe* entry;
    RingOperation* operation;
  };
  ~State() { ::io_uring_queue_exit(&ring); }

  io_uring ring{};
  std::array<Prepared, submission_entries> prepared;  // those of the next submit
  std::size_t prepared_count = 0;
  Reports reports = Reports::unknown;
};

bool RingOperation::take(std::int32_t answer, std::uint32_t flags) noexcept {
  if (stage == Stage::idle || stage == Stage::finished) return false;
  if ((flags & IORING_CQE_F_NOTIF) != 0) {
    if (notified) return false;
    notified = true;
    copied = (answer & usage_copied) != 0;
    if (stage == Stage::in_flight) return false;
  } else {
    if (stage != Stage::in_flight) return false;
    result = answer;
    stage = Stage::answered;
    // Whether the kernel still reads the memory stands here, not in the result.
    const bool notification_follows = (flags & IORING_CQE_F_MORE) != 0;
    if (notification_follows && !notified) return false;
  }
  stage = Stage::finished;
  return true;
}

Ring::Ring(FdRef eventfd, RingUse use) noexcept : eventfd_(eventfd), use_(use) {}

Ring::~Ring() {
  if (!state_) return;
  for (RingOperation& operation : records_) {
    if (!operation.abandoned && operation.stage != RingOperation::Stage::idle) end(operation);
  }
  [[maybe_unused]] const auto denied = submit();
  const auto until = std::chrono::steady_clock::now() + longest_farewell;
  pollfd wakeups{.fd = eventfd_.number(), .events = POLLIN, .revents = 0};
  while (in_flight_ > 0 && std::chrono::steady_clock::now() < until) {
    drain_eventfd(eventfd_);
    if (reap()) continue;
    [[maybe_unused]] const auto ready = wait(std::span(&wakeups, 1), until);
  }
  state_.reset();
  // The kernel may still write there: never to be freed.
  for (RingOperation& operation : records_) {
    if (operation.keeps && operation.stage != RingOperation::Stage::finished)
      new std::shared_ptr<const void>(std::move(operation.keeps));
  }
}

Result<void> Ring::open() {
  if (state_) return {};
  if (use_ == RingUse::none)
    return make_error(EPERM, "io_uring_setup (ContextOptions::ring is none)");
  auto state = std::make_unique<State>();
  int failed = open_with(state->ring, flags_for(use_));
  if (failed == EINVAL && use_ == RingUse::thread_bound)  // before Linux 6.1
    failed = open_with(state->ring, flags_for(RingUse::movable));
  if (failed != 0) {
    state->ring.ring_fd = -1;
    static_cast<void>(state.release());  // nothing was opened: nothing to exit
    return make_error(failed, setup_denied_by(failed));
  }
  // A child of fork(2) must not share it.
  ::io_uring_ring_dontfork(&state->ring);
  if (const int error = -::io_uring_register_eventfd(&state->ring, eventfd_.number()); error != 0)
    return make_error(error, "io_uring_register");
  state_ = std::move(state);
  return {};
}

RingOperation* Ring::free_record() {
  if (!idle_.empty()) {
    RingOperation* const record = idle_.front();
    idle_.pop_front();
    return record;
  }
  if (records_.size() == most_records) return nullptr;
  return &records_.emplace_back();
}

Result<RingOperation*> Ring::begin() {
  if (auto opened = open(); !opened) return std::unexpected(std::move(opened.error()));
  RingOperation* const record = free_record();
  if (!record) return make_error(EAGAIN, "io_uring_enter");
  return record;
}

void Ring::finish(RingOperation& operation) noexcept {
  if (const auto callback = std::exchange(operation.on_finish, nullptr)) callback(operation);
  operation.keeps.reset();
  if (!operation.abandoned) return;
  operation = RingOperation{};
  idle_.push_back(&operation);
}

void Ring::end(RingOperation& operation) noexcept {
  using Stage = RingOperation::Stage;
  operation.abandoned = true;
  if (operation.stage == Stage::in_flight) return cancel(operation);
  if (operation.stage == Stage::answered) return;
  operation = RingOperation{};
  idle_.push_back(&operation);
}

void Ring::cancel(RingOperation& operation) noexcept {
  if (operation.stage != RingOperation::Stage::in_flight) return;
  io_uring_sqe* const entry = ::io_uring_get_sqe(&state_->ring);
  if (!entry) return;  // it ends by itself, later
  ::io_uring_prep_cancel(entry, &operation, 0);
  ::io_uring_sqe_set_data(entry, nullptr);
  [[maybe_unused]] const auto submitted = submit();
}

// Of an operation that is handed over with the next submit; null if even that has no room.
io_uring_sqe* Ring::entry_for(RingOperation& operation) {
  io_uring_sqe* entry = ::io_uring_get_sqe(&state_->ring);
  if (!entry) {
    [[maybe_unused]] const auto denied = submit();
    entry = ::io_uring_get_sqe(&state_->ring);
  }
  if (!entry) {
    operation.result = -EAGAIN;
    operation.stage = RingOperation::Stage::finished;
    return nullptr;
  }
  operation.stage = RingOperation::Stage::in_flight;
  ++in_flight_;
  state_->prepared[state_->prepared_count++] = {entry, &operation};
  return entry;
}

void Ring::read(RingOperation& operation, FdRef file, std::span<std::byte> into,
                std::uint64_t offset) {
  io_uring_sqe* const entry = entry_for(operation);
  if (!entry) return;
  ::io_uring_prep_read(entry, file.number(), into.data(), static_cast<unsigned>(into.size()),
                       offset);
  ::io_uring_sqe_set_data(entry, &operation);
}

void Ring::write(RingOperation& operation, FdRef file, std::span<const std::byte> from,
                 std::uint64_t offset) {
  io_uring_sqe* const entry = entry_for(operation);
  if (!entry) return;
  ::io_uring_prep_write(entry, file.number(), from.data(), static_cast<unsigned>(from.size()),
                        offset);
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
  io_uring_sqe* const entry = entry_for(operation);
  if (!entry) return;
  ::io_uring_prep_send_zc(entry, socket.number(), from.data(), from.size(),
                          message_flags(more_follows), flags);
  ::io_uring_sqe_set_data(entry, &operation);
}

void Ring::sendmsg_zero_copy(RingOperation& operation, FdRef socket, const msghdr& message,
                             bool more_follows) {
  const unsigned flags = reports_copies() ? report_usage : 0;
  io_uring_sqe* const entry = entry_for(operation);
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
  const std::size_t left =
      std::min<std::size_t>(::io_uring_sq_ready(&state_->ring), state_->prepared_count);
  const std::size_t first = state_->prepared_count - left;
  for (std::size_t index = first; index < state_->prepared_count; ++index)
    take_back(state_->prepared[index].entry, *state_->prepared[index].operation, error);
  state_->prepared_count = 0;
  if (error != 0) return make_error(error, "io_uring_enter");
  return {};
}

// The entry stays in the queue that the kernel will read one day: it must ask for nothing then.
void Ring::take_back(io_uring_sqe* entry, RingOperation& operation, int error) {
  ::io_uring_prep_nop(entry);
  ::io_uring_sqe_set_data(entry, nullptr);
  --in_flight_;
  operation.result = -error;
  operation.stage = RingOperation::Stage::finished;
  finish(operation);
}

bool Ring::reap() noexcept {
  if (in_flight_ == 0 || !state_) return false;
  // With DEFER_TASKRUN completions only come into the queue inside a call.
  ::io_uring_get_events(&state_->ring);
  bool any = false;
  io_uring_cqe* entry = nullptr;
  while (::io_uring_peek_cqe(&state_->ring, &entry) == 0) {
    auto* const operation = static_cast<RingOperation*>(::io_uring_cqe_get_data(entry));
    const std::int32_t answer = entry->res;
    const std::uint32_t flags = entry->flags;
    ::io_uring_cqe_seen(&state_->ring, entry);
    if (!operation) continue;
    any = true;
    if (!operation->take(answer, flags)) continue;
    --in_flight_;
    finish(*operation);
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
