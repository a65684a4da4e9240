// Socket options, shutdown(2) and what a socket knows of its peer.
#pragma once

#include <cstdint>

#include <leat/error.h>
#include <leat/fd.h>

namespace leat::os {

struct SocketFacts {
  bool stream = false;
  bool listening = false;
  bool tcp = false;
};
/// Errors: ENOTSOCK, EBADF. See socket(7).
Result<SocketFacts> socket_facts(FdRef socket);

/// Errors: ENOTCONN; what broke the connection, if it was one, as ECONNRESET. See getpeername(2).
Result<void> require_peer(FdRef socket);

/// With `on`, close(2) resets the TCP connection and drops what was not sent (SO_LINGER {1,0}).
Result<void> reset_on_close(FdRef socket, bool on);
/// What close(2) would do to the peer, but the socket and its error queue live on: with `reset` the
/// connection is reset and what was not sent is dropped (connect(2) AF_UNSPEC), else it ends in
/// both directions (shutdown(2) SHUT_RDWR).
void end_now(FdRef socket, bool reset) noexcept;
/// See shutdown(2) SHUT_WR. Errors: ENOTCONN.
Result<void> shutdown_write(FdRef socket);

/// Bytes written that the peer's side has not acknowledged (TCP) or not read (UNIX): SIOCOUTQ.
Result<std::uint64_t> unacknowledged_bytes(FdRef socket);
/// The socket's pending error as an errno, which is thereby cleared; 0 if none: SO_ERROR.
int take_socket_error(FdRef socket) noexcept;

/// TCP only; false for others. See tcp(7).
bool has_nodelay(FdRef socket) noexcept;
bool is_corked(FdRef socket) noexcept;
Result<void> set_cork(FdRef socket, bool on);
/// Sends what MSG_MORE held back. Leaves every option as it is: TCP_CORK is set to the 0 it has,
/// which makes the kernel push; a socket that its owner has corked is left alone.
void push_pending(FdRef socket) noexcept;

}  // namespace leat::os
