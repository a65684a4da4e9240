// Goal: what is asked of a socket is answered truly, and nothing of it changes unasked. Method: TCP
// over loopback and UNIX pairs; the kernel's own counters.

#include "os/socket.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <string_view>

#include <gtest/gtest.h>

#include "os/route.h"
#include "os/stream.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/results.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

void set_option(FdRef socket, int name, int value) {
  ASSERT_EQ(::setsockopt(socket.number(), IPPROTO_TCP, name, &value, sizeof value), 0);
}

int not_sent(FdRef socket) {
  int count = -1;
  EXPECT_EQ(::ioctl(socket.number(), SIOCOUTQNSD, &count), 0);
  return count;
}

class OsSocket : public GuardedTest {
 protected:
  Pair tcp_ = make_tcp_pair();
  Pair unix_ = make_unix_pair();
};

TEST_F(OsSocket, facts_tell_streams_from_others) {
  const auto tcp = os::socket_facts(tcp_.to);
  ASSERT_TRUE(tcp);
  EXPECT_TRUE(tcp->stream && tcp->tcp && !tcp->listening);
  const auto local = os::socket_facts(unix_.to);
  ASSERT_TRUE(local);
  EXPECT_TRUE(local->stream && !local->tcp && !local->listening);

  const OwnedFd datagram(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  EXPECT_FALSE(os::socket_facts(datagram)->stream);
  const OwnedFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::listen(listener.number(), 1), 0);
  EXPECT_TRUE(os::socket_facts(listener)->listening);
}

TEST_F(OsSocket, facts_of_what_is_none_are_an_error) {
  const OwnedFd file = file_with({});
  const auto of_file = os::socket_facts(file);
  ASSERT_FALSE(of_file);
  EXPECT_TRUE(of_file.error().is(ENOTSOCK));
  const auto of_nothing = os::socket_facts(FdRef());
  ASSERT_FALSE(of_nothing);
  EXPECT_TRUE(of_nothing.error().is(EBADF));
}

TEST_F(OsSocket, a_peer_is_there_or_not) {
  EXPECT_TRUE(os::require_peer(tcp_.to));
  EXPECT_TRUE(os::require_peer(unix_.to));
  const OwnedFd alone(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto missing = os::require_peer(alone);
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().is(ENOTCONN));
}

TEST_F(OsSocket, reset_on_close_is_seen_by_the_peer) {
  for (const bool on : {true, false}) {
    Pair pair = make_tcp_pair();
    ASSERT_TRUE(os::reset_on_close(pair.to, true));
    ASSERT_TRUE(os::reset_on_close(pair.to, on));
    pair.to.reset();
    wait_for(pair.from, POLLIN);
    EXPECT_EQ(os::take_socket_error(pair.from), on ? ECONNRESET : 0);
  }
}

TEST_F(OsSocket, a_socket_error_is_taken_once) {
  reset_on_close(tcp_.from);
  tcp_.from.reset();
  wait_for(tcp_.to, POLLIN);
  EXPECT_EQ(os::take_socket_error(tcp_.to), ECONNRESET);
  EXPECT_EQ(os::take_socket_error(tcp_.to), 0);
  EXPECT_EQ(os::take_socket_error(FdRef()), 0);
}

TEST_F(OsSocket, shutdown_write_is_the_end_of_the_stream) {
  for (Pair* pair : {&tcp_, &unix_}) {
    ASSERT_TRUE(os::shutdown_write(pair->to));
    wait_for(pair->from, POLLIN);
    std::array<std::byte, 1> room;
    EXPECT_EQ(os::recv(pair->from, room, false), 0u);
    EXPECT_EQ(os::send(pair->from, bytes_of("x"), {}), 1u) << "the other direction stays open";
  }
}

TEST_F(OsSocket, unacknowledged_bytes_of_a_unix_socket_are_those_not_read) {
  ASSERT_EQ(os::send(unix_.to, bytes_of("hello"), {}), 5u);
  EXPECT_GT(os::unacknowledged_bytes(unix_.to).value_or(0), 0u);
  std::array<std::byte, 8> room;
  ASSERT_EQ(os::recv(unix_.from, room, false), 5u);
  EXPECT_EQ(os::unacknowledged_bytes(unix_.to), 0u);
}

TEST_F(OsSocket, unacknowledged_bytes_of_tcp_count_what_is_held_back) {
  ASSERT_EQ(os::send(tcp_.to, bytes_of("hello"), {.more_follows = true}), 5u);
  EXPECT_EQ(os::unacknowledged_bytes(tcp_.to), 5u);
}

TEST_F(OsSocket, push_sends_what_was_held_back_and_changes_nothing) {
  ASSERT_EQ(os::send(tcp_.to, bytes_of("hello"), {.more_follows = true}), 5u);
  ASSERT_EQ(not_sent(tcp_.to), 5) << "else there is nothing to be pushed";
  const std::string before = demeanour(tcp_.to);
  os::push_pending(tcp_.to);
  EXPECT_EQ(not_sent(tcp_.to), 0);
  EXPECT_EQ(demeanour(tcp_.to), before);
}

TEST_F(OsSocket, push_leaves_a_cork_that_is_not_ours) {
  set_option(tcp_.to, TCP_CORK, 1);
  ASSERT_EQ(os::send(tcp_.to, bytes_of("hello"), {}), 5u);
  ASSERT_EQ(not_sent(tcp_.to), 5);
  os::push_pending(tcp_.to);
  EXPECT_TRUE(os::is_corked(tcp_.to));
  EXPECT_EQ(not_sent(tcp_.to), 5);
}

TEST_F(OsSocket, push_on_what_is_not_tcp_does_nothing) {
  const std::string before = demeanour(unix_.to);
  os::push_pending(unix_.to);
  os::push_pending(FdRef());
  EXPECT_EQ(demeanour(unix_.to), before);
}

TEST_F(OsSocket, nodelay_and_cork_are_read) {
  EXPECT_FALSE(os::has_nodelay(tcp_.to));
  set_option(tcp_.to, TCP_NODELAY, 1);
  EXPECT_TRUE(os::has_nodelay(tcp_.to));
  EXPECT_FALSE(os::is_corked(tcp_.to));
  ASSERT_TRUE(os::set_cork(tcp_.to, true));
  EXPECT_TRUE(os::is_corked(tcp_.to));
  ASSERT_TRUE(os::set_cork(tcp_.to, false));
  EXPECT_FALSE(os::is_corked(tcp_.to));
  EXPECT_FALSE(os::has_nodelay(unix_.to));
  EXPECT_FALSE(os::is_corked(unix_.to));
}

TEST_F(OsSocket, loopback_takes_scattered_pages) {
  const auto taken = os::takes_scattered_pages(tcp_.to);
  ASSERT_TRUE(taken) << taken.error().message();
  EXPECT_TRUE(*taken);
  EXPECT_EQ(os::takes_scattered_pages(unix_.to), true);
}

// A dual-stack socket that speaks IPv4 has a mapped address, which no device has.
TEST_F(OsSocket, a_mapped_address_is_found_on_its_device) {
  const OwnedFd listener(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!listener.valid()) GTEST_SKIP() << "this host has no IPv6";
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  ASSERT_EQ(::bind(listener.number(), reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
  ASSERT_EQ(::listen(listener.number(), 1), 0);
  socklen_t size = sizeof any;
  ASSERT_EQ(::getsockname(listener.number(), reinterpret_cast<sockaddr*>(&any), &size), 0);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = any.sin6_port;
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const OwnedFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(client.number(), reinterpret_cast<sockaddr*>(&v4), sizeof v4), 0);
  const OwnedFd server(::accept4(listener.number(), nullptr, nullptr, SOCK_CLOEXEC));
  const auto taken = os::takes_scattered_pages(server);
  ASSERT_TRUE(taken) << taken.error().message();
  EXPECT_TRUE(*taken);
}

TEST_F(OsSocket, a_device_that_does_not_say_is_an_error) {
  const ScopedFaults faults({{.call = "ioctl", .error_number = EOPNOTSUPP}});
  const auto taken = os::takes_scattered_pages(tcp_.to);
  ASSERT_FALSE(taken);
  EXPECT_TRUE(taken.error().is(EOPNOTSUPP));
}

}  // namespace
}  // namespace leat::testing
