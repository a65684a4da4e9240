/// What the programs of this folder that send over TCP send to: a process that throws it away.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include <leat/fd.h>

namespace leat::bench {

[[noreturn]] inline void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

/// Accepts one connection, reads it to its end and throws everything away.
inline pid_t start_receiver(int listener) {
  const pid_t child = ::fork();
  if (child < 0) fail("fork");
  if (child > 0) return child;
  const int peer = ::accept(listener, nullptr, nullptr);
  std::vector<char> room(1 << 20);
  while (::recv(peer, room.data(), room.size(), MSG_TRUNC) > 0) {
  }
  ::_exit(0);
}

struct Receiver {
  OwnedFd socket;  // the sender's end
  pid_t child;
};

inline Receiver connect_to_receiver() {
  const OwnedFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const name = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener.number(), name, size) < 0 || ::listen(listener.number(), 1) < 0 ||
      ::getsockname(listener.number(), name, &size) < 0)
    fail("listen");
  const pid_t child = start_receiver(listener.number());  // before it could inherit our end
  Receiver receiver{OwnedFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), child};
  const int fd = receiver.socket.number();
  const int on = 1;
  const bool set = ::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) == 0 &&
                   ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
  if (!set || ::connect(fd, name, size) < 0) fail("connect");
  return receiver;
}

}  // namespace leat::bench
