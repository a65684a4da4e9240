#include "os/loopback.h"

#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <gtest/gtest.h>

namespace leat::app::os {
namespace {

TEST(Loopback, AUnixListenerLeavesNoFile) {
  const Result<OwnedFd> listener = listen_on_abstract_name();
  ASSERT_TRUE(listener) << listener.error().message();
  sockaddr_un name{};
  socklen_t length = sizeof name;
  ASSERT_EQ(::getsockname(listener->number(), reinterpret_cast<sockaddr*>(&name), &length), 0);
  EXPECT_GT(length, sizeof name.sun_family);
  EXPECT_EQ(name.sun_path[0], '\0');  // the abstract namespace
}

TEST(Loopback, ToFreePacketsLeavesTheThreadWhereItMayRun) {
  cpu_set_t before;
  cpu_set_t after;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  const auto freed = free_received_packets();
  EXPECT_TRUE(freed) << freed.error().message();
  ASSERT_EQ(::sched_getaffinity(0, sizeof after, &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

}  // namespace
}  // namespace leat::app::os
