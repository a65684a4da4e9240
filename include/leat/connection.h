/// What the transfers over one stream socket share, in both directions.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>

#include <leat/context.h>
#include <leat/error.h>
#include <leat/fd.h>
#include <leat/receipt.h>

namespace leat {

struct ConnectionState;

struct ConnectionOptions {
  /// Closing before `end()` or an orderly end of a transfer with `AtEnd` resets the peer
  /// (SO_LINGER {1,0}) instead of looking like the end of the stream. TCP only.
  bool reset_unless_ended = false;
};

/// A connected stream socket (TCP or UNIX) that carries more than one transfer. It remembers the
/// chosen mechanism and those that refused, and promises that O_NONBLOCK stays set, so that a
/// transfer needs no call beside those that move bytes. Bound to its context's thread. Move-only;
/// outlives its transfers.
class Connection {
 public:
  /// Makes the socket non-blocking and closes it in the end.
  /// Errors: ENOTSOCK, ENOTCONN, ECONNRESET, unsupported_kind (not a stream socket).
  static Result<Connection> adopt(Context& context, OwnedFd socket, ConnectionOptions options = {});
  /// For a socket that somebody else closes. It must be non-blocking already and stay so.
  /// Errors: as above; descriptor_blocks.
  static Result<Connection> borrow(Context& context, FdRef socket);

  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  ~Connection();

  FdRef fd() const noexcept;

  /// Closes the socket now, or after the last of its transfers.
  void close();

  /// Waits until the kernel has let go of the memory that the transfer of `receipt` lent, and fills
  /// in what it says of the copies: legs that are `pending` become `kernel` (or `unknown` where it
  /// does not say). Returns true if none is pending any more; false after `deadline`. Blocks.
  bool settle(Receipt& receipt, std::optional<std::chrono::steady_clock::time_point> deadline);

  /// How the peer took the end of the stream.
  struct Farewell {
    bool closed = false;          ///< the peer closed too, before the deadline
    std::uint64_t discarded = 0;  ///< bytes the peer still sent, thrown away
    bool acknowledged = false;    ///< `closed`, and nothing was left unacknowledged in the socket
  };
  /// Ends the stream in this direction in an orderly way (shutdown(2) SHUT_WR), then waits until
  /// the peer has everything (SIOCOUTQ is 0) and has closed. What the peer sends is discarded.
  /// Blocks. Running out of time is no error, and the stream has ended all the same: a close then
  /// is no reset. Errors: ECONNRESET, EPIPE: the peer did not take all.
  Result<Farewell> end(std::optional<std::chrono::steady_clock::time_point> deadline,
                       const std::stop_token& stop = {});

 private:
  friend class Source;
  friend class Sink;
  friend struct ConnectionAccess;
  explicit Connection(std::unique_ptr<ConnectionState> state) noexcept;
  std::unique_ptr<ConnectionState> state_;
};

}  // namespace leat
