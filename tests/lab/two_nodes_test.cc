// Goal: memory lies on the NUMA node that is asked for: blocks of a pool, and a file that is
// loaded. Method: move_pages(2), which tells the node of each page, on a machine that has two.

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <leat/mapping.h>
#include <leat/node.h>
#include <leat/pool.h>

#include "support/files.h"
#include "support/guards.h"
#include "support/pattern.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t size = 8u << 20;
constexpr std::size_t page_bytes = 4096;
constexpr unsigned nodes = 2;

/// How many pages of `memory` lie on each node, and on none that is known.
struct Places {
  std::size_t on[nodes]{};
  std::size_t elsewhere = 0;
};

Places places_of(std::span<const std::byte> memory) {
  std::vector<void*> pages;
  for (std::size_t at = 0; at < memory.size(); at += page_bytes)
    pages.push_back(const_cast<std::byte*>(memory.data() + at));
  std::vector<int> answers(pages.size(), -1);
  EXPECT_EQ(::syscall(SYS_move_pages, 0, pages.size(), pages.data(), nullptr, answers.data(), 0),
            0);
  Places places;
  for (const int answer : answers) {
    if (answer >= 0 && answer < static_cast<int>(nodes)) {
      ++places.on[answer];
    } else {
      ++places.elsewhere;
    }
  }
  return places;
}

void expect_all_on(unsigned node, std::span<const std::byte> memory) {
  const Places places = places_of(memory);
  EXPECT_EQ(places.on[node], memory.size() / page_bytes);
  EXPECT_EQ(places.elsewhere, 0u);
}

class TwoNodes : public GuardedTest {
 protected:
  void SetUp() override {
    GuardedTest::SetUp();
    ASSERT_TRUE(std::filesystem::exists("/sys/devices/system/node/node1"))
        << "this machine is to have two nodes";
  }
};

TEST_F(TwoNodes, the_thread_knows_its_own) {
  for (unsigned processor = 0; processor < nodes; ++processor) {
    std::thread([processor] {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(processor, &one);
      ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
      EXPECT_EQ(current_node(), processor);
    }).join();
  }
}

TEST_F(TwoNodes, a_pool_lies_where_it_is_asked_to) {
  for (unsigned node = 0; node < nodes; ++node) {
    auto pool = Pool::create({.block_bytes = size, .most_blocks = 1, .node = node});
    ASSERT_TRUE(pool) << pool.error().message();
    auto lease = pool->lease();
    ASSERT_TRUE(lease) << lease.error().message();
    std::ranges::fill(lease->bytes(), std::byte{1});
    expect_all_on(node, lease->bytes());
  }
}

// Whatever node the page cache has it on.
TEST_F(TwoNodes, a_file_is_loaded_to_where_it_is_asked_to) {
  const auto bytes = pattern(7, 0, size);
  const OwnedFd file = file_with(bytes);
  for (unsigned node = 0; node < nodes; ++node) {
    const auto loaded =
        Mapping::of(file, {}, {.access = MapAccess::private_copy, .populate = true, .node = node});
    ASSERT_TRUE(loaded) << loaded.error().message();
    expect_all_on(node, loaded->bytes());
    EXPECT_TRUE(std::ranges::equal(loaded->bytes(), bytes));
  }
}

}  // namespace
}  // namespace leat::testing
