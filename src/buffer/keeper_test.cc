// Goal: what is kept goes exactly once, with the last of its keepers, and not before.

#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/keeper.h>

namespace leat::testing {
namespace {

struct Counted : Keeper::Count {
  Counted() : Count([](Count& count) noexcept { ++static_cast<Counted&>(count).ends; }) {}
  int ends = 0;
};

TEST(KeeperTest, ends_with_the_last) {
  Counted counted;
  {
    Keeper first(counted);
    EXPECT_TRUE(first.is_alone());
    Keeper second = first;
    EXPECT_FALSE(first.is_alone());
    EXPECT_EQ(first, second);
    first = {};
    EXPECT_FALSE(first);
    EXPECT_TRUE(second.is_alone());
    EXPECT_EQ(counted.ends, 0);
  }
  EXPECT_EQ(counted.ends, 1);
}

TEST(KeeperTest, moves_and_assigns_to_itself_without_counting) {
  Counted counted;
  {
    Keeper keeper(counted);
    Keeper& same = keeper;
    keeper = same;
    EXPECT_TRUE(keeper.is_alone());
    Keeper moved = std::move(keeper);
    EXPECT_FALSE(keeper);  // NOLINT(bugprone-use-after-move): that is what it is about
    EXPECT_TRUE(moved.is_alone());
    moved = Keeper();
    EXPECT_EQ(counted.ends, 1);
  }
  EXPECT_EQ(counted.ends, 1);
}

TEST(KeeperTest, of_nothing_keeps_nothing) {
  const Keeper none;
  EXPECT_FALSE(none.is_alone());
  EXPECT_TRUE(none.memory().empty());
  EXPECT_FALSE(none.is_never_reused());
  EXPECT_FALSE(none.thaws());
}

// Under the thread sanitizer: what others did with it has happened before it ends.
TEST(KeeperTest, goes_once_whoever_is_the_last) {
  for (int round = 0; round < 100; ++round) {
    auto value = std::make_shared<std::vector<int>>(2);
    const std::weak_ptr watched = value;
    {
      Kept<std::shared_ptr<std::vector<int>>> kept(std::in_place, std::move(value));
      std::vector<std::jthread> threads;
      threads.reserve(2);
      for (std::size_t i = 0; i < 2; ++i) {
        threads.emplace_back([mine = kept, i]() mutable {
          for (int turn = 0; turn < 50; ++turn) {
            auto again = mine;
            ++(**again)[i];
            again = {};
          }
          mine = {};
        });
      }
      kept = {};
    }
    EXPECT_TRUE(watched.expired());
  }
}

}  // namespace
}  // namespace leat::testing
