#include "mechanism/direct_work.h"

#include <algorithm>
#include <utility>

#include "mechanism/errnos.h"
#include "os/file.h"
#include "os/stream.h"

namespace leat {
namespace {

using Outcome = Moved::Outcome;
using Work = DirectSlot::Work;

// EAGAIN or 0 bytes for a file is nothing that could be waited for; so often in a row it is final.
constexpr unsigned most_tries = 16;
// Far more than a step moves, and sums of it are far from overflowing.
constexpr std::uint64_t enough = std::uint64_t{1} << 60;

constexpr std::size_t down(std::size_t count, std::size_t unit) { return count - count % unit; }
constexpr std::size_t up(std::size_t count, std::size_t unit) {
  return down(count + unit - 1, unit);
}

// EBUSY: the ring has to be reaped first.
bool is_transient(int error_number) {
  return error_number == EINTR || error_number == EAGAIN || error_number == EBUSY;
}

Error error_of(int error_number, std::string_view operation) {
  return {.code = {error_number, std::generic_category()},
          .operation = operation,
          .mechanism = {},
          .subject = {},
          .hint = {}};
}

}  // namespace

DirectWork::DirectWork(DirectEnd source, DirectEnd sink, std::size_t unit, DirectQueue queue)
    : source_(std::move(source)),
      sink_(std::move(sink)),
      unit_(unit),
      phase_base_(source_.direct.valid() ? source_.base : sink_.base),
      queue_(std::move(queue)) {}

Moved DirectWork::step(const Passage& passage, const Allowance& given) {
  Allowance allowance = given;
  for (std::uint64_t* bound : {&allowance.take, &allowance.deliver, &allowance.ahead})
    *bound = std::min(*bound, enough);
  Step step{.passage = passage, .allowance = allowance};
  Resources& resources = passage.resources;
  follow(passage);
  const std::uint64_t sight = delivered_ + std::min(allowance.remaining, allowance.ahead);
  // Ends: each answer brings bytes, or is one of so many tries, or the last one.
  for (;;) {
    settle(resources, passage.from);
    if (sink_error_ == 0) {
      if (!source_.is_file) receive(step);
      if (!sink_.is_file) {
        send(step);
      } else if (sink_.direct.valid()) {
        write_blocks(step);
      } else {
        write_in_order(step);
      }
      if (source_.is_file) read_ahead(step, sight);
    }
    find_written();
    report(step);
    queue_.submit(resources.ring);
    tell_denial(step);
    if (step.moved.taken + step.moved.delivered > 0 || !queue_.has_answer()) break;
  }
  return conclude(step);
}

// Behind a hole that was skipped nothing has been read yet.
void DirectWork::follow(const Passage& passage) {
  if (!source_.is_file || source_.at_cursor) return;
  const std::uint64_t place = passage.from_offset - source_.base;
  if (place <= delivered_ || !queue_.slots().empty()) return;
  next_ = written_ = delivered_ = place;
}

void DirectWork::settle(Resources& resources, FdRef from) {
  queue_.collect(resources.ring);
  for (DirectSlot& slot : queue_.slots()) {
    if (!std::exchange(slot.answered, false)) continue;
    if (std::exchange(slot.work, Work::none) == Work::reading) {
      settle_read(slot, resources, from);
    } else {
      settle_write(slot);
    }
  }
  find_written();
}

void DirectWork::stop_source(std::uint64_t place, int error_number, std::string_view operation) {
  if (!source_stop_ || place < source_stop_->place)
    source_stop_ = {.place = place, .error_number = error_number, .operation = operation};
}

// A short count may be the file's end or chance: only a read that brings nothing more tells.
void DirectWork::settle_read(DirectSlot& slot, Resources& resources, FdRef from) {
  if (slot.answer < 0) {
    if (is_transient(-slot.answer) && ++slot.tries < most_tries)
      return start_read(slot, resources, from);
    slot.end = slot.filled;
    return stop_source(slot.filled, -slot.answer, "read");
  }
  const std::size_t reached = slot.operation_begin + static_cast<std::size_t>(slot.answer);
  const std::uint64_t place =
      std::min(slot.end, slot.begin + (reached > slot.shift ? reached - slot.shift : 0));
  if (place <= slot.filled) {
    slot.end = slot.filled;
    return stop_source(slot.filled, 0, "read");
  }
  slot.filled = place;
  slot.tries = 0;
  if (slot.filled < slot.end && sink_error_ == 0) start_read(slot, resources, from);
}

void DirectWork::settle_write(DirectSlot& slot) {
  if (slot.answer > 0) {
    slot.written += static_cast<std::uint64_t>(slot.answer);
    slot.tries = 0;
  } else if (!is_transient(-slot.answer) && slot.answer != 0) {
    fail_sink(-slot.answer, "write");
  } else if (++slot.tries == most_tries) {
    fail_sink(slot.answer == 0 ? EIO : -slot.answer, "write");
  }
  slot.issued = slot.written;
}

void DirectWork::fail_sink(int error_number, std::string_view operation) {
  if (sink_error_ != 0) return;
  sink_error_ = error_number;
  sink_operation_ = operation;
}

// Completions come in any order; only an unbroken run of them counts.
void DirectWork::find_written() {
  for (const DirectSlot& slot : queue_.slots()) {
    if (slot.begin > written_) return;
    written_ = std::max(written_, slot.written);
    if (slot.written < slot.end) return;
  }
}

void DirectWork::start_read(DirectSlot& slot, Resources& resources, FdRef from) {
  const std::size_t filled = slot.shift + (slot.filled - slot.begin);
  const std::size_t whole = slot.shift + (slot.end - slot.begin);
  if (!source_.direct.valid()) {
    return DirectQueue::do_at_once(slot, Work::reading, from, filled, whole - filled,
                                   source_.base + slot.filled);
  }
  const std::size_t begin = down(filled, unit_);
  queue_.start(slot, Work::reading, resources.ring, source_.direct, begin, up(whole, unit_) - begin,
               source_.base + slot.begin - slot.shift + begin);
}

// As far as `sight`, at most as much as may be taken in one step.
void DirectWork::read_ahead(Step& step, std::uint64_t sight) {
  if (source_stop_) return;
  const bool at_once = !queue_.uses_ring() || !source_.direct.valid();
  std::uint64_t budget = up(step.allowance.take, unit_);
  while (next_ < sight && budget >= unit_ && queue_.has_room()) {
    // Without a queue depth there is nothing to be gained by reading ahead.
    if (at_once && !queue_.slots().empty()) return;
    const std::size_t shift = phase_of(next_);
    std::uint64_t end =
        std::min(sight, next_ + std::min<std::uint64_t>(queue_.slot_bytes() - shift, budget));
    if (end < sight) end -= phase_of(end);
    DirectSlot& slot = queue_.add(next_, shift);
    slot.end = end;
    start_read(slot, step.passage.resources, step.passage.from);
    ++step.moved.calls;
    budget -= std::min(budget, end - next_);
    next_ = end;
  }
}

// One call: what it brings ends in the last block, or begins a new one.
void DirectWork::receive(Step& step) {
  const std::uint64_t take = step.allowance.take - step.moved.taken;
  if (take == 0 || source_stop_ || step.source_blocked) return;
  auto& slots = queue_.slots();
  if (slots.empty() || slots.back().filled == slots.back().end) {
    if (!queue_.has_room()) return;
    const std::size_t shift = phase_of(next_);
    queue_.add(next_, shift).end = next_ + queue_.slot_bytes() - shift;
  }
  DirectSlot& slot = slots.back();
  const auto room = slot.bytes(slot.filled, std::min(slot.end, slot.filled + take));
  const auto received = os::recv(step.passage.from, room, false);
  ++step.moved.calls;
  if (!received && received.error().is(EAGAIN)) {
    step.source_blocked = true;
  } else if (!received) {
    stop_source(next_, received.error().code.value(), received.error().operation);
  } else if (*received == 0) {
    stop_source(next_, 0, "recv");
  } else {
    slot.filled += *received;
    next_ += *received;
    step.moved.taken += *received;
  }
}

// The bytes that come next in the sink, as far as they are there and in one block.
std::span<std::byte> DirectWork::next_bytes(std::uint64_t limit) {
  for (DirectSlot& slot : queue_.slots()) {
    if (slot.begin > written_) break;
    if (slot.filled > written_)
      return slot.bytes(written_, std::min(slot.filled, written_ + limit));
    if (slot.filled < slot.end) break;
  }
  return {};
}

// The sink accepted this much of next_bytes.
void DirectWork::add_written(std::uint64_t count) {
  for (DirectSlot& slot : queue_.slots())
    slot.issued = slot.written = std::clamp(written_ + count, slot.written, slot.filled);
}

void DirectWork::send(Step& step) {
  const auto bytes = next_bytes(step.allowance.deliver - (written_ - delivered_));
  if (bytes.empty() || step.sink_blocked) return;
  const bool more = step.allowance.more_follows && bytes.size() == step.allowance.remaining;
  const auto sent = os::send(step.passage.to, bytes, {.wait = false, .more_follows = more});
  ++step.moved.calls;
  if (sent) {
    step.moved.held_back = more && *sent > 0;
    add_written(*sent);
  } else if (sent.error().is(EAGAIN)) {
    step.sink_blocked = true;
  } else {
    fail_sink(sent.error().code.value(), sent.error().operation);
  }
}

void DirectWork::write_in_order(Step& step) {
  const auto bytes = next_bytes(step.allowance.deliver - (written_ - delivered_));
  if (bytes.empty() || step.sink_blocked) return;
  const auto done = os::pwrite(step.passage.to, bytes, sink_.base + written_);
  ++step.moved.calls;
  if (done) {
    add_written(*done);
  } else if (done.error().is(EAGAIN)) {
    step.sink_blocked = true;
  } else {
    fail_sink(done.error().code.value(), done.error().operation);
  }
}

// Bytes that the sink has or is being given, and that no step has reported.
std::uint64_t DirectWork::unreported() const {
  std::uint64_t bytes = 0;
  for (const DirectSlot& slot : queue_.slots())
    bytes += slot.issued - std::min(slot.issued, std::max(slot.begin, delivered_));
  return bytes;
}

// Blocks that are not full go out when nothing can be added to them soon: at the source's end, or
// when it has nothing now and no earlier write is under way, which would give it time.
bool DirectWork::flushes(const Step& step) const {
  if (source_.is_file || source_stop_) return true;
  const std::uint64_t held = next_ - delivered_;
  const bool has_all = step.allowance.remaining == held + step.moved.delivered;
  return has_all || (step.source_blocked && queue_.in_flight() == 0);
}

void DirectWork::write_blocks(Step& step) {
  const bool flush = flushes(step);
  std::uint64_t place = written_;
  for (DirectSlot& slot : queue_.slots()) {
    if (slot.begin > place) return;
    while (slot.work == Work::none && slot.issued < slot.filled) {
      if (!write_piece(step, slot, flush)) return;
    }
    if (slot.work == Work::reading || slot.issued < slot.end) return;
    place = slot.end;
  }
}

// Returns false if nothing more can be begun.
bool DirectWork::write_piece(Step& step, DirectSlot& slot, bool flush) {
  const std::uint64_t available = slot.filled - slot.issued;
  const std::size_t misplaced = (sink_.base + slot.issued) % unit_;
  if (misplaced != 0 || available < unit_) return write_ragged_piece(step, slot, flush);
  if (slot.filled < slot.end && !flush) return false;
  const std::uint64_t under_way = unreported();
  const std::uint64_t limit =
      step.allowance.deliver + std::min(written_ - delivered_, step.allowance.deliver);
  if (under_way >= limit) return false;
  // What is written beyond the limit is reported by a later step.
  const std::size_t length = down(std::min(available, up(limit - under_way, unit_)), unit_);
  const std::size_t begin = slot.shift + (slot.issued - slot.begin);
  queue_.start(slot, Work::writing, step.passage.resources.ring, sink_.direct, begin, length,
               sink_.base + slot.issued);
  slot.issued += length;
  ++step.moved.calls;
  return true;
}

// Before the first block and behind the last one: through the page cache, and alone, so that what
// is in flight never shares a page with it.
bool DirectWork::write_ragged_piece(Step& step, DirectSlot& slot, bool flush) {
  const std::size_t misplaced = (sink_.base + slot.issued) % unit_;
  const std::uint64_t length =
      std::min<std::uint64_t>(slot.filled - slot.issued, unit_ - misplaced);
  if (!flush && misplaced + length < unit_) return false;
  if (slot.issued != written_ || step.sink_blocked) return false;
  const auto done = os::pwrite(step.passage.to, slot.bytes(slot.issued, slot.issued + length),
                               sink_.base + slot.issued);
  ++step.moved.calls;
  if (!done && done.error().is(EAGAIN)) {
    step.sink_blocked = true;
    return false;
  }
  if (!done) {
    fail_sink(done.error().code.value(), done.error().operation);
    return false;
  }
  slot.written = slot.issued = slot.issued + *done;
  find_written();
  return *done > 0;
}

// Of a file nothing counts as taken before it is delivered: what was read ahead can be read again.
void DirectWork::report(Step& step) {
  Moved& moved = step.moved;
  std::uint64_t count = std::min(written_ - delivered_, step.allowance.deliver - moved.delivered);
  if (source_.is_file) count = std::min(count, step.allowance.take - moved.taken);
  if (count == 0) return;
  delivered_ += count;
  moved.delivered += count;
  if (source_.is_file) moved.taken += count;
  auto& slots = queue_.slots();
  while (!slots.empty() && slots.front().work == Work::none &&
         slots.front().filled == slots.front().end && slots.front().end <= delivered_)
    queue_.pop_front();
}

void DirectWork::tell_denial(Step& step) {
  const auto denial = queue_.take_denial();
  if (!denial) return;
  step.moved.does_without = true;
  step.moved.error_number = denial->code.value();
  step.moved.operation = denial->operation;
}

void DirectWork::move_cursors(const Step& step) {
  if (step.moved.delivered == 0) return;
  const auto move = [this](const DirectEnd& end, FdRef fd) {
    if (!end.at_cursor) return;
    const auto moved = os::move_cursor(fd, end.base + delivered_);
    if (!moved) fail_sink(moved.error().code.value(), moved.error().operation);
  };
  move(source_, step.passage.from);
  move(sink_, step.passage.to);
}

Moved DirectWork::conclude(Step& step) {
  Moved& moved = step.moved;
  move_cursors(step);
  const bool idle = queue_.in_flight() == 0;
  if (idle && written_ == delivered_) {
    if (sink_error_ != 0 || (source_stop_ && source_stop_->place == delivered_))
      return ending(step);
  }
  if (moved.taken + moved.delivered > 0) return moved;
  if (step.sink_blocked) {
    moved.outcome = Outcome::wait_sink;
  } else if (step.source_blocked) {
    moved.outcome = Outcome::wait_source;
    moved.ring_too = !idle;
  } else if (!idle) {
    moved.outcome = Outcome::wait_ring;
  }
  return moved;
}

Moved DirectWork::ending(Step& step) {
  Moved& moved = step.moved;
  if (sink_error_ != 0) {
    moved.side = Moved::Side::sink;
    return ending_for(moved, error_of(sink_error_, sink_operation_));
  }
  if (source_stop_->error_number == 0) {
    moved.outcome = Outcome::source_ended;
    return moved;
  }
  moved.side = Moved::Side::source;
  return ending_for(moved, error_of(source_stop_->error_number, source_stop_->operation));
}

// What was written since is counted, except where a cursor would have to be moved, too.
Moved DirectWork::wind_down(Resources& resources) {
  Moved moved;
  queue_.collect(resources.ring);
  for (DirectSlot& slot : queue_.slots()) {
    if (!std::exchange(slot.answered, false)) continue;
    if (std::exchange(slot.work, Work::none) == Work::writing) settle_write(slot);
  }
  find_written();
  if (!source_.at_cursor && !sink_.at_cursor) {
    moved.delivered = written_ - delivered_;
    if (source_.is_file) moved.taken = moved.delivered;
    delivered_ = written_;
  }
  if (queue_.in_flight() > 0) moved.outcome = Outcome::wait_ring;
  return moved;
}

Residue DirectWork::surrender(Resources& resources) {
  Residue residue;
  queue_.abandon(resources.ring);
  if (!source_.is_file) {
    for (const DirectSlot& slot : queue_.slots()) {
      const std::uint64_t from = std::max(slot.begin, delivered_);
      if (from >= slot.filled) continue;
      residue.pieces.emplace_back(slot.bytes(from, slot.filled));
      residue.bytes += slot.filled - from;
    }
  }
  const Kept<DirectMemory>& memory = queue_.memory();
  if (residue.bytes > 0) {
    residue.keeper = memory.keeper();
  } else if (memory.keeper().is_alone()) {  // else the ring still needs it
    resources.blocks.give_back(std::move(memory->block));
  }
  return residue;
}

}  // namespace leat
