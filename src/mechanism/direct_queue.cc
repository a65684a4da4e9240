#include "mechanism/direct_queue.h"

#include <algorithm>
#include <utility>

#include "os/stream.h"

namespace leat {
namespace {

// A ring that cannot take an operation now is not asked for ever.
constexpr std::uint32_t most_tries_on_ring = 4;

}  // namespace

DirectQueue::DirectQueue(DirectMemory memory, std::size_t slot_bytes, std::size_t most)
    : memory_(std::in_place, std::move(memory)), slot_bytes_(slot_bytes) {
  const auto cut = [&](std::span<std::byte> bytes) {
    for (; bytes.size() >= slot_bytes && free_.size() < most; bytes = bytes.subspan(slot_bytes))
      free_.push_back(bytes.data());
  };
  cut(memory_->block.bytes());
  for (const Lease& lease : memory_->leases) cut(lease.bytes());
}

DirectSlot& DirectQueue::add(std::uint64_t place, std::size_t shift) {
  DirectSlot& slot = slots_.emplace_back();
  slot.memory = free_.front();
  free_.pop_front();
  slot.shift = shift;
  slot.begin = slot.end = slot.filled = slot.issued = slot.written = place;
  return slot;
}

// The one used last is used next: its memory is warm.
void DirectQueue::pop_front() {
  free_.push_front(slots_.front().memory);
  slots_.pop_front();
}

void DirectQueue::start(DirectSlot& slot, DirectSlot::Work work, os::Ring& ring, FdRef file,
                        std::size_t begin, std::size_t length, std::uint64_t offset) {
  if (!uses_ring_ || slot.tries >= most_tries_on_ring)
    return do_at_once(slot, work, file, begin, length, offset);
  const auto begun = ring.begin();
  if (!begun) {
    if (!begun.error().is(EAGAIN)) {
      uses_ring_ = false;
      denial_ = begun.error();
    }
    return do_at_once(slot, work, file, begin, length, offset);
  }
  slot.work = work;
  slot.operation_begin = begin;
  slot.operation_length = length;
  slot.operation = *begun;
  slot.operation->keeps = memory_.keeper();
  prepared_ = true;
  const std::span<std::byte> bytes(slot.memory + begin, length);
  if (work == DirectSlot::Work::reading) {
    ring.read(*slot.operation, file, bytes, offset);
  } else {
    ring.write(*slot.operation, file, bytes, offset);
  }
}

void DirectQueue::do_at_once(DirectSlot& slot, DirectSlot::Work work, FdRef file, std::size_t begin,
                             std::size_t length, std::uint64_t offset) {
  slot.work = work;
  slot.operation_begin = begin;
  slot.operation_length = length;
  const std::span<std::byte> bytes(slot.memory + begin, length);
  const auto moved = work == DirectSlot::Work::reading ? os::pread(file, bytes, offset)
                                                       : os::pwrite(file, bytes, offset);
  slot.answered = true;
  slot.answer = moved ? static_cast<int>(*moved) : -moved.error().code.value();
}

// What cannot be handed over has that error for an answer.
void DirectQueue::submit(os::Ring& ring) {
  if (!std::exchange(prepared_, false)) return;
  [[maybe_unused]] const auto answered = ring.submit();
}

void DirectQueue::collect(os::Ring& ring) {
  for (DirectSlot& slot : slots_) {
    if (!slot.operation || !slot.operation->has_result()) continue;
    slot.answer = slot.operation->result;
    slot.answered = true;
    ring.end(*std::exchange(slot.operation, nullptr));
  }
}

bool DirectQueue::has_answer() const {
  return std::ranges::any_of(slots_, [](const DirectSlot& slot) {
    return slot.answered || (slot.operation && slot.operation->has_result());
  });
}

std::size_t DirectQueue::in_flight() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      slots_, [](const DirectSlot& slot) { return slot.work != DirectSlot::Work::none; }));
}

void DirectQueue::abandon(os::Ring& ring) {
  for (DirectSlot& slot : slots_) {
    if (slot.operation) ring.end(*std::exchange(slot.operation, nullptr));
    slot.work = DirectSlot::Work::none;
  }
}

}  // namespace leat
