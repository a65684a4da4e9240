// Goal: what the error queue says is decoded as the kernel means it, and nothing else is taken for
// it (pitfalls 23, 26). Method: messages made by hand, and a real socket over loopback.

#include "os/error_queue.h"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>

#include <array>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "support/guards.h"
#include "support/pattern.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

/// Control messages laid out as recvmsg(2) does.
class Control {
 public:
  Control& add(int level, int type, const void* data, std::size_t size) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + CMSG_SPACE(size));
    cmsghdr header{};
    header.cmsg_len = CMSG_LEN(size);
    header.cmsg_level = level;
    header.cmsg_type = type;
    std::memcpy(bytes_.data() + at, &header, sizeof header);
    std::memcpy(bytes_.data() + at + CMSG_LEN(0), data, size);
    return *this;
  }
  Control& add(int level, int type, const sock_extended_err& error) {
    return add(level, type, &error, sizeof error);
  }
  msghdr message(int flags = MSG_ERRQUEUE) {
    msghdr message{};
    message.msg_control = bytes_.data();
    message.msg_controllen = bytes_.size();
    message.msg_flags = flags;
    return message;
  }

 private:
  std::vector<std::byte> bytes_;
};

sock_extended_err released(std::uint32_t first, std::uint32_t last, std::uint8_t code = 0) {
  return {.ee_errno = 0,
          .ee_origin = SO_EE_ORIGIN_ZEROCOPY,
          .ee_type = 0,
          .ee_code = code,
          .ee_pad = 0,
          .ee_info = first,
          .ee_data = last};
}

TEST(DecodeRelease, an_inclusive_range_over_either_ip) {
  for (const auto& [level, type] :
       {std::pair(SOL_IP, IP_RECVERR), std::pair(SOL_IPV6, IPV6_RECVERR)}) {
    const auto range = os::decode_release(Control().add(level, type, released(7, 9)).message());
    ASSERT_TRUE(range);
    EXPECT_EQ(range->first, 7u);
    EXPECT_EQ(range->last, 9u);
    EXPECT_FALSE(range->copied);
  }
}

TEST(DecodeRelease, says_what_was_copied_after_all) {
  const auto range = os::decode_release(
      Control()
          .add(SOL_IP, IP_RECVERR, released(0xffffffff, 0, SO_EE_CODE_ZEROCOPY_COPIED))
          .message());
  ASSERT_TRUE(range);
  EXPECT_EQ(range->first, 0xffffffffu);
  EXPECT_EQ(range->last, 0u);
  EXPECT_TRUE(range->copied);
}

TEST(DecodeRelease, is_found_behind_other_messages) {
  const int other = 1;
  const auto range = os::decode_release(Control()
                                            .add(SOL_SOCKET, SCM_TIMESTAMP, &other, sizeof other)
                                            .add(SOL_IP, IP_RECVERR, released(3, 3))
                                            .message());
  ASSERT_TRUE(range);
  EXPECT_EQ(range->first, 3u);
}

TEST(DecodeRelease, nothing_else_is_taken_for_it) {
  sock_extended_err icmp = released(1, 1);
  icmp.ee_origin = SO_EE_ORIGIN_ICMP;
  sock_extended_err failed = released(1, 1);
  failed.ee_errno = ENOMSG;
  EXPECT_FALSE(os::decode_release(Control().add(SOL_IP, IP_RECVERR, icmp).message()));
  EXPECT_FALSE(os::decode_release(Control().add(SOL_IP, IP_RECVERR, failed).message()));
  EXPECT_FALSE(os::decode_release(Control().add(SOL_IP, IP_TTL, released(1, 1)).message()));
  EXPECT_FALSE(os::decode_release(Control().add(SOL_SOCKET, IP_RECVERR, released(1, 1)).message()));
  const auto whole = released(1, 1);
  EXPECT_FALSE(os::decode_release(Control().add(SOL_IP, IP_RECVERR, &whole, 8).message())) << "cut";
  EXPECT_FALSE(os::decode_release(
      Control().add(SOL_IP, IP_RECVERR, released(1, 1)).message(MSG_ERRQUEUE | MSG_CTRUNC)));
  EXPECT_FALSE(os::decode_release(msghdr{}));
}

class OsErrorQueue : public GuardedTest {};

TEST_F(OsErrorQueue, a_real_send_is_named_once) {
  Pair tcp = make_tcp_pair();
  EXPECT_EQ(os::is_zero_copy(tcp.to), false);
  ASSERT_TRUE(os::enable_zero_copy(tcp.to));
  EXPECT_EQ(os::is_zero_copy(tcp.to), true);
  const auto none = os::next_release(tcp.to);
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);

  auto bytes = pattern(1, 0, 50'000);
  const std::array pieces{iovec{bytes.data(), 10'000}, iovec{bytes.data() + 10'000, 40'000}};
  for (int count = 0; count < 2; ++count) {
    ASSERT_EQ(os::send_zero_copy(tcp.to, pieces, {}), 50'000u);
    set_blocking(tcp.from, Blocking::yes);
    std::vector<std::byte> read(50'000);
    ASSERT_EQ(::recv(tcp.from.number(), read.data(), read.size(), MSG_WAITALL), 50'000);
    EXPECT_EQ(read, bytes);
  }
  std::uint32_t named = 0;
  while (named < 2) {
    wait_for(tcp.to, 0);
    const auto range = os::next_release(tcp.to);
    ASSERT_TRUE(range);
    if (!*range) continue;
    EXPECT_EQ((*range)->first, named);
    EXPECT_TRUE((*range)->copied) << "loopback copies";
    named = (*range)->last + 1;
  }
  EXPECT_EQ(named, 2u);
}

TEST_F(OsErrorQueue, errors_are_values) {
  EXPECT_TRUE(os::next_release(FdRef()).error().is(EBADF));
  EXPECT_TRUE(os::is_zero_copy(FdRef()).error().is(EBADF));
  const Pair unix_pair = make_unix_pair();
  EXPECT_TRUE(os::enable_zero_copy(unix_pair.to).error().is(EOPNOTSUPP));
  EXPECT_EQ(os::zero_copy_verdict(), "");
}

}  // namespace
}  // namespace leat::testing
