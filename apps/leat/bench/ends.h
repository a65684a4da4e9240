/// The two ends of a measured transfer, as the moving process has them.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <leat/buffer.h>
#include <leat/connection.h>
#include <leat/context.h>
#include <leat/endpoint.h>
#include <leat/error.h>
#include <leat/fd.h>

#include "bench/run.h"
#include "os/pipe.h"

namespace leat::app::bench {

/// Where the mover finds the processes that feed it and receive from it. Made before any of them;
/// what a pair does not need stays empty.
struct Meeting {
  OwnedFd receiver;  ///< listens
  OwnedFd feeder;    ///< listens
  os::Pipe source_pipe;
  os::Pipe sink_pipe;
};

Result<Meeting> arrange(const Payload& payload, const Pair& pair);

/// What one transfer moves.
struct Move {
  Source source;
  Sink sink;
};

/// Sources and sinks, and what has to outlive the transfers: what closing costs is not measured.
struct Ends {
  std::vector<Move> moves;  ///< one a transfer, all over the same descriptors
  Slice memory;  ///< what the sources send, if that is memory: it is given back after the run
  std::optional<Connection> connection;
  OwnedFd source_fd;
  OwnedFd sink_fd;

  /// The receiver then reads the end of the stream.
  void close_sink();
};

/// Sockets and pipes are lent and block, as a plain program would have them: transfer() may wait in
/// the kernel then. Memory is sent to a socket over a Connection, without which the kernel's
/// verdict on lent memory cannot be had. A file to write to is owned, since sendfile(2) moves a
/// file's own offset. Memory is pages of its own that hold the payload; for plan() alone they may
/// stay `empty`. The mover's ends of pipes are taken from the meeting. There are as many moves as
/// `repeats_of` says, each of the whole payload; of a file to write to each has a range of its own.
Result<Ends> open_ends(Context& context, const Payload& payload, const Pair& pair, Meeting& meeting,
                       bool empty = false);

/// How far apart those ranges begin: what shares blocks or passes by the page cache wants them
/// aligned. So the new file is `repeats - 1` of these and the payload long.
std::uint64_t stride_of(std::uint64_t size) noexcept;

}  // namespace leat::app::bench
