// Goal: memory lent to the kernel always comes back and a transfer always ends, whatever the limits
// and whatever the peer does (pitfalls 24, 25, 27, 30, 31). Method: limits of a child process
// without privileges, a network namespace of its own, errors at the seam, receivers that do not
// read or reset.

#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/buffer.h>
#include <leat/connection.h>
#include <leat/transfer.h>

#include "faults/nobody.h"
#include "support/drive.h"
#include "support/guards.h"
#include "support/pattern.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr std::uint64_t seed = 77;

/// Memory that counts how often it was released, of ordinary heap.
struct Counted {
  std::shared_ptr<int> releases = std::make_shared<int>(0);
  Slice slice(std::uint64_t size) const {
    auto bytes = std::make_shared<std::vector<std::byte>>(pattern(seed, 0, size));
    return Slice::adopt(std::span<const std::byte>(*bytes),
                        [bytes, count = releases] { ++*count; });
  }
};

Connection adopt(Context& context, OwnedFd socket, ConnectionOptions options = {}) {
  auto connection = Connection::adopt(context, std::move(socket), options);
  EXPECT_TRUE(connection) << connection.error().message();
  return std::move(*connection);
}

/// Until the kernel has let go of everything; a watchdog bounds it.
void poll_until_all_is_back(Context& context) {
  while (context.counters().lent_bytes > 0) {
    context.poll();
    std::this_thread::yield();
  }
}

/// Sends `size` bytes by `forced`, or by the plan's own choice, and says what was wrong.
std::string send_by(Mechanism forced, std::uint64_t size, bool may_refuse) {
  std::string trouble;
  Pair tcp = make_tcp_pair();
  set_blocking(tcp.from, Blocking::yes);
  Drainer drainer(std::move(tcp.from), {.seed = seed});
  const Counted memory;
  Receipt receipt;
  {
    Context context = make_context();
    Connection connection = adopt(context, std::move(tcp.to));
    receipt = transfer(context, memory.slice(size), connection, {.mechanism = forced});
    if (!connection.settle(receipt, steady_clock::now() + seconds(30))) trouble += "not settled; ";
    connection.close();
    poll_until_all_is_back(context);
  }
  const StreamCheck& check = drainer.finish().check;
  const bool refused = may_refuse && forced && receipt.ending == Ending::failed;
  if (!receipt.ok() && !refused) trouble += describe(receipt) + "; ";
  if (!check.mismatch().empty()) trouble += check.mismatch() + "; ";
  if (check.count() != receipt.delivered) trouble += "counts differ; ";
  if (*memory.releases != 1) trouble += "released " + std::to_string(*memory.releases) + " times; ";
  return trouble;
}

class LentFaults : public GuardedTest {};

/// Each way that lends, and the plan's own choice.
class LentFaultsOfEach : public LentFaults, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, for other users and namespaces";
    if (!forced()) return;
    const std::string_view why = forced().unavailable();
    if (!why.empty()) GTEST_SKIP() << GetParam() << ": " << why;
  }
  static Mechanism forced() {
    return *GetParam() == '\0' ? Mechanism() : *Mechanism::named(GetParam());
  }
};
INSTANTIATE_TEST_SUITE_P(way, LentFaultsOfEach,
                         ::testing::Values("", "zerocopy_send", "uring_send_zc"),
                         [](const auto& each) {
                           return *each.param == '\0' ? "chosen" : std::string(each.param);
                         });

TEST_P(LentFaultsOfEach, locked_memory_is_short_for_an_unprivileged_user) {
  for (const rlim_t bytes : {rlim_t{64 << 10}, rlim_t{0}}) {
    const std::string said = in_child([bytes]() -> std::string {
      limit(RLIMIT_MEMLOCK, bytes);
      if (!become_nobody()) return "still root";
      return send_by(forced(), 3u << 20, true);
    });
    EXPECT_EQ(said, "") << "RLIMIT_MEMLOCK " << bytes;
  }
}

TEST_F(LentFaults, descriptors_are_short_for_an_unprivileged_user) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become somebody else";
  const std::string said = in_child([]() -> std::string {
    if (!become_nobody()) return "still root";
    Pair tcp = make_tcp_pair();
    set_blocking(tcp.from, Blocking::yes);
    Drainer drainer(std::move(tcp.from), {.seed = seed});
    Context context = make_context();
    Connection connection = adopt(context, std::move(tcp.to));
    limit(RLIMIT_NOFILE, 3);  // nothing more can be opened: no ring, no pipe
    const Counted memory;
    const Receipt receipt = transfer(context, memory.slice(1u << 20), connection);
    return receipt.ok() ? "" : describe(receipt);
  });
  EXPECT_EQ(said, "");
}

void bring_loopback_up() {
  const OwnedFd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::snprintf(request.ifr_name, sizeof request.ifr_name, "lo");
  ASSERT_EQ(::ioctl(any.number(), SIOCGIFFLAGS, &request), 0);
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  ASSERT_EQ(::ioctl(any.number(), SIOCSIFFLAGS, &request), 0);
}

TEST_P(LentFaultsOfEach, optmem_max_is_used_up) {
  const std::string said = in_child([]() -> std::string {
    if (::unshare(CLONE_NEWNET) != 0) return "";
    bring_loopback_up();
    // A namespace of its own has its own value since Linux 6.8.
    std::ofstream("/proc/sys/net/core/optmem_max") << 2000 << std::flush;
    std::string value;
    std::ifstream("/proc/sys/net/core/optmem_max") >> value;
    if (value != "2000") return "optmem_max is not ours to set";
    return send_by(forced(), 16u << 20, false);
  });
  if (said == "optmem_max is not ours to set") GTEST_SKIP() << said;
  EXPECT_EQ(said, "");
}

TEST_F(LentFaults, enobufs_at_any_moment) {
  for (const bool forced : {true, false})
    for (const std::uint64_t first : {1u, 2u, 3u, 7u})
      for (const std::uint64_t times : {std::uint64_t{1}, std::uint64_t{3}, always}) {
        SCOPED_TRACE("from call " + std::to_string(first) + ", " + std::to_string(times) +
                     " times");
        Pair tcp = make_tcp_pair();
        set_blocking(tcp.from, Blocking::yes);
        Drainer drainer(std::move(tcp.from), {.seed = seed});
        const Counted memory;
        Receipt receipt;
        {
          Context context = make_context();
          Connection connection = adopt(context, std::move(tcp.to));
          Options options{.mechanism = *Mechanism::named("zerocopy_send")};
          if (!forced) options = {.copies = Copies::allow};
          Source source = memory.slice(8u << 20);
          {
            const ScopedFaults faults(
                {{.call = "sendmsg", .first = first, .times = times, .error_number = ENOBUFS}});
            receipt = transfer(context, std::move(source), connection, options);
          }
          connection.settle(receipt, steady_clock::now() + seconds(30));
          connection.close();
          poll_until_all_is_back(context);
        }
        const StreamCheck& check = drainer.finish().check;
        EXPECT_EQ(check.mismatch(), "");
        EXPECT_EQ(check.count(), receipt.delivered);
        EXPECT_TRUE(receipt.ok() || receipt.error->is(ENOBUFS)) << describe(receipt);
        // With nothing outstanding nobody would wake it: the forced one has to end.
        if (forced && first == 1) {
          EXPECT_FALSE(receipt.ok());
        }
        EXPECT_EQ(*memory.releases, 1);
      }
}

/// A sender whose socket takes in far more than the receiver will.
Pair pair_with_large_send_buffer() {
  Pair tcp = make_tcp_pair();
  const int bytes = 128 << 20;
  ::setsockopt(tcp.to.number(), SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
  shrink_buffers(tcp.from);
  return tcp;
}

TEST_F(LentFaults, a_receiver_that_never_reads_while_64_mib_are_lent) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, for a send buffer of 128 MiB";
  constexpr std::uint64_t size = 64u << 20;
  Pair tcp = pair_with_large_send_buffer();
  const Counted memory;
  Context context = make_context({.lent_budget_bytes = 2 * size});
  {
    Connection connection = adopt(context, std::move(tcp.to), {.reset_unless_ended = true});
    const Receipt receipt = transfer(context, memory.slice(size), connection,
                                     {.mechanism = *Mechanism::named("zerocopy_send"),
                                      .deadline = steady_clock::now() + seconds(5)});
    EXPECT_EQ(receipt.delivered, size) << describe(receipt);
    EXPECT_GT(context.counters().lent_bytes, size / 2);
    EXPECT_EQ(*memory.releases, 0);
    Receipt again = receipt;
    EXPECT_FALSE(connection.settle(again, steady_clock::now() + milliseconds(1)));
    EXPECT_EQ(again.legs[0].known_by, KnownBy::pending);
  }
  poll_until_all_is_back(context);
  EXPECT_EQ(*memory.releases, 1);
  EXPECT_EQ(context.counters().quarantined_bytes, 0u);
  EXPECT_EQ(context.counters().abandoned_bytes, 0u);
}

// The budget holds it up, and whoever else wants to lend goes on another way.
TEST_F(LentFaults, the_budget_is_used_up) {
  Pair slow = pair_with_large_send_buffer();
  Pair other = make_tcp_pair();
  Context context = make_context({.lent_budget_bytes = 3u << 20});
  const Counted memory;
  {
    Connection stuck = adopt(context, std::move(slow.to), {.reset_unless_ended = true});
    Connection free = adopt(context, std::move(other.to));
    const Options lending{.mechanism = *Mechanism::named("zerocopy_send")};
    Transfer transfer = Transfer::start(context, memory.slice(16u << 20), stuck, lending);
    Step step = transfer.step();
    while (step.state == State::progress) step = transfer.step();
    ASSERT_EQ(step.state, State::blocked);
    EXPECT_LE(context.counters().lent_bytes, 3u << 20);
    EXPECT_GT(context.counters().lent_bytes, 0u);

    set_blocking(other.from, Blocking::yes);
    Drainer drainer(std::move(other.from), {.seed = seed});
    const Counted second;
    const Receipt refused = leat::transfer(context, second.slice(2u << 20), free, lending);
    EXPECT_EQ(refused.ending, Ending::failed) << describe(refused);
    EXPECT_TRUE(refused.error->is(ENOBUFS)) << describe(refused);
    free.close();  // else its reader, which is joined first, would wait for ever
    transfer.cancel();
    EXPECT_EQ(transfer.step().state, State::stopped);
  }
  poll_until_all_is_back(context);
  EXPECT_EQ(*memory.releases, 1);
}

TEST_F(LentFaults, a_peer_that_resets_with_loans_outstanding) {
  for (const bool by_steps : {true, false}) {
    Pair tcp = make_tcp_pair();
    const Counted memory;
    Context context = make_context();
    Connection connection = adopt(context, std::move(tcp.to));
    const Options lending{.mechanism = *Mechanism::named("zerocopy_send")};
    {
      Transfer transfer = Transfer::start(context, memory.slice(64u << 20), connection, lending);
      const auto is_stuck = [](const Step& step) { return step.state == State::blocked; };
      EXPECT_EQ(drive(context, transfer, default_step_limit, is_stuck).trouble, "");
      EXPECT_GT(context.counters().lent_bytes, 0u);
      reset_on_close(tcp.from);
      tcp.from.reset();
      if (by_steps) {
        const Drive log = drive(context, transfer);
        EXPECT_EQ(log.last.state, State::failed);
        EXPECT_LE(log.idle_steps, 64u) << "it spins";
      }
    }
    Receipt nothing;
    EXPECT_TRUE(connection.settle(nothing, std::nullopt));
    connection.close();
    poll_until_all_is_back(context);
    EXPECT_EQ(*memory.releases, 1);
  }
}

}  // namespace
}  // namespace leat::testing
