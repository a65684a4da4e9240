#include "os/veth.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string_view>

#include <gtest/gtest.h>

namespace leat::app::os {
namespace {

ino_t network_of_this_thread() {
  struct stat facts{};
  EXPECT_EQ(::stat("/proc/self/ns/net", &facts), 0);
  return facts.st_ino;
}

// Goal: bytes pass the pair, and the thread is back where it was afterwards. Method: one message
// from the near to the far end; the namespace's inode before, during and after.
TEST(VethPair, CarriesATcpConnectionAndLeavesNothing) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root: a user namespace cannot be left again";
  const ino_t home = network_of_this_thread();
  {
    auto pair = VethPair::create();
    if (!pair && pair.error().is(EPERM)) GTEST_SKIP() << pair.error().message();
    ASSERT_TRUE(pair) << pair.error().message();
    const ino_t near = network_of_this_thread();
    EXPECT_NE(near, home);
    const auto listener = pair->listen();
    ASSERT_TRUE(listener) << listener.error().message();
    EXPECT_EQ(network_of_this_thread(), near);

    const auto near_end = connect_to_listener(*listener);
    ASSERT_TRUE(near_end) << near_end.error().message();
    const auto far_end = accept_one(*listener);
    ASSERT_TRUE(far_end) << far_end.error().message();
    constexpr std::string_view text = "over the pair";
    ASSERT_EQ(::send(near_end->number(), text.data(), text.size(), 0), ssize_t{text.size()});
    std::array<char, 64> read{};
    ASSERT_EQ(::recv(far_end->number(), read.data(), read.size(), 0), ssize_t{text.size()});
    EXPECT_EQ(std::string_view(read.data(), text.size()), text);
  }
  EXPECT_EQ(network_of_this_thread(), home);
}

TEST(VethPair, CanBeMadeAgain) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root: a user namespace cannot be left again";
  for (int i = 0; i < 3; ++i) {
    const auto pair = VethPair::create();
    if (!pair && pair.error().is(EPERM)) GTEST_SKIP() << pair.error().message();
    ASSERT_TRUE(pair) << pair.error().message();
  }
}

}  // namespace
}  // namespace leat::app::os
