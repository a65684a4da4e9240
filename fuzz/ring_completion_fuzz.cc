// Completion queue entries in any order for a few operations of a ring, whose holders let go at any
// time: each finishes at most once, and what it keeps is let go of exactly once, then.

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "../tests/support/keepers.h"
#include "check.h"
#include "os/ring_records.h"

namespace {

using leat::os::RingOperation;
using leat::os::RingRecords;

struct Tally {
  std::uint64_t begun = 0;
  std::uint64_t finished = 0;
  std::uint64_t released = 0;
};

struct Holder {
  RingOperation* record = nullptr;  // lent by the ring until it is ended
  bool done = false;
};

void begin(RingRecords& records, Holder& holder, Tally& tally) {
  holder = {.record = records.begin()};
  FUZZ_CHECK(holder.record != nullptr);
  FUZZ_CHECK(holder.record->stage == RingOperation::Stage::idle && !holder.record->keeps);
  ++tally.begun;
  holder.record->keeps = leat::testing::keeper_calling([&tally] { ++tally.released; });
  holder.record->who = &tally;
  holder.record->on_finish = [](RingOperation& operation) {
    Tally& counts = *static_cast<Tally*>(operation.who);
    FUZZ_CHECK(operation.keeps && operation.has_result());
    ++counts.finished;
    FUZZ_CHECK(counts.released < counts.finished);
  };
  records.started(*holder.record);
}

}  // namespace

// Three bytes are one event: which operation, what happens, and the entry's flags and answer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Tally tally;
  {
    RingRecords records;
    std::array<Holder, 4> holders;
    for (; size >= 3; data += 3, size -= 3) {
      Holder& holder = holders[data[0] % holders.size()];
      if (holder.record == nullptr) {
        begin(records, holder, tally);
        continue;
      }
      const bool was_finished = holder.record->stage == RingOperation::Stage::finished;
      if (data[1] % 8 == 0) {
        const bool to_be_cancelled = !holder.record->has_result();
        FUZZ_CHECK(records.end(*holder.record) == to_be_cancelled);
        // As the kernel does it: what is in flight ends after all, with or without a notification.
        const std::uint32_t more = (data[2] & 1u) << 1;
        if (to_be_cancelled) records.complete(*holder.record, -125, more);
        if (holder.record->abandoned) records.complete(*holder.record, 0, 1u << 3);
        holder = {};
      } else {
        const std::int32_t answer = (data[1] & 0x80) != 0 ? std::int32_t(1u << 31) : data[1] - 64;
        const std::uint64_t finished = tally.finished;
        records.complete(*holder.record, answer, data[2]);
        FUZZ_CHECK(tally.finished - finished <= (was_finished ? 0u : 1u));
        FUZZ_CHECK((holder.record->stage == RingOperation::Stage::finished) ==
                   (was_finished || tally.finished > finished));
      }
      FUZZ_CHECK(tally.released == tally.finished);
      FUZZ_CHECK(records.in_flight() == tally.begun - tally.finished);
      FUZZ_CHECK(records.finished() == tally.finished);
    }
    for (Holder& holder : holders) {
      if (holder.record == nullptr || holder.record->stage == RingOperation::Stage::finished)
        continue;
      records.complete(*holder.record, 1, 0);
      records.complete(*holder.record, 0, 1u << 3);
    }
  }
  FUZZ_CHECK(tally.finished == tally.begun);
  FUZZ_CHECK(tally.released == tally.begun);
  return 0;
}
