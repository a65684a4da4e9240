// Goal: whatever the kernel says, a record finishes at most once, and what it keeps lives until
// then and is let go of exactly once. Method: every sequence of up to four entries, with the holder
// letting go after each of them, against what the entries mean by the manual.

#include "os/ring_records.h"

#include <array>
#include <cerrno>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "support/keepers.h"

namespace leat::testing {
namespace {

using os::RingOperation;
using os::RingRecords;

struct Entry {
  std::int32_t answer;
  std::uint32_t flags;
};
constexpr std::uint32_t more = 1u << 1;
constexpr std::uint32_t notification = 1u << 3;
constexpr std::int32_t said_copied = std::int32_t(1u << 31);
// An answer, an error, each with and without a notification to follow; both notifications.
constexpr std::array alphabet = {
    Entry{4096, 0},          Entry{4096, more},      Entry{-EPIPE, 0},
    Entry{-ECANCELED, more}, Entry{0, notification}, Entry{said_copied, notification},
};

// The manual's words: the answer says if a notification follows; that one ends it.
struct Model {
  bool answered = false;
  bool owes_notification = false;
  bool notified = false;
  int result = 0;

  bool finished() const { return answered && (!owes_notification || notified); }
  void take(const Entry& entry) {
    if (finished()) return;
    if ((entry.flags & notification) != 0) {
      notified = true;
    } else if (!answered) {
      answered = true;
      result = entry.answer;
      owes_notification = (entry.flags & more) != 0;
    }
  }
};

int finishes = 0;

struct OneRecord {
  RingRecords records;
  std::weak_ptr<int> memory;
  RingOperation* record = nullptr;

  OneRecord() {
    auto kept = std::make_shared<int>(7);
    memory = kept;
    record = records.begin();
    // Else what a sequence leaves in flight would be kept for good.
    record->keeps = keeper_of(std::move(kept), true);
    record->on_finish = [](RingOperation& operation) {
      EXPECT_TRUE(operation.keeps) << "finished after the memory went";
      ++finishes;
    };
    records.started(*record);
  }
};

void play(const std::vector<Entry>& entries, std::size_t ended_after) {
  finishes = 0;
  OneRecord run;
  Model model;
  for (std::size_t index = 0; index <= entries.size(); ++index) {
    if (index == ended_after) {
      EXPECT_EQ(run.records.end(*run.record), !model.answered) << "whether it is to be cancelled";
    }
    const bool held = index < ended_after;
    EXPECT_EQ(finishes, model.finished() ? 1 : 0);
    EXPECT_EQ(run.memory.expired(), model.finished());
    EXPECT_EQ(run.records.in_flight(), model.finished() ? 0u : 1u);
    if (held) {
      EXPECT_EQ(run.record->has_result(), model.answered);
      EXPECT_EQ(run.record->result, model.result);
    }
    if (index == entries.size()) break;
    // Once it is finished and let go of, the record is another's.
    if (!held && model.finished()) break;
    model.take(entries[index]);
    run.records.complete(*run.record, entries[index].answer, entries[index].flags);
  }
}

TEST(RingRecordsTest, every_short_sequence_of_entries) {
  std::vector<std::vector<Entry>> sequences{{}};
  for (std::size_t begin = 0, length = 0; length < 4; ++length) {
    const std::size_t end = sequences.size();
    for (std::size_t index = begin; index < end; ++index) {
      for (const Entry& entry : alphabet) {
        sequences.push_back(sequences[index]);
        sequences.back().push_back(entry);
      }
    }
    begin = end;
  }
  for (const auto& sequence : sequences) {
    for (std::size_t ended_after = 0; ended_after <= sequence.size() + 1; ++ended_after)
      play(sequence, ended_after);
  }
  EXPECT_EQ(sequences.size(), 1u + 6 + 36 + 216 + 1296);
}

TEST(RingRecordsTest, says_that_the_kernel_copied) {
  for (const std::int32_t answer : {0, said_copied}) {
    RingRecords records;
    RingOperation& record = *records.begin();
    records.started(record);
    records.complete(record, 10, more);
    EXPECT_EQ(record.stage, RingOperation::Stage::answered);
    EXPECT_FALSE(record.copied);
    records.complete(record, answer, notification);
    EXPECT_EQ(record.stage, RingOperation::Stage::finished);
    EXPECT_EQ(record.copied, answer == said_copied);
  }
}

TEST(RingRecordsTest, only_so_many_and_each_again) {
  RingRecords records;
  std::vector<RingOperation*> all;
  while (RingOperation* const record = records.begin()) all.push_back(record);
  EXPECT_EQ(all.size(), RingRecords::most);
  records.started(*all[3]);
  records.end(*all[3]);
  EXPECT_EQ(records.begin(), nullptr) << "it is in flight";
  records.complete(*all[3], -ECANCELED, 0);
  EXPECT_EQ(records.begin(), all[3]);
  EXPECT_FALSE(all[3]->abandoned);
  EXPECT_EQ(records.finished(), 1u);
}

TEST(RingRecordsTest, what_the_kernel_never_got_is_finished) {
  finishes = 0;
  OneRecord run;
  run.records.fail(*run.record, ENOMEM);
  run.records.fail(*run.record, ENOMEM);
  EXPECT_EQ(finishes, 1);
  EXPECT_TRUE(run.memory.expired());
  EXPECT_EQ(run.record->result, -ENOMEM);
}

// A release may run anything: also what ends the very operation and begins another.
TEST(RingRecordsTest, letting_go_may_end_and_begin) {
  RingRecords records;
  RingOperation* const record = records.begin();
  RingOperation* next = nullptr;
  record->keeps = keeper_calling([&] {
    records.end(*record);
    next = records.begin();
    records.started(*next);
  });
  records.started(*record);
  records.complete(*record, 1, 0);
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(next->stage, RingOperation::Stage::in_flight) << "it was recycled under its holder";
  EXPECT_EQ(records.in_flight(), 1u);
}

// The kernel may still read it: nobody may get that memory again, except by munmap(2).
TEST(RingRecordsTest, memory_in_use_is_never_freed) {
  for (const bool never_reused : {true, false}) {
    static std::shared_ptr<int> reachable;  // for the leak checker
    std::weak_ptr<int> memory;
    {
      OneRecord run;
      run.record->keeps.count()->never_reused = never_reused;
      memory = run.memory;
      reachable = run.memory.lock();
      run.record->on_finish = nullptr;
    }
    EXPECT_EQ(reachable.use_count(), never_reused ? 1 : 2);
  }
}

}  // namespace
}  // namespace leat::testing
