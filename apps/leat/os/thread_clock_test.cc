// Goal: the clock of a thread goes on while it works.

#include "os/thread_clock.h"

#include <gtest/gtest.h>

namespace leat::app::os {
namespace {

TEST(ThreadClock, GoesOnWhileTheThreadWorks) {
  const double before = thread_cpu_ns();
  double now = before;
  while (now <= before) now = thread_cpu_ns();
  EXPECT_GT(now, before);
}

}  // namespace
}  // namespace leat::app::os
