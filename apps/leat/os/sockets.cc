#include "os/sockets.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "os/files.h"
#include "os/patient_call.h"

namespace leat::app::os {
namespace {

class LookupCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "getaddrinfo"; }
  std::string message(int code) const override { return gai_strerror(code); }
};

Error lookup_error(int code, const std::string& host) {
  if (code == EAI_SYSTEM) return failed_call("getaddrinfo", host);
  Error error;
  error.code = std::error_code(code, lookup_category());
  error.operation = "getaddrinfo";
  error.subject = host;
  return error;
}

Result<std::vector<SocketAddress>> ask_resolver(const std::string& host, std::uint16_t port,
                                                int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(host.empty() ? nullptr : host.c_str(), std::to_string(port).c_str(),
                               &hints, &found);
  if (code != 0) return std::unexpected(lookup_error(code, host));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  std::vector<SocketAddress> addresses;
  for (const addrinfo* one = found; one; one = one->ai_next) {
    SocketAddress address;
    address.length = one->ai_addrlen;
    std::memcpy(&address.storage, one->ai_addr, one->ai_addrlen);
    addresses.push_back(address);
  }
  return addresses;
}

const sockaddr* as_sockaddr(const sockaddr_storage& storage) {
  return reinterpret_cast<const sockaddr*>(&storage);
}

std::uint16_t port_of(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
}

OwnedFd stream_socket(int family) {
  return OwnedFd(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

Attempt<OwnedFd> connect_to(const SocketAddress& address, const std::string& subject,
                            const Patience& patience) {
  OwnedFd peer = stream_socket(address.storage.ss_family);
  if (!peer.valid()) return std::unexpected(Setback(failed_call("socket", subject)));
  if (connect(peer.number(), as_sockaddr(address.storage), address.length) == 0) return peer;
  // An interrupted connect goes on in the background, like one in progress. See connect(2).
  if (errno != EINPROGRESS && errno != EINTR) {
    return std::unexpected(Setback(failed_call("connect", subject)));
  }
  if (auto writable = wait_one(peer, POLLOUT, patience); !writable) {
    return std::unexpected(writable.error());
  }
  int outcome = 0;
  socklen_t length = sizeof outcome;
  if (getsockopt(peer.number(), SOL_SOCKET, SO_ERROR, &outcome, &length) != 0) {
    return std::unexpected(Setback(failed_call("getsockopt", subject)));
  }
  if (outcome != 0) return std::unexpected(Setback(error_with(outcome, "connect", subject)));
  return peer;
}

SocketAddress unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // The parser has bounded the length; strncpy leaves the final NUL.
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  SocketAddress result;
  std::memcpy(&result.storage, &address, sizeof address);
  result.length = sizeof address;
  return result;
}

Result<OwnedFd> bind_and_listen(const SocketAddress& address, const std::string& subject) {
  OwnedFd listener = stream_socket(address.storage.ss_family);
  if (!listener.valid()) return std::unexpected(failed_call("socket", subject));
  const int on = 1;
  const int family = address.storage.ss_family;
  // Without V6ONLY the IPv6 wildcard would also take the IPv4 port and the second bind would fail.
  if (family != AF_UNIX &&
      setsockopt(listener.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
    return std::unexpected(failed_call("setsockopt", subject));
  }
  if (family == AF_INET6 &&
      setsockopt(listener.number(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) {
    return std::unexpected(failed_call("setsockopt", subject));
  }
  if (bind(listener.number(), as_sockaddr(address.storage), address.length) != 0) {
    return std::unexpected(failed_call("bind", subject));
  }
  if (listen(listener.number(), 1) != 0) return std::unexpected(failed_call("listen", subject));
  return listener;
}

Result<std::uint16_t> bound_port(FdRef socket, const std::string& subject) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (getsockname(socket.number(), reinterpret_cast<sockaddr*>(&storage), &length) != 0) {
    return std::unexpected(failed_call("getsockname", subject));
  }
  return port_of(storage);
}

}  // namespace

const std::error_category& lookup_category() noexcept {
  static const LookupCategory category;
  return category;
}

std::string_view lookup_error_name(int code) noexcept {
  switch (code) {
    case EAI_NONAME: return "EAI_NONAME";
    case EAI_AGAIN: return "EAI_AGAIN";
    case EAI_FAIL: return "EAI_FAIL";
    case EAI_FAMILY: return "EAI_FAMILY";
    case EAI_MEMORY: return "EAI_MEMORY";
    default: return "EAI";
  }
}

void SocketAddress::set_port(std::uint16_t port) noexcept {
  if (storage.ss_family == AF_INET) {
    reinterpret_cast<sockaddr_in*>(&storage)->sin_port = htons(port);
  } else if (storage.ss_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port = htons(port);
  }
}

Attempt<std::vector<SocketAddress>> look_up(const std::string& host, std::uint16_t port,
                                            bool to_listen, const Patience& patience) {
  const int passive = to_listen ? AI_PASSIVE : 0;
  // An address in digits needs no resolver, hence no thread.
  if (auto numeric = ask_resolver(host, port, passive | AI_NUMERICHOST)) return *numeric;
  auto answer = call_patiently([=] { return ask_resolver(host, port, passive); }, patience);
  if (!answer) return std::unexpected(answer.error());
  if (!*answer) return std::unexpected(Setback((*answer).error()));
  return **answer;
}

Attempt<OwnedFd> connect_tcp(const std::vector<SocketAddress>& addresses,
                             const std::string& subject, const Patience& patience) {
  Attempt<OwnedFd> last = std::unexpected(Setback(error_with(EADDRNOTAVAIL, "connect", subject)));
  for (const SocketAddress& address : addresses) {
    last = connect_to(address, subject, patience);
    if (last || last.error().ending != Ending::failed) break;
  }
  return last;
}

Attempt<OwnedFd> connect_unix(const std::string& path, const Patience& patience) {
  auto peer = connect_to(unix_address(path), path, patience);
  if (peer || !peer.error().error.is(ECONNREFUSED)) return peer;
  // connect(2) refuses what is no socket with the same number.
  const auto facts = look_at(path);
  if (!facts || facts->is_socket()) return peer;
  return std::unexpected(Setback(error_with(ENOTSOCK, "connect", path)));
}

bool is_hung_up(FdRef socket) noexcept {
  pollfd one{socket.number(), 0, 0};
  return poll(&one, 1, 0) == 1 && (one.revents & POLLHUP) != 0;
}

Result<Listener> Listener::on_tcp(std::vector<SocketAddress> addresses,
                                  const std::string& subject) {
  Listener listener;
  std::optional<Error> missing;
  for (SocketAddress& address : addresses) {
    const bool any_port = port_of(address.storage) == 0;
    if (any_port) address.set_port(listener.port_);
    auto bound = bind_and_listen(address, subject);
    if (!bound) {
      // A host without IPv6, or a second address whose chosen port is taken: one is enough.
      const bool absent = bound.error().is(EAFNOSUPPORT) || bound.error().is(EADDRNOTAVAIL);
      const bool chosen_port_taken = any_port && listener.port_ != 0;
      if (!absent && !chosen_port_taken) return std::unexpected(bound.error());
      missing = bound.error();
      continue;
    }
    const auto port = bound_port(*bound, subject);
    if (!port) return std::unexpected(port.error());
    listener.port_ = *port;
    listener.sockets_.push_back(std::move(*bound));
  }
  if (listener.sockets_.empty()) {
    return std::unexpected(missing.value_or(error_with(EADDRNOTAVAIL, "bind", subject)));
  }
  return listener;
}

Result<Listener> Listener::on_unix(const std::string& path) {
  auto bound = bind_and_listen(unix_address(path), path);
  if (!bound) return std::unexpected(bound.error());
  Listener listener;
  listener.path_ = path;
  listener.sockets_.push_back(std::move(*bound));
  return listener;
}

Listener::Listener(Listener&& other) noexcept
    : sockets_(std::move(other.sockets_)),
      path_(std::exchange(other.path_, {})),
      port_(other.port_) {}

Listener::~Listener() { close(); }

void Listener::close() {
  sockets_.clear();
  if (!path_.empty()) unlink(path_.c_str());
  path_.clear();
}

Attempt<OwnedFd> Listener::accept_one(const Patience& patience) {
  std::vector<pollfd> fds;
  fds.reserve(sockets_.size());
  for (const OwnedFd& socket : sockets_) fds.push_back({socket.number(), POLLIN, 0});
  for (;;) {
    if (auto arrived = wait_any(fds, patience); !arrived) return std::unexpected(arrived.error());
    for (const pollfd& one : fds) {
      if (one.revents == 0) continue;
      OwnedFd peer(accept4(one.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (peer.valid()) {
        close();
        return peer;
      }
      // ECONNABORTED: that peer has gone again; wait for the next one.
      if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
        return std::unexpected(Setback(failed_call("accept")));
      }
    }
  }
}

}  // namespace leat::app::os
