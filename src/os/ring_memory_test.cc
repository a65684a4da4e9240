// Goal: memory is taken for registered only where the kernel has all of it in one place. Method:
// addresses; nothing is touched.

#include "os/ring_memory.h"

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace leat::testing {
namespace {

using os::RegisteredMemory;

struct Stretches : ::testing::Test {
  std::span<std::byte> at(std::size_t offset, std::size_t length) {
    return std::span(room).subspan(offset, length);
  }
  void add(std::initializer_list<std::span<std::byte>> stretches) {
    memory.add(std::vector(stretches), nullptr);
  }

  std::array<std::byte, 10'000> room{};
  RegisteredMemory memory;
};

using Place = std::optional<std::uint16_t>;

TEST_F(Stretches, none_has_anything) {
  EXPECT_EQ(memory.place_of(at(0, 1)), Place());
  EXPECT_EQ(memory.bytes(), 0u);
}

TEST_F(Stretches, hold_what_lies_within_one) {
  add({at(1000, 500), at(1500, 500), at(4000, 100)});
  EXPECT_EQ(memory.count(), 3u);
  EXPECT_EQ(memory.bytes(), 1100u);
  EXPECT_EQ(memory.place_of(at(1000, 500)), Place(0)) << "all of it";
  EXPECT_EQ(memory.place_of(at(1000, 1)), Place(0));
  EXPECT_EQ(memory.place_of(at(1499, 1)), Place(0));
  EXPECT_EQ(memory.place_of(at(1500, 1)), Place(1));
  EXPECT_EQ(memory.place_of(at(1777, 223)), Place(1));
  EXPECT_EQ(memory.place_of(at(4003, 95)), Place(2));
}

TEST_F(Stretches, hold_nothing_that_sticks_out) {
  add({at(1000, 500), at(1500, 500), at(4000, 100)});
  EXPECT_EQ(memory.place_of(at(999, 2)), Place()) << "before it";
  EXPECT_EQ(memory.place_of(at(4099, 2)), Place()) << "behind it";
  EXPECT_EQ(memory.place_of(at(1499, 2)), Place()) << "two that touch are two places";
  EXPECT_EQ(memory.place_of(at(900, 700)), Place()) << "around it";
  EXPECT_EQ(memory.place_of(at(2000, 1)), Place()) << "between two";
  EXPECT_EQ(memory.place_of(at(4100, 1)), Place()) << "right behind the last";
  EXPECT_EQ(memory.place_of(at(0, 1)), Place());
  EXPECT_EQ(memory.place_of(at(9000, 1000)), Place());
  EXPECT_EQ(memory.place_of(at(1000, 0)), Place()) << "no bytes";
}

TEST_F(Stretches, keep_their_places_when_others_come_at_lower_addresses) {
  add({at(5000, 100)});
  add({at(100, 100), at(9000, 50)});
  EXPECT_EQ(memory.place_of(at(5010, 90)), Place(0));
  EXPECT_EQ(memory.place_of(at(100, 100)), Place(1));
  EXPECT_EQ(memory.place_of(at(9000, 50)), Place(2));
  EXPECT_EQ(memory.bytes(), 250u);
}

TEST_F(Stretches, keep_their_owner) {
  auto owner = std::make_shared<int>(1);
  const std::weak_ptr watched = owner;
  {
    RegisteredMemory registered;
    registered.add(std::vector{at(0, 10)}, std::move(owner));
    EXPECT_FALSE(watched.expired());
  }
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace leat::testing
