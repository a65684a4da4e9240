/// The two ends of a measured transfer, as the moving process has them.
#pragma once

#include <optional>

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

/// Source and sink, and what has to outlive the transfer: what closing costs is not measured.
struct Ends {
  Source source;
  Sink sink;
  Slice memory;  ///< what `source` sends, if that is memory: it is given back after the run
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
/// stay `empty`. The mover's ends of pipes are taken from the meeting.
Result<Ends> open_ends(Context& context, const Payload& payload, const Pair& pair, Meeting& meeting,
                       bool empty = false);

}  // namespace leat::app::bench
