#include "mechanism/patient_read.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "mechanism/errnos.h"
#include "mechanism/put.h"
#include "os/file.h"
#include "os/stream.h"

namespace leat {
namespace {

using Outcome = Moved::Outcome;

// What is nothing that the file is to blame for is not asked for ever.
constexpr unsigned most_tries = 16;

Moved failed(int error_number, std::string_view operation) {
  return {.calls = 1,
          .outcome = Outcome::failed,
          .side = Moved::Side::source,
          .error_number = error_number,
          .operation = operation};
}

}  // namespace

Moved PatientRead::step(const Passage& passage, const Allowance& allowance) {
  const auto position =
      passage.source.cursor ? os::cursor(passage.from) : Result<std::uint64_t>(passage.from_offset);
  if (!position) return failed(position.error().code.value(), position.error().operation);
  if (begin_ == end_) {
    if (const auto ended = fill(passage, allowance, *position)) return *ended;
  }
  Moved moved = deliver(passage, allowance);
  if (!passage.source.cursor || moved.taken == 0) return moved;
  if (const auto at = os::move_cursor(passage.from, *position + moved.taken); !at) {
    moved.side = Moved::Side::source;
    return failing_for(moved, at.error());
  }
  return moved;
}

// Nothing: there is something to deliver now.
std::optional<Moved> PatientRead::fill(const Passage& passage, const Allowance& allowance,
                                       std::uint64_t position) {
  if (reading_) {
    if (!reading_->has_result()) return Moved{.outcome = Outcome::wait_ring};
    if (const auto ended = take_answer(passage.resources)) return ended;
    if (end_ > 0) return std::nullopt;
  }
  if (!block_.valid()) block_ = passage.resources.blocks.lease(block_bytes_);
  const std::uint64_t wanted = std::min<std::uint64_t>(block_bytes_, allowance.remaining);
  if (!asks_first_ || passage.source.residency == Residency::uncached)
    return begin(passage, position, wanted);
  const auto read = os::pread_resident(passage.from, block_.bytes().first(wanted), position);
  if (read) {
    if (*read == 0) return Moved{.calls = 1, .outcome = Outcome::source_ended};
    begin_ = 0;
    end_ = *read;
    return std::nullopt;
  }
  // EOPNOTSUPP and its kin: this file system, or this kernel, never tells.
  const Error& error = read.error();
  asks_first_ = error.is(EAGAIN);
  const bool others_may = asks_first_ || error.is(EOPNOTSUPP) || error.is(ENOSYS) ||
                          error.is(EINVAL) || error.is(EPERM);
  if (!others_may) return failed(error.code.value(), error.operation);
  return begin(passage, position, wanted);
}

Moved PatientRead::begin(const Passage& passage, std::uint64_t position, std::uint64_t wanted) {
  os::FileReads& reads = *passage.resources.reads;
  const auto begun = reads.begin();
  if (!begun) {
    if (begun.error().is(EAGAIN)) return {.outcome = Outcome::wait_ring, .for_room = true};
    return failed(begun.error().code.value(), begun.error().operation);
  }
  lent_ = Kept<Block>(std::in_place, std::move(block_));
  reading_ = *begun;
  reading_->keeps = lent_.keeper();
  reads.read(*reading_, passage.from, lent_->bytes().first(wanted), position);
  [[maybe_unused]] const auto answered = reads.submit();  // an error is the operation's result
  // That one wakes nobody.
  return {.calls = 1, .outcome = runnable() ? Outcome::progress : Outcome::wait_ring};
}

// Nothing: `end_` bytes have come, or it is worth another try.
std::optional<Moved> PatientRead::take_answer(Resources& resources) {
  const int result = reading_->result;
  resources.reads->end(*std::exchange(reading_, nullptr));
  block_ = std::move(*lent_);
  lent_ = {};
  begin_ = end_ = 0;
  if (result > 0) {
    end_ = static_cast<std::size_t>(result);
    tries_ = 0;
    return std::nullopt;
  }
  if (result == 0) return Moved{.outcome = Outcome::source_ended};
  const bool is_transient = result == -EINTR || result == -EAGAIN || result == -ECANCELED;
  if (is_transient && ++tries_ < most_tries) return std::nullopt;
  return failed(-result, "read");
}

Moved PatientRead::deliver(const Passage& passage, const Allowance& allowance) {
  Moved moved{.calls = 1};
  const auto held = block_.bytes().subspan(
      begin_, std::min<std::uint64_t>({end_ - begin_, allowance.take, allowance.deliver}));
  std::size_t count = 0;
  if (passage.sink.kind == Kind::memory) {
    count = std::min(held.size(), passage.room.size());
    std::memcpy(passage.room.data(), held.data(), count);
  } else {
    const std::size_t room = room_for(passage, held.size());
    if (room == 0) return {.outcome = Outcome::wait_sink};
    const bool more = allowance.more_follows && room == allowance.remaining;
    const auto written = put(passage, held.first(room), more);
    if (!written) {
      moved.side = Moved::Side::sink;
      if (written.error().is(EPIPE)) passage.resources.sigpipe.raised();
      if (!written.error().is(EAGAIN)) return failing_for(moved, written.error());
      return {.calls = 1, .outcome = Outcome::wait_sink};
    }
    count = *written;
    if (count < room) passage.resources.sigpipe.raised();
    moved.held_back = more && count > 0;
  }
  begin_ += count;
  moved.taken = moved.delivered = count;
  return moved;
}

// What is in flight reads into memory that goes with it.
void PatientRead::surrender(Resources& resources) {
  if (reading_) resources.reads->end(*std::exchange(reading_, nullptr));
  lent_ = {};
  if (block_.valid()) resources.blocks.give_back(std::move(block_));
  begin_ = end_ = 0;
}

}  // namespace leat
