#include "transfer/read_ahead.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "os/memory.h"
#include "os/residency.h"

namespace leat {
namespace {

using Answer = ReadAhead::Look::Answer;
constexpr std::uint64_t piece = os::FileReads::piece_bytes;

// Pieces need not come in the order in which they were asked for.
constexpr std::uint64_t most_disorder = 2 * piece;

// So often in a row may pages be evicted between their arrival and their use; then they are not
// kept where mincore(2) looks, or not for long enough to be of use.
constexpr unsigned most_misses = 8;

// Nothing that the file itself is to blame for.
bool is_transient(int error_number) {
  return error_number == EINTR || error_number == ECANCELED || error_number == EAGAIN ||
         error_number == EBUSY;
}

}  // namespace

Error would_wait(std::string_view denied) {
  return {.code = make_error_code(Errc::would_wait),
          .operation = denied,
          .mechanism = {},
          .subject = "source",
          .hint = "allow io_uring, or set ContextOptions::disk_threads"};
}

ReadAhead::ReadAhead(os::FileReads& reads, std::uint32_t most_window_bytes)
    : reads_(reads),
      most_window_(most_window_bytes == 0
                       ? default_window_bytes
                       : std::max<std::uint64_t>(most_window_bytes, os::page_bytes())) {
  window_ = std::min(window_, most_window_);
}

bool ReadAhead::begin(FdRef file, std::uint64_t offset, std::uint64_t length, std::uint64_t taken) {
  end();
  const std::uint64_t first = offset - offset % os::page_bytes();
  auto mapping = os::map_file(file, first, offset - first + length);
  if (!mapping) return false;
  mapping_ = std::move(*mapping);
  file_ = file;
  mapped_at_ = first;
  end_ = offset + length;
  origin_ = offset - taken;
  asked_ = arrived_ = offset;
  return true;
}

void ReadAhead::end() noexcept {
  for (Reading& reading : readings_) {
    if (reading.operation) reads_.end(*std::exchange(reading.operation, nullptr));
  }
  mapping_.reset();
  waits_ = false;
  ends_at_.reset();
  misses_ = 0;
}

bool ReadAhead::runnable() const noexcept {
  return std::ranges::any_of(readings_, [](const Reading& reading) {
    return reading.operation && reading.operation->has_result();
  });
}

// What mincore(2) does not answer counts as missing.
std::uint64_t ReadAhead::resident(std::uint64_t from, std::uint64_t until) const {
  if (from >= until) return 0;
  return os::resident_bytes(mapping_.bytes().subspan(from - mapped_at_, until - from)).value_or(0);
}

void ReadAhead::collect(std::uint64_t position) {
  for (Reading& reading : readings_) {
    if (!reading.operation || !reading.operation->has_result()) continue;
    const int result = reading.operation->result;
    reads_.end(*std::exchange(reading.operation, nullptr));
    settle(reading, result, position);
  }
}

// What it says of its first byte counts if that is where the transfer is: anything else is asked
// again when its turn comes.
void ReadAhead::settle(const Reading& reading, int result, std::uint64_t position) {
  if (reading.begin <= position && position < reading.end) ++misses_;
  if (result > 0) {
    arrived_ = std::max(arrived_, reading.begin + static_cast<std::uint64_t>(result));
    measure(reading, position);
  } else if (reading.begin == position && result == 0) {
    ends_at_ = position;
  } else if (reading.begin == position && !is_transient(-result)) {
    error_ = Error{.code = {-result, std::generic_category()},
                   .operation = "read",
                   .mechanism = {},
                   .subject = "source",
                   .hint = result == -EIO ? "a device failed; see dmesg" : ""};
  }
}

// Whoever had to wait for it could have taken more meanwhile.
void ReadAhead::measure(const Reading& reading, std::uint64_t position) {
  const std::uint64_t taken = position - std::min(position, reading.position);
  const std::uint64_t twice = (2 * taken + piece - 1) / piece * piece;
  const std::uint64_t wanted = reading.starved ? 2 * window_ : twice;
  window_ = std::min(std::max(wanted, least_window_bytes), most_window_);
}

ReadAhead::Look ReadAhead::look(std::uint64_t taken, std::uint64_t wanted) {
  const std::uint64_t position = origin_ + taken;
  // Woken by something else: nothing has changed.
  if (std::exchange(waits_, false) && !runnable() && is_being_read(position)) {
    waits_ = true;
    return {Answer::wait};
  }
  collect(position);
  const std::uint64_t known = resident(position, std::min(position + wanted, end_));
  if (known > 0) {
    misses_ = 0;
  } else if (position + most_disorder <= arrived_) {
    // It has been there, and was evicted: it is asked for again, once.
    asked_ = arrived_ = position;
  }
  if (!error_) ask_ahead(position, known);
  if (error_) return {Answer::failed};
  if (known == 0) return without_any(position, wanted);
  return {Answer::take, known};
}

ReadAhead::Look ReadAhead::without_any(std::uint64_t position, std::uint64_t wanted) {
  // The mechanism finds the same, and there is nothing to wait for.
  if (ends_at_ == position) return {Answer::take, wanted};
  if (misses_ > most_misses) return {Answer::unseen};
  if (!is_being_read(position)) {
    const auto free = std::ranges::find(readings_, nullptr, &Reading::operation);
    const bool begun = ask(position, std::min(position + piece, end_), position,
                           free == readings_.end() ? nullptr : &*free);
    if (error_) return {Answer::failed};
    if (!begun) return {Answer::wait_for_room};
  }
  for (Reading& reading : readings_) reading.starved = true;
  ++cold_waits_;
  waits_ = true;
  // What could not even be handed over has its answer already, and wakes nobody.
  return {runnable() ? Answer::again : Answer::wait};
}

bool ReadAhead::is_being_read(std::uint64_t position) const noexcept {
  return std::ranges::any_of(readings_, [position](const Reading& reading) {
    return reading.operation && reading.begin <= position && position < reading.end;
  });
}

// `known` bytes from `position` on are in memory. Half a window at a time, unless it is the last.
void ReadAhead::ask_ahead(std::uint64_t position, std::uint64_t known) {
  const std::uint64_t reach = std::min(position + window_, end_);
  const std::uint64_t from = std::max(asked_, position + known);
  if (from >= reach) return;
  const bool is_due = from == position + known || reach == end_ || reach - from >= window_ / 2;
  if (!is_due) return;
  const std::uint64_t missing = from + resident(from, reach);
  asked_ = reach;
  if (missing >= reach) return;
  Reading& ahead = readings_.front();  // the other one is for what is waited for
  ask(missing, reach, position, ahead.operation ? nullptr : &ahead);
  prefetched_ += reach - missing;
}

// Asks for all of it, and begins a read of its first piece if there is somewhere to keep it.
// Returns whether it did.
bool ReadAhead::ask(std::uint64_t from, std::uint64_t until, std::uint64_t position,
                    Reading* reading) {
  os::RingOperation* operation = nullptr;
  if (reading) {
    const auto begun = reads_.begin();
    if (begun) {
      operation = *begun;
    } else if (!begun.error().is(EAGAIN)) {
      error_ = would_wait(begun.error().operation);
      return false;
    }
  }
  // In this order: a read that came first would set off the kernel's own read-ahead, which is
  // continued, by sendfile(2) too, where it was marked to be.
  for (std::uint64_t at = from; at < until; at += piece)
    reads_.will_need(file_, at, std::min(piece, until - at));
  if (operation) {
    const std::uint64_t end = std::min(from + piece, until);
    *reading = {.operation = operation, .begin = from, .end = end, .position = position};
    reads_.fetch(*operation, file_, from, end - from);
  }
  const auto submitted = reads_.submit();
  if (!submitted && !is_transient(submitted.error().code.value()))
    error_ = would_wait(submitted.error().operation);
  return operation != nullptr;
}

}  // namespace leat
