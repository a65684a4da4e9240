// Goal: registered memory keeps to RLIMIT_MEMLOCK, says so where that is too little, leaves nothing
// pinned then, and bytes move all the same (pitfalls 12, 30). Method: limits of a child process
// without privileges.

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <leat/pool.h>
#include <leat/transfer.h>

#include "faults/nobody.h"
#include "os/ring.h"
#include "support/drive.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/locked.h"
#include "support/pattern.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t seed = 78;
constexpr std::uint64_t mib = 1 << 20;
constexpr std::size_t block_bytes = 256 << 10;

/// A slice of a block by uring_send_zc, and a file by direct_io; says what was wrong. `uses`:
/// whether registered memory has to serve both.
std::string move_bytes(Context& context, Pool& pool, bool uses) {
  std::string trouble;
  auto used = [&, before = std::uint64_t{0}](const char* what) mutable {
    const std::uint64_t now = context.counters().registered_operations;
    if ((now > before) != uses)
      trouble += std::string(what) + (uses ? " used none; " : " used some; ");
    before = now;
  };
  Pair tcp = make_tcp_pair();
  set_blocking(tcp.from, Blocking::yes);
  Drainer drainer(std::move(tcp.from), {.seed = seed});
  auto lease = pool.lease();
  if (!lease) return "no lease: " + lease.error().message();
  fill_pattern(seed, 0, lease->bytes());
  const Receipt sent =
      transfer(context, std::move(*lease).freeze(block_bytes), Sink::socket(std::move(tcp.to)),
               {.mechanism = *Mechanism::named("uring_send_zc")});
  const StreamCheck& got = drainer.finish().check;
  if (!got.mismatch().empty() || got.count() != sent.delivered)
    trouble += "other bytes were sent; ";
  // What a plain send pins may be too much for the limit: that is a refusal.
  if (uses && !sent.ok()) trouble += describe(sent) + "; ";
  used("the send");
  const OwnedFd from = pattern_file(seed, mib + 5);
  const OwnedFd to = file_with({});
  Options direct{.mechanism = *Mechanism::named("direct_io")};
  direct.tuning.block_bytes = block_bytes;
  const Receipt copied = transfer(context, Source::file(from.ref()), Sink::file(to.ref()), direct);
  if (copied.error && copied.error->hint.contains("O_DIRECT")) return trouble;
  if (!copied.ok()) trouble += describe(copied) + "; ";
  if (content_of(to) != pattern(seed, 0, mib + 5)) trouble += "other bytes are in the file; ";
  used("direct_io");
  return trouble;
}

class RegisteredFaults : public GuardedTest {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become somebody else";
    const auto missing = os::ring_verdict(os::RingNeed::zero_copy_send);
    if (!missing.empty()) GTEST_SKIP() << missing;
  }
  static Pool make_pool(std::uint64_t bytes) {
    auto pool = Pool::create({.block_bytes = block_bytes, .most_blocks = bytes / block_bytes});
    EXPECT_TRUE(pool);
    return std::move(*pool);
  }
  /// In a child: registers and moves bytes. `fits`: whether the limit is enough.
  static std::string run_limited(rlim_t bytes, std::uint64_t pool_bytes, bool fits) {
    return in_child([=]() -> std::string {
      limit(RLIMIT_MEMLOCK, bytes);
      if (!become_nobody()) return "still root";
      Context context = make_context();
      Pool pool = make_pool(pool_bytes);
      const std::uint64_t before = pinned_bytes();
      const auto registered = context.register_blocks(pool);
      if (registered.has_value() != fits)
        return fits ? registered.error().message() : "the limit was not kept";
      if (fits) return move_bytes(context, pool, true);
      if (!registered.error().is(ENOMEM)) return registered.error().message();
      // Some kernels count the ring's own memory as well.
      const Error& error = registered.error();
      if (!(error.hint + std::string(error.operation)).contains("RLIMIT_MEMLOCK")) return "no hint";
      if (context.counters().registered_bytes != 0) return "something counts as registered";
      if (pinned_bytes() > before) return "something is pinned";
      return move_bytes(context, pool, false);
    });
  }
};

TEST_F(RegisteredFaults, what_the_limit_allows_is_registered) {
  EXPECT_EQ(run_limited(8 * mib, 2 * mib, true), "");
}

TEST_F(RegisteredFaults, what_it_does_not_is_refused) {
  for (const rlim_t bytes : {rlim_t{64 << 10}, rlim_t{0}}) {
    EXPECT_EQ(run_limited(bytes, 2 * mib, false), "") << "RLIMIT_MEMLOCK " << bytes;
  }
}

// The pool is mapped, and registered, in stretches of 2 MiB: the limit is met at a later one.
TEST_F(RegisteredFaults, the_part_that_was_pinned_is_let_go) {
  EXPECT_EQ(run_limited(5 * mib, 8 * mib, false), "");
  const std::string said = in_child([]() -> std::string {
    limit(RLIMIT_MEMLOCK, 5 * mib);
    if (!become_nobody()) return "still root";
    Context context = make_context();
    Pool large = make_pool(8 * mib);
    if (context.register_blocks(large)) return "the limit was not kept";
    Pool small = make_pool(4 * mib);
    const auto registered = context.register_blocks(small);
    return registered ? move_bytes(context, small, true) : registered.error().message();
  });
  EXPECT_EQ(said, "");
}

// Else whoever opens contexts one after the other is refused although nothing is in use.
TEST_F(RegisteredFaults, a_context_that_is_gone_counts_no_more) {
  const std::string said = in_child([]() -> std::string {
    limit(RLIMIT_MEMLOCK, 5 * mib);
    if (!become_nobody()) return "still root";
    Pool pool = make_pool(4 * mib);
    for (int round = 0; round < 20; ++round) {
      Context context = make_context();
      const auto registered = context.register_blocks(pool);
      if (!registered) return std::to_string(round) + ": " + registered.error().message();
    }
    return "";
  });
  EXPECT_EQ(said, "");
}

}  // namespace
}  // namespace leat::testing
