// Goal: the epoll calls tell what happened to whom, and never wait.

#include "os/epoll.h"

#include <poll.h>

#include <array>
#include <string_view>

#include <gtest/gtest.h>

#include "os/stream.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/results.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

class OsEpoll : public GuardedTest {
 protected:
  OwnedFd epoll_ = std::move(*os::make_epoll());
  Pair one_ = make_pipe_pair();
  Pair two_ = make_pipe_pair();
  std::array<os::Happened, 4> room_;

  void put_a_byte(const Pair& pair) {
    ASSERT_EQ(os::write(pair.to, std::as_bytes(std::span(std::string_view("x")))), 1u);
  }
};

TEST_F(OsEpoll, tells_what_happened_to_whom) {
  ASSERT_TRUE(os::epoll_add(epoll_, one_.from, POLLIN));
  ASSERT_TRUE(os::epoll_add(epoll_, two_.from, POLLIN));
  EXPECT_TRUE(os::epoll_happened(epoll_, room_).empty());
  put_a_byte(two_);
  const auto happened = os::epoll_happened(epoll_, room_);
  ASSERT_EQ(happened.size(), 1u);
  EXPECT_EQ(happened[0].fd, two_.from.ref());
  EXPECT_EQ(happened[0].events, static_cast<unsigned>(POLLIN));
}

TEST_F(OsEpoll, tells_no_more_than_there_is_room_for) {
  ASSERT_TRUE(os::epoll_add(epoll_, one_.from, POLLIN));
  ASSERT_TRUE(os::epoll_add(epoll_, two_.from, POLLIN));
  put_a_byte(one_);
  put_a_byte(two_);
  EXPECT_EQ(os::epoll_happened(epoll_, std::span(room_).first(1)).size(), 1u);
  EXPECT_EQ(os::epoll_happened(epoll_, room_).size(), 2u);
}

TEST_F(OsEpoll, interest_changes_and_ends) {
  ASSERT_TRUE(os::epoll_add(epoll_, one_.from, 0));
  put_a_byte(one_);
  EXPECT_TRUE(os::epoll_happened(epoll_, room_).empty());
  ASSERT_TRUE(os::epoll_change(epoll_, one_.from, POLLIN));
  EXPECT_EQ(os::epoll_happened(epoll_, room_).size(), 1u);
  ASSERT_TRUE(os::epoll_remove(epoll_, one_.from));
  EXPECT_TRUE(os::epoll_happened(epoll_, room_).empty());
}

TEST_F(OsEpoll, says_what_it_cannot_watch) {
  const OwnedFd file = file_with({});
  const auto added = os::epoll_add(epoll_, file, POLLIN);
  ASSERT_FALSE(added);
  EXPECT_TRUE(added.error().is(EPERM));
  const auto unknown = os::epoll_remove(epoll_, one_.from);
  ASSERT_FALSE(unknown);
  EXPECT_TRUE(unknown.error().is(ENOENT));
}

}  // namespace
}  // namespace leat::testing
