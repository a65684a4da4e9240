#include "os/thread_clock.h"

#include <time.h>

namespace leat::app::os {

double thread_cpu_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);  // fails for a bad address only
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

}  // namespace leat::app::os
