/// Pipes between processes. See pipe(7).
#pragma once

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::app::os {

struct Pipe {
  OwnedFd out;  ///< what is read from
  OwnedFd in;   ///< what is written to
};

/// Both ends block. Errors: EMFILE, ENFILE.
Result<Pipe> make_pipe();

/// The same with room for 1 MiB, or for what is permitted: else both sides would spend their time
/// waking each other. See F_SETPIPE_SZ in fcntl(2).
Result<Pipe> make_large_pipe();

}  // namespace leat::app::os
