#include "lab/road.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <thread>

#include <gtest/gtest.h>

namespace leat::testing {
namespace {

/// Fails the test if `result` says so.
int checked(int result, const std::string& what) {
  if (result < 0) ADD_FAILURE() << what << ": " << std::generic_category().message(errno);
  return result;
}

sockaddr_in address_of(const Road& road) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  ::inet_pton(AF_INET, road.far_address, &address.sin_addr);
  return address;
}

/// A socket belongs to the namespace it was made in, whoever uses it: only making it needs a thread
/// that has gone there.
OwnedFd listening_socket(const Road& road) {
  OwnedFd listener;
  std::jthread([&] {
    if (*road.far_namespace != '\0') {
      const std::string path = std::string("/run/netns/") + road.far_namespace;
      const OwnedFd there(checked(::open(path.c_str(), O_RDONLY | O_CLOEXEC), path));
      if (checked(::setns(there.number(), CLONE_NEWNET), "setns") < 0) return;
    }
    OwnedFd socket(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    const sockaddr_in address = address_of(road);
    checked(::bind(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
            "bind");
    checked(::listen(socket.number(), 1), "listen");
    listener = std::move(socket);
  }).join();
  return listener;
}

}  // namespace

Pair connect_over(const Road& road) {
  const OwnedFd listener = listening_socket(road);
  sockaddr_in address{};
  socklen_t length = sizeof address;
  checked(::getsockname(listener.number(), reinterpret_cast<sockaddr*>(&address), &length),
          "getsockname");
  OwnedFd to(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  if (checked(::connect(to.number(), reinterpret_cast<const sockaddr*>(&address), length),
              "connect") < 0)
    return {};
  return {.from = OwnedFd(
              checked(::accept4(listener.number(), nullptr, nullptr, SOCK_CLOEXEC), "accept")),
          .to = std::move(to)};
}

}  // namespace leat::testing
