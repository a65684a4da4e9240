/// How long this thread was on a processor.
#pragma once

namespace leat::app::os {

/// CPU time of the calling thread alone, user and system. See CLOCK_THREAD_CPUTIME_ID in
/// clock_gettime(2).
double thread_cpu_ns();

}  // namespace leat::app::os
