#include "support/streams.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

namespace leat::testing {
namespace {

/// Setting a test up must not fail; if it does there is nothing to be tested.
int must(int result, const char* what) {
  if (result < 0) {
    std::perror(what);
    std::abort();
  }
  return result;
}

Pair with_blocking(Pair pair, Blocking blocking) {
  set_blocking(pair.from, blocking);
  set_blocking(pair.to, blocking);
  return pair;
}

// A write to a pipe whose reader left must end the thread, not the program.
void block_sigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

void feed(FdRef fd, std::uint64_t seed, std::uint64_t position, std::uint64_t length) {
  block_sigpipe();
  std::vector<std::byte> chunk(std::min<std::uint64_t>(length, 256 << 10));
  while (length > 0) {
    std::span<std::byte> part =
        std::span(chunk).first(std::min<std::uint64_t>(length, chunk.size()));
    fill_pattern(seed, position, part);
    position += part.size();
    length -= part.size();
    while (!part.empty()) {
      const ssize_t written = ::write(fd.number(), part.data(), part.size());
      if (written >= 0) {
        part = part.subspan(static_cast<std::size_t>(written));
      } else if (errno == EAGAIN) {
        wait_for(fd, POLLOUT);
      } else if (errno != EINTR) {
        return;
      }
    }
  }
}

void drain(OwnedFd fd, const DrainOptions& options, Drainer::Result& result) {
  std::vector<std::byte> chunk(options.chunk_bytes);
  while (result.check.count() < options.stop_after) {
    if (options.before_read) options.before_read(result.check.count());
    const std::uint64_t left = options.stop_after - result.check.count();
    const ssize_t got =
        ::read(fd.number(), chunk.data(), std::min<std::uint64_t>(chunk.size(), left));
    if (got == 0) return;
    if (got > 0) {
      result.check.add(std::span(chunk).first(static_cast<std::size_t>(got)));
    } else if (errno == EAGAIN) {
      wait_for(fd, POLLIN);
    } else if (errno != EINTR) {
      result.error_number = errno;
      return;
    }
  }
}

std::string option_of(FdRef fd, const char* name, int level, int option) {
  std::array<unsigned char, 16> value{};
  socklen_t length = value.size();
  if (::getsockopt(fd.number(), level, option, value.data(), &length) < 0) return "";
  std::string text = std::string(" ") + name + "=";
  for (socklen_t i = 0; i < length; ++i) text += std::to_string(value[i]) + ".";
  return text;
}

}  // namespace

void set_blocking(FdRef fd, Blocking blocking) {
  const int flags = must(::fcntl(fd.number(), F_GETFL), "F_GETFL");
  const int wanted = blocking == Blocking::yes ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
  must(::fcntl(fd.number(), F_SETFL, wanted), "F_SETFL");
}

Pair make_pipe_pair(Blocking blocking) {
  std::array<int, 2> ends{};
  must(::pipe2(ends.data(), O_CLOEXEC), "pipe2");
  return with_blocking({OwnedFd(ends[0]), OwnedFd(ends[1])}, blocking);
}

Pair make_unix_pair(Blocking blocking) {
  std::array<int, 2> ends{};
  must(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), "socketpair");
  return with_blocking({OwnedFd(ends[0]), OwnedFd(ends[1])}, blocking);
}

Pair make_tcp_pair(Blocking blocking) {
  const OwnedFd listener(must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  must(::bind(listener.number(), generic, length), "bind");
  must(::listen(listener.number(), 1), "listen");
  must(::getsockname(listener.number(), generic, &length), "getsockname");
  OwnedFd to(must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  must(::connect(to.number(), generic, length), "connect");
  OwnedFd from(must(::accept4(listener.number(), nullptr, nullptr, SOCK_CLOEXEC), "accept4"));
  return with_blocking({std::move(from), std::move(to)}, blocking);
}

void shrink_buffers(FdRef socket) {
  // Not smaller: below a segment or two of loopback's, TCP waits for its timers to send at all.
  const int send_bytes = 16 << 10;
  const int receive_bytes = 192 << 10;
  ::setsockopt(socket.number(), SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof send_bytes);
  ::setsockopt(socket.number(), SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
}

void reset_on_close(FdRef socket) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  must(::setsockopt(socket.number(), SOL_SOCKET, SO_LINGER, &now, sizeof now), "SO_LINGER");
}

short wait_for(FdRef fd, short events) {
  pollfd entry{.fd = fd.number(), .events = events, .revents = 0};
  while (::poll(&entry, 1, -1) < 0 && errno == EINTR) {
  }
  return entry.revents;
}

std::string demeanour(FdRef fd) {
  std::string text = "flags=" + std::to_string(::fcntl(fd.number(), F_GETFL)) +
                     " descriptor_flags=" + std::to_string(::fcntl(fd.number(), F_GETFD)) +
                     " owner=" + std::to_string(::fcntl(fd.number(), F_GETOWN)) +
                     " pipe=" + std::to_string(::fcntl(fd.number(), F_GETPIPE_SZ));
  text += option_of(fd, "SO_LINGER", SOL_SOCKET, SO_LINGER);
  text += option_of(fd, "SO_ZEROCOPY", SOL_SOCKET, SO_ZEROCOPY);
  text += option_of(fd, "SO_SNDTIMEO", SOL_SOCKET, SO_SNDTIMEO);
  text += option_of(fd, "SO_RCVTIMEO", SOL_SOCKET, SO_RCVTIMEO);
  text += option_of(fd, "SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT);
  text += option_of(fd, "SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE);
  text += option_of(fd, "TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY);
  text += option_of(fd, "TCP_CORK", IPPROTO_TCP, TCP_CORK);
  text += option_of(fd, "TCP_NOTSENT_LOWAT", IPPROTO_TCP, TCP_NOTSENT_LOWAT);
  return text;
}

Feeder::Feeder(OwnedFd fd, std::uint64_t seed, std::uint64_t position, std::uint64_t length)
    : thread_([fd = std::move(fd), seed, position, length] { feed(fd, seed, position, length); }) {}

Drainer::Drainer(OwnedFd fd, DrainOptions options)
    : result_{.check = StreamCheck(options.seed)},
      thread_([this, fd = std::move(fd), options = std::move(options)]() mutable {
        drain(std::move(fd), options, result_);
      }) {}

const Drainer::Result& Drainer::finish() {
  if (thread_.joinable()) thread_.join();
  return result_;
}

StreamCheck read_rest(FdRef fd, std::uint64_t seed, std::uint64_t position) {
  StreamCheck check(seed, position);
  std::vector<std::byte> chunk(64 << 10);
  for (;;) {
    const ssize_t got = ::read(fd.number(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return check;
    check.add(std::span(chunk).first(static_cast<std::size_t>(got)));
  }
}

}  // namespace leat::testing
