// Goal: legs merge by mechanism, refusals by mechanism and errno, and lists grow beyond their room.

#include "transfer/ledger.h"

#include <gtest/gtest.h>

namespace leat::testing {
namespace {

const Mechanism read_write = *Mechanism::named("read_write");
const Mechanism splice = *Mechanism::named("splice");

TEST(LedgerTest, legs_merge_by_mechanism_in_order_of_first_use) {
  Ledger ledger;
  ledger.moved(splice, {.delivered = 10, .calls = 2}, {.cpu_copies = 0});
  ledger.moved(read_write, {.delivered = 5, .calls = 2}, {.cpu_copies = 2});
  ledger.moved(splice, {.delivered = 7, .calls = 1}, {.cpu_copies = 0});
  ASSERT_EQ(ledger.legs().size(), 2u);
  EXPECT_EQ(ledger.legs()[0].mechanism, splice);
  EXPECT_EQ(ledger.legs()[0].bytes, 17u);
  EXPECT_EQ(ledger.legs()[0].calls, 3u);
  EXPECT_EQ(ledger.legs()[0].cpu_copied_bytes, 0u);
  EXPECT_EQ(ledger.legs()[0].known_by, KnownBy::construction);
  EXPECT_EQ(ledger.legs()[1].cpu_copied_bytes, 10u);
}

TEST(LedgerTest, calls_that_moved_nothing_count) {
  Ledger ledger;
  ledger.moved(splice, {.calls = 1}, {});
  EXPECT_EQ(ledger.legs()[0].calls, 1u);
  EXPECT_EQ(ledger.legs()[0].known_by, KnownBy::unknown);
}

TEST(LedgerTest, refusals_merge_by_mechanism_and_errno) {
  Ledger ledger;
  ledger.refused(splice, {.error_number = EINVAL, .operation = "splice"}, 100);
  ledger.refused(splice, {.error_number = ENOMEM, .operation = "splice"}, 200);
  ledger.refused(splice, {.error_number = EINVAL, .operation = "splice"}, 300);
  ledger.refused(read_write, {.error_number = EINVAL, .operation = "read"}, 400);
  ASSERT_EQ(ledger.refusals().size(), 3u);
  EXPECT_EQ(ledger.refusals()[0].count, 2u);
  EXPECT_EQ(ledger.refusals()[0].at, 100u) << "where it declined first";
  EXPECT_EQ(ledger.refusals()[1].error_number, ENOMEM);
  EXPECT_EQ(ledger.refusals()[2].mechanism, read_write);
}

using List = InlineList<int, 4>;

List list_of(int count) {
  List list;
  for (int i = 0; i < count; ++i) list.push_back(i);
  return list;
}

void expect_counts_up(const List& list, int count) {
  ASSERT_EQ(list.size(), static_cast<std::size_t>(count));
  int expected = 0;
  for (const int value : list) EXPECT_EQ(value, expected++);
}

TEST(InlineListTest, grows_beyond_its_room) {
  for (const int count : {0, 1, 4, 5, 6, 100}) expect_counts_up(list_of(count), count);
  EXPECT_TRUE(List().empty());
}

TEST(InlineListTest, copies_are_independent) {
  for (const int count : {0, 3, 4, 5, 9})
    for (const int before : {0, 4, 7}) {
      const List original = list_of(count);
      List copy = original;
      List assigned = list_of(before);
      assigned = original;
      copy.push_back(-1);
      expect_counts_up(original, count);
      expect_counts_up(assigned, count);
      List& same = assigned;
      assigned = same;
      expect_counts_up(assigned, count);
    }
}

TEST(InlineListTest, can_be_used_again) {
  List list = list_of(9);
  list.clear();
  EXPECT_TRUE(list.empty());
  for (int i = 0; i < 7; ++i) list.push_back(i);
  expect_counts_up(list, 7);
  list.back() = 70;
  EXPECT_EQ(list[6], 70);
}

}  // namespace
}  // namespace leat::testing
