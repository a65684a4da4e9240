/// Makes references cost what they cost in a program with threads.
#pragma once

namespace leat::app::memory {

/// Until a process has its first thread, the standard library counts references without atomic
/// instructions, which is several times as fast: no server would see such figures. From now on, for
/// good. See __libc_single_threaded in <sys/single_threaded.h>.
void count_references_atomically();

}  // namespace leat::app::memory
