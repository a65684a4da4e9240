// Goal: zerocopy_send meets its pitfalls: 22 to 27, 31, 48. Method: whole transfers of slices over
// loopback connections, where the kernel copies after all and says so, and a pump stepped by hand.

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/buffer.h>
#include <leat/connection.h>
#include <leat/transfer.h>

#include "support/drive.h"
#include "support/guards.h"
#include "support/pattern.h"
#include "support/pump_bench.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

class ZerocopySendTest : public GuardedTest {
 protected:
  static constexpr std::uint64_t seed = 31;
  static constexpr std::uint64_t size = (8u << 20) + 3;
  const Options forced_{.mechanism = *Mechanism::named("zerocopy_send")};

  static Connection adopt(Context& context, OwnedFd socket) {
    auto connection = Connection::adopt(context, std::move(socket));
    EXPECT_TRUE(connection) << connection.error().message();
    return std::move(*connection);
  }
};

TEST_F(ZerocopySendTest, says_why_it_does_not_fit) {
  const SourceFacts slice{.kind = Kind::memory, .tenure = MemoryTenure::shared};
  const SinkFacts connection{
      .kind = Kind::socket, .tcp = true, .is_connection = true, .lendable = true};
  struct Row {
    SourceFacts source;
    SinkFacts sink;
    std::string_view reason;  // a part of it; empty: it fits
  };
  const std::array rows{
      Row{slice, connection, ""},
      Row{{.kind = Kind::memory, .tenure = MemoryTenure::never_reused}, connection, ""},
      Row{{.kind = Kind::memory}, connection, "borrowed memory"},
      Row{{.kind = Kind::file}, connection, "not memory"},
      Row{slice, {.kind = Kind::socket, .tcp = true}, "needs a Connection"},
      Row{slice, {.kind = Kind::socket, .is_connection = true}, "not a TCP socket"},
      Row{slice, {.kind = Kind::socket, .tcp = true, .is_connection = true}, "borrows its socket"},
      Row{slice, {.kind = Kind::pipe}, "not a TCP socket"},
  };
  for (const Row& row : rows) {
    const Fit fit = fit_of("zerocopy_send", row.source, row.sink);
    EXPECT_EQ(fit.fits, row.reason.empty()) << fit.reason;
    EXPECT_NE(fit.reason.find(row.reason), std::string_view::npos) << fit.reason;
  }
}

TEST_F(ZerocopySendTest, loopback_is_reported_as_copied) {
  Pair tcp = make_tcp_pair();
  set_blocking(tcp.from, Blocking::yes);
  Drainer drainer(std::move(tcp.from), {.seed = seed});
  Context context = make_context();
  {
    Connection connection = adopt(context, std::move(tcp.to));
    Receipt receipt = transfer(context, pattern_slice(seed, 0, size), connection, forced_);
    EXPECT_TRUE(receipt.ok()) << describe(receipt);
    EXPECT_TRUE(connection.settle(receipt, steady_clock::now() + seconds(20)));
    ASSERT_EQ(receipt.legs.size(), 1u) << describe(receipt);
    EXPECT_EQ(receipt.legs[0].known_by, KnownBy::kernel);
    EXPECT_EQ(receipt.legs[0].cpu_copied_bytes, size);
    EXPECT_EQ(context.counters().lent_bytes, 0u);
  }
  EXPECT_EQ(drainer.finish().check.mismatch(), "");
  EXPECT_EQ(drainer.finish().check.count(), size);
}

TEST_F(ZerocopySendTest, forbidding_copies_ends_it_at_the_first_one) {
  Pair tcp = make_tcp_pair();
  set_blocking(tcp.from, Blocking::yes);
  Drainer drainer(std::move(tcp.from), {.seed = seed});
  Context context = make_context();
  {
    Connection connection = adopt(context, std::move(tcp.to));
    // Forced: vmsplice would do it without a copy.
    const Receipt receipt = transfer(context, pattern_slice(seed, 0, size), connection,
                                     {.mechanism = forced_.mechanism, .copies = Copies::forbid});
    EXPECT_EQ(receipt.ending, Ending::failed) << describe(receipt);
    ASSERT_TRUE(receipt.error);
    EXPECT_TRUE(receipt.error->is(Errc::copied_after_all)) << describe(receipt);
  }
  EXPECT_EQ(drainer.finish().check.mismatch(), "");
}

// The memory outlives the transfer, its slice and the connection.
TEST_F(ZerocopySendTest, closing_with_loans_outstanding) {
  Pair tcp = make_tcp_pair();
  Context context = make_context();
  bool released = false;
  {
    const std::vector<std::byte> bytes = pattern(seed, 0, 300'000);
    auto memory = std::make_shared<std::vector<std::byte>>(bytes);
    Slice slice =
        Slice::adopt(std::span<const std::byte>(*memory), [memory, &released] { released = true; });
    Connection connection = adopt(context, std::move(tcp.to));
    Transfer transfer =
        Transfer::start(context, Source(std::exchange(slice, {})), connection, forced_);
    const Step step = transfer.step();
    EXPECT_GT(step.delivered, 0u);
    EXPECT_FALSE(released);
  }
  const StreamCheck check = [&] {
    set_blocking(tcp.from, Blocking::yes);
    return read_rest(tcp.from, seed, 0);
  }();
  EXPECT_EQ(check.mismatch(), "");
  while (!released) {
    context.poll();
    std::this_thread::yield();
  }
  EXPECT_EQ(context.counters().lent_bytes, 0u);
  EXPECT_EQ(context.counters().quarantined_bytes, 0u);
}

}  // namespace
}  // namespace leat::testing
