// Goal: with Disk::never_wait no step waits for a disk. Method: a disk that answers nothing until
// it is told to. A step that asked it would never return, and the watchdog would bark; the twin
// shows that one does without never_wait.

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <ranges>
#include <thread>
#include <vector>

#include "cold/scene.h"
#include "os/ring.h"
#include "support/filter.h"
#include "support/fuse_disk.h"
#include "support/seam.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t seed = 7;
constexpr std::uint64_t mebibyte = 1 << 20;

auto threads_of_this_process() {
  return std::ranges::distance(std::filesystem::directory_iterator("/proc/self/task"));
}

class OnFuse : public GuardedTest {
 protected:
  void SetUp() override {
    if (const auto why = FuseDisk::unavailable(); !why.empty()) GTEST_SKIP() << why;
  }

  Context context_ = patient_context();
};

class EachMechanism : public OnFuse, public ::testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(All, EachMechanism,
                         ::testing::Values("", "sendfile", "splice", "read_write"),
                         [](const auto& name) {
                           return std::string(name.param).empty() ? "chosen"
                                                                  : std::string(name.param);
                         });

TEST_P(EachMechanism, never_waits_in_a_step) {
  constexpr std::uint64_t size = 3 * mebibyte + 11;
  FuseDisk disk({.seed = seed, .size = size, .holds = true});
  const OwnedFd file = disk.open();
  CheckedSocket cold_sink(seed);
  Transfer cold = Transfer::start(context_, Source::file(file.ref()), Sink::socket(cold_sink.fd()),
                                  patient(GetParam()));
  const Step step = cold.step();
  ASSERT_EQ(step.state, State::blocked);
  EXPECT_EQ(step.taken, 0u);
  ASSERT_GE(step.wait.count, 1u);
  EXPECT_EQ(step.wait.slots[0].role, WaitFd::Role::context);

  // Meanwhile a warm file goes through the same loop.
  const OwnedFd warm_file = pattern_file(seed, mebibyte);
  CheckedSocket warm_sink(seed);
  Transfer warm = Transfer::start(context_, Source::file(warm_file.ref()),
                                  Sink::socket(warm_sink.fd()), patient());
  EXPECT_EQ(drive(context_, warm).last.state, State::done);
  EXPECT_EQ(warm_sink.examine(mebibyte), "");
  EXPECT_EQ(warm.receipt().prefetched, 0u);
  EXPECT_EQ(cold.step().state, State::blocked) << "nobody has answered yet";

  disk.wait_until_held(1);
  disk.release();
  const Drive driven = drive(context_, cold);
  EXPECT_EQ(driven.trouble, "");
  EXPECT_EQ(driven.last.state, State::done);
  const Receipt receipt = cold.receipt();
  EXPECT_EQ(receipt.delivered, size) << describe(receipt);
  EXPECT_EQ(inconsistency(receipt), "");
  EXPECT_GE(receipt.cold_waits, 1u);
  EXPECT_GE(receipt.prefetched, size);
  EXPECT_LE(receipt.prefetched, 2 * size) << "what came out of order may be asked for twice";
  EXPECT_EQ(cold_sink.examine(size), "");
}

// The twin: what the test above would see if a step asked the disk itself.
TEST_F(OnFuse, a_step_that_may_wait_does) {
  FuseDisk disk({.seed = seed, .size = mebibyte, .holds = true});
  const OwnedFd file = disk.open();
  CheckedSocket sink(seed);
  std::atomic<bool> returned = false;
  std::thread thread([&] {
    Context context = make_context();
    Transfer transfer =
        Transfer::start(context, Source::file(file.ref()), Sink::socket(sink.fd()), {});
    static_cast<void>(transfer.step());
    returned = true;
    drive(context, transfer);
  });
  disk.wait_until_held(1);
  EXPECT_FALSE(returned) << "the step is in the kernel, which waits for the disk";
  disk.release();
  thread.join();
  EXPECT_EQ(sink.examine(mebibyte), "");
}

TEST_F(OnFuse, asks_no_farther_than_the_window) {
  constexpr std::uint64_t size = 64 * mebibyte;
  FuseDisk disk({.seed = seed, .size = size});
  const OwnedFd file = disk.open();
  Pair pair = make_unix_pair();  // whose other end does not read
  Options options = patient();
  options.tuning.read_ahead_bytes = mebibyte;
  Transfer transfer =
      Transfer::start(context_, Source::file(file.ref()), Sink::socket(pair.to.ref()), options);
  const auto waits_for_sink = [](const Step& step) {
    return step.state == State::blocked && step.wait.slots[0].role == WaitFd::Role::sink;
  };
  const Drive driven = drive(context_, transfer, 128 << 10, waits_for_sink);
  EXPECT_LE(disk.bytes_read(), driven.last.taken + mebibyte);
  EXPECT_GT(transfer.receipt().prefetched, 0u);
}

TEST_F(OnFuse, goes_on_when_pages_are_evicted_on_the_way) {
  constexpr std::uint64_t size = 8 * mebibyte + 4097;
  for (const char* mechanism : {"sendfile", "splice", "read_write"}) {
    FuseDisk disk({.seed = seed, .size = size});
    const OwnedFd file = disk.open();
    CheckedSocket sink(seed);
    Transfer transfer = Transfer::start(context_, Source::file(file.ref()), Sink::socket(sink.fd()),
                                        patient(mechanism));
    std::uint64_t evicted_at = 0;
    drive(context_, transfer, 64 << 10, [&](const Step& step) {
      if (step.taken - evicted_at > 700'000) {
        evict(file);
        evicted_at = step.taken;
      }
      return false;
    });
    const Receipt receipt = transfer.receipt();
    EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
    EXPECT_GE(receipt.prefetched, size);
    EXPECT_EQ(sink.examine(size), "") << mechanism;
  }
}

TEST_F(OnFuse, a_page_that_cannot_be_read_fails_the_transfer) {
  constexpr std::uint64_t size = 2 * mebibyte;
  constexpr std::uint64_t bad = mebibyte + 300'000;
  FuseDisk disk({.seed = seed, .size = size, .fails_at = bad});
  const OwnedFd file = disk.open();
  CheckedSocket sink(seed);
  Transfer transfer =
      Transfer::start(context_, Source::file(file.ref()), Sink::socket(sink.fd()), patient());
  const Drive driven = drive(context_, transfer);
  EXPECT_EQ(driven.last.state, State::failed);
  const Receipt receipt = transfer.receipt();
  ASSERT_TRUE(receipt.error);
  EXPECT_TRUE(receipt.error->is(EIO)) << describe(receipt);
  EXPECT_EQ(receipt.error->subject, "source");
  EXPECT_EQ(receipt.delivered, bad / 4096 * 4096) << "all that can be read arrives";
  EXPECT_EQ(sink.examine(receipt.delivered), "");
}

TEST_F(OnFuse, is_cancelled_while_the_disk_is_silent) {
  FuseDisk disk({.seed = seed, .size = mebibyte, .holds = true});
  const OwnedFd file = disk.open();
  CheckedSocket sink(seed);
  Transfer transfer =
      Transfer::start(context_, Source::file(file.ref()), Sink::socket(sink.fd()), patient());
  ASSERT_EQ(transfer.step().state, State::blocked);
  disk.wait_until_held(1);
  transfer.cancel();
  EXPECT_EQ(drive(context_, transfer).last.state, State::stopped);
  EXPECT_EQ(transfer.receipt().ending, Ending::cancelled);
  disk.release();
  transfer.resume({});
  EXPECT_EQ(drive(context_, transfer).last.state, State::done);
  EXPECT_EQ(sink.examine(mebibyte), "");
}

// What is in flight outlives the transfer, its descriptors and, here, the context.
TEST_F(OnFuse, is_destroyed_while_the_disk_is_silent) {
  for (const char* mechanism : {"sendfile", "read_write"}) {
    FuseDisk disk({.seed = seed, .size = mebibyte, .holds = true});
    {
      Context context = patient_context();
      CheckedSocket sink(seed);
      {
        Transfer transfer = Transfer::start(context, Source::file(disk.open()),
                                            Sink::socket(sink.fd()), patient(mechanism));
        ASSERT_EQ(transfer.step().state, State::blocked);
        disk.wait_until_held(1);
      }
      EXPECT_EQ(sink.examine(0), "");
      disk.release();
    }
  }
}

TEST_F(OnFuse, a_reset_sink_is_noticed_while_the_disk_is_silent) {
  FuseDisk disk({.seed = seed, .size = mebibyte, .holds = true});
  const OwnedFd file = disk.open();
  Pair pair = make_unix_pair();
  Transfer transfer =
      Transfer::start(context_, Source::file(file.ref()), Sink::socket(pair.to.ref()), patient());
  ASSERT_EQ(transfer.step().state, State::blocked);
  pair.from.reset();
  EXPECT_EQ(drive(context_, transfer).last.state, State::failed);
  EXPECT_TRUE(transfer.receipt().error->is(EPIPE));
}

TEST_F(OnFuse, parts_wait_for_their_files_only) {
  FuseDisk disk({.seed = seed, .size = mebibyte, .holds = true});
  const OwnedFd file = disk.open();
  const auto header = pattern(seed, 0, 0);
  const auto trailer = pattern(seed, mebibyte, 1000);
  CheckedSocket sink(seed);
  Transfer transfer = Transfer::start(
      context_,
      parts(std::span(header), Source::file(file.ref(), {0, mebibyte}), std::span(trailer)),
      Sink::socket(sink.fd()), patient());
  EXPECT_EQ(transfer.step().state, State::blocked);
  disk.release();
  EXPECT_EQ(drive(context_, transfer).last.state, State::done);
  EXPECT_EQ(transfer.receipt().delivered, mebibyte + 1000);
  EXPECT_EQ(sink.examine(mebibyte + 1000), "");
}

class WithoutRing : public OnFuse, public ::testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Both, WithoutRing, ::testing::Values("sendfile", "read_write"));

TEST_P(WithoutRing, fails_and_says_who_could_wait) {
  if (const auto why = filters_unavailable(); !why.empty()) GTEST_SKIP() << why;
  const auto no_ring = os::ring_verdict(os::RingNeed::files);
  const auto who = no_ring == "leat was built without liburing" ? no_ring : "seccomp";
  FuseDisk disk({.seed = seed, .size = mebibyte, .holds = true});
  const OwnedFd file = disk.open();
  CheckedSocket sink(seed);
  on_own_thread([&] {
    refuse_calls({"io_uring_setup"}, EPERM);
    Context context = make_context();
    Transfer transfer = Transfer::start(context, Source::file(file.ref()), Sink::socket(sink.fd()),
                                        patient(GetParam()));
    EXPECT_EQ(transfer.step().state, State::failed);
    const Receipt receipt = transfer.receipt();
    ASSERT_TRUE(receipt.error);
    EXPECT_TRUE(receipt.error->is(Errc::would_wait));
    const std::string text = receipt.error->message();
    EXPECT_NE(text.find(who), std::string::npos) << text;
    EXPECT_NE(text.find("ContextOptions::disk_threads"), std::string::npos) << text;
  });
  EXPECT_EQ(sink.examine(0), "");
}

TEST_P(WithoutRing, a_context_that_allows_none_fails_it_too) {
  FuseDisk disk({.seed = seed, .size = mebibyte, .holds = true});
  const OwnedFd file = disk.open();
  CheckedSocket sink(seed);
  Context context = make_context({.ring = RingUse::none});
  Transfer transfer = Transfer::start(context, Source::file(file.ref()), Sink::socket(sink.fd()),
                                      patient(GetParam()));
  EXPECT_EQ(transfer.step().state, State::failed);
  EXPECT_TRUE(transfer.receipt().error->is(Errc::would_wait));
  EXPECT_EQ(sink.examine(0), "");
}

TEST_P(WithoutRing, helper_threads_wait_instead) {
  constexpr std::uint64_t size = 3 * mebibyte + 5;
  FuseDisk disk({.seed = seed, .size = size, .holds = true});
  const OwnedFd file = disk.open();
  CheckedSocket sink(seed);
  Context context = make_context({.ring = RingUse::none, .disk_threads = 2});
  Transfer transfer = Transfer::start(context, Source::file(file.ref()), Sink::socket(sink.fd()),
                                      patient(GetParam()));
  EXPECT_EQ(transfer.step().state, State::blocked);
  disk.wait_until_held(1);
  EXPECT_EQ(transfer.step().state, State::blocked);
  disk.release();
  EXPECT_EQ(drive(context, transfer).last.state, State::done);
  EXPECT_EQ(transfer.receipt().delivered, size);
  EXPECT_EQ(sink.examine(size), "");
}

// The thread has the disk's answer to wait for; nobody else has to.
TEST_P(WithoutRing, a_thread_that_the_disk_holds_holds_nobody) {
  FuseDisk disk({.seed = seed, .size = mebibyte, .holds = true});
  const OwnedFd file = disk.open();
  CheckedSocket sink(seed);
  const auto threads_before = threads_of_this_process();
  {
    Context context = make_context({.ring = RingUse::none, .disk_threads = 1});
    Transfer transfer = Transfer::start(context, Source::file(file.ref()), Sink::socket(sink.fd()),
                                        patient(GetParam()));
    EXPECT_EQ(transfer.step().state, State::blocked);
    disk.wait_until_held(1);
  }
  disk.release();
  while (threads_of_this_process() > threads_before) std::this_thread::yield();
  EXPECT_EQ(sink.examine(0), "");
}

}  // namespace
}  // namespace leat::testing
