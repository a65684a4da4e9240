// Connected descriptors, and threads that feed and drain their far ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include <leat/fd.h>

#include "support/pattern.h"

namespace leat::testing {

/// What is written into `to` is read from `from`. Sockets carry both ways.
struct Pair {
  OwnedFd from;
  OwnedFd to;
};
enum class Blocking : bool { no, yes };
Pair make_pipe_pair(Blocking blocking = Blocking::no);
Pair make_unix_pair(Blocking blocking = Blocking::no);
/// Over loopback, with TCP_NODELAY as it comes (off).
Pair make_tcp_pair(Blocking blocking = Blocking::no);

/// Small buffers, so that a receiver that does not read is felt soon.
void shrink_buffers(FdRef socket);
void set_blocking(FdRef fd, Blocking blocking);
/// Closing it now sends a reset to a TCP peer.
void reset_on_close(FdRef socket);
/// Waits until `fd` shows one of `events`. For tests only; a watchdog bounds it.
short wait_for(FdRef fd, short events);

/// Everything that a borrowed descriptor must keep: status flags, offset, pipe size, socket
/// options.
std::string demeanour(FdRef fd);

/// Writes the pattern [position, position + length) of `seed` into `fd` from a thread of its own,
/// then closes it. Ends early, without a word, if the reader goes away.
class Feeder {
 public:
  Feeder(OwnedFd fd, std::uint64_t seed, std::uint64_t position, std::uint64_t length);

 private:
  std::jthread thread_;
};

struct DrainOptions {
  std::uint64_t seed = 0;
  std::size_t chunk_bytes = 256 << 10;
  std::uint64_t stop_after = UINT64_MAX;  ///< closes `fd` after that many bytes, whatever is left
  /// Called with the count before each reading call; it may wait to make the reader slow.
  std::function<void(std::uint64_t)> before_read{};
};

/// Reads `fd` to its end from a thread of its own and checks the bytes.
class Drainer {
 public:
  Drainer(OwnedFd fd, DrainOptions options);

  /// Waits for the end of the stream.
  struct Result {
    StreamCheck check;
    int error_number = 0;  ///< ECONNRESET, …: how it ended if not with the end of the stream
  };
  const Result& finish();

 private:
  Result result_;
  std::jthread thread_;
};

/// Reads what is there to the end of the stream (or, non-blocking, until nothing is there).
StreamCheck read_rest(FdRef fd, std::uint64_t seed, std::uint64_t position);

}  // namespace leat::testing
