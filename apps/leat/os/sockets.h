/// Stream sockets for the program: looking names up, connecting, and accepting one peer.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <leat/error.h>
#include <leat/fd.h>

#include "os/wait.h"
#include "setback.h"

namespace leat::app::os {

/// The errors of getaddrinfo(3), and their names: "EAI_NONAME", ….
const std::error_category& lookup_category() noexcept;
std::string_view lookup_error_name(int code) noexcept;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  void set_port(std::uint16_t port) noexcept;
};

/// Every address of `host`, in the resolver's order; with `to_listen` an empty host means all
/// addresses of this machine. See getaddrinfo(3).
Attempt<std::vector<SocketAddress>> look_up(const std::string& host, std::uint16_t port,
                                            bool to_listen, const Patience& patience);

/// Connects to the first of `addresses` that answers; the error is the last one's. The socket is
/// non-blocking. `subject` is for messages.
Attempt<OwnedFd> connect_tcp(const std::vector<SocketAddress>& addresses,
                             const std::string& subject, const Patience& patience);
Attempt<OwnedFd> connect_unix(const std::string& path, const Patience& patience);

/// True if the connection is gone in both directions. See POLLHUP in poll(2).
bool is_hung_up(FdRef socket) noexcept;

/// Sockets that wait for one peer. Move-only; its destructor removes the path of a UNIX listener.
class Listener {
 public:
  /// Listens on each of `addresses` that this machine has; port 0 becomes one free port.
  static Result<Listener> on_tcp(std::vector<SocketAddress> addresses, const std::string& subject);
  static Result<Listener> on_unix(const std::string& path);

  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&&) = delete;
  ~Listener();

  /// The port that was bound; 0 for UNIX.
  std::uint16_t port() const noexcept { return port_; }

  /// Takes the first peer, non-blocking, and stops listening.
  Attempt<OwnedFd> accept_one(const Patience& patience);

 private:
  Listener() = default;
  void close();

  std::vector<OwnedFd> sockets_;
  std::string path_;
  std::uint16_t port_ = 0;
};

}  // namespace leat::app::os
