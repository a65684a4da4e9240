// Goal: memory can be asked for where a thread or a card is. Method: what sysfs says beside it.

#include <sched.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>

#include <gtest/gtest.h>

#include <leat/node.h>
#include <leat/pool.h>

namespace leat::testing {
namespace {

TEST(Node, of_the_processor_that_a_thread_runs_on) {
  cpu_set_t usable;
  ASSERT_EQ(::sched_getaffinity(0, sizeof usable, &usable), 0);
  for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (!CPU_ISSET(processor, &usable)) continue;
    const std::string folder = "/sys/devices/system/cpu/cpu" + std::to_string(processor);
    std::thread([&] {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(processor, &one);
      ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
      const unsigned node = current_node();
      if (std::filesystem::exists("/sys/devices/system/node/node0")) {
        EXPECT_TRUE(std::filesystem::exists(folder + "/node" + std::to_string(node))) << node;
      } else {  // a kernel without NUMA
        EXPECT_EQ(node, 0u);
      }
    }).join();
  }
}

TEST(Node, of_what_is_no_card_there_is_none) {
  const auto node = node_of_interface("lo");
  ASSERT_TRUE(node) << node.error().message();
  EXPECT_FALSE(*node);
}

TEST(Node, of_an_interface_that_is_not_there) {
  const auto missing = node_of_interface("nosuch0");
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().is(ENODEV)) << missing.error().message();
  for (const std::string_view name : {"", ".", "..", "lo/../lo", "a_name_beyond_16"}) {
    const auto bad = node_of_interface(name);
    ASSERT_FALSE(bad) << name;
    EXPECT_TRUE(bad.error().is(EINVAL)) << name << ": " << bad.error().message();
  }
}

TEST(Node, a_pool_takes_the_callers) {
  auto pool = Pool::create({.block_bytes = 4096, .most_blocks = 1, .node = current_node()});
  ASSERT_TRUE(pool) << pool.error().message();
  auto lease = pool->lease();
  ASSERT_TRUE(lease) << lease.error().message();
  lease->bytes()[0] = std::byte{1};
}

}  // namespace
}  // namespace leat::testing
