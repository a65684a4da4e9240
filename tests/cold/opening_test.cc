// Goal: opening a file never makes the calling thread wait: what is in memory is open at once, and
// for the rest others wait. Method: a disk that answers no open(2) until it is told to, and a lease
// that somebody holds; a take() that waited for either would never return.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <thread>
#include <vector>

#include <leat/opening.h>

#include "cold/scene.h"
#include "os/descriptor.h"
#include "os/lease.h"
#include "os/ring.h"
#include "os/ring_records.h"
#include "support/filter.h"
#include "support/fuse_disk.h"
#include "support/mounts.h"
#include "support/seam.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t seed = 11;

// A ring's workers stay among the mounts where the first of them began.
struct OwnMountsFirst : ::testing::Environment {
  void SetUp() override {
    if (FuseDisk::unavailable().empty()) leave_the_common_mounts();
  }
};
[[maybe_unused]] const auto* const own_mounts =
    ::testing::AddGlobalTestEnvironment(new OwnMountsFirst);

/// Waits, as a loop would, until it gives a file or an error.
Result<OwnedFd> wait_for(Context& context, Opening& opening) {
  for (;;) {
    auto file = opening.take();
    if (!file) return std::unexpected(file.error());
    if (*file) return std::move(**file);
    const Wait wait = opening.wait();
    pollfd slot{wait.slots[0].fd.number(), wait.slots[0].events, 0};
    EXPECT_EQ(::poll(&slot, 1, -1), 1);
    context.poll();
  }
}

void expect_waiting(Opening& opening) {
  const auto file = opening.take();
  ASSERT_TRUE(file) << file.error().message();
  ASSERT_FALSE(*file) << "it is open already";
}

bool is_file_of(FdRef file, std::uint64_t size) {
  struct stat status{};
  return ::fstat(file.number(), &status) == 0 && static_cast<std::uint64_t>(status.st_size) == size;
}

class OpeningTest : public GuardedTest {
 protected:
  Context context_ = patient_context();
  Folder folder_{"/dev/shm"};

  std::string file_here(std::string_view text) {
    const std::string path = folder_.file("file");
    const OwnedFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    EXPECT_EQ(::write(file.number(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    return path;
  }
};

TEST_F(OpeningTest, what_is_in_memory_is_open_at_once) {
  const std::string path = file_here("abc");
  const OwnedFd same(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!os::file_system_without_waiting(same)) GTEST_SKIP() << "no statmount(2) before Linux 6.8";
  const ScopedFaults calls;
  Opening opening = Opening::start(context_, path);
  const auto file = opening.take();
  ASSERT_TRUE(file) << file.error().message();
  ASSERT_TRUE(*file);
  EXPECT_TRUE(is_file_of(**file, 3));
  EXPECT_NE(::fcntl((*file)->number(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(calls.seen("io_uring_queue_init_params"), 0u);
  EXPECT_EQ(calls.seen("open"), 0u);
}

TEST_F(OpeningTest, where_openat2_is_denied_others_open_it) {
  if (const auto why = filters_unavailable(); !why.empty()) GTEST_SKIP() << why;
  const std::string path = file_here("abc");
  for (const int error : {ENOSYS, EPERM}) {
    on_own_thread([&] {
      refuse_calls({"openat2"}, error);
      Context context = patient_context();
      Opening opening = Opening::start(context, path);
      expect_waiting(opening);
      const auto file = wait_for(context, opening);
      ASSERT_TRUE(file) << file.error().message();
      EXPECT_TRUE(is_file_of(*file, 3));
    });
  }
}

TEST_F(OpeningTest, says_what_open_says) {
  for (const auto& [path, number] :
       {std::pair{folder_.file("none"), ENOENT}, std::pair{file_here("") + "/below", ENOTDIR}}) {
    Opening opening = Opening::start(context_, path);
    const auto file = wait_for(context_, opening);
    ASSERT_FALSE(file);
    EXPECT_TRUE(file.error().is(number)) << file.error().message();
  }
}

TEST_F(OpeningTest, an_end_of_a_fifo_waits_for_no_other_end) {
  const std::string path = folder_.file("fifo");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  Opening opening = Opening::start(context_, path);
  const auto file = wait_for(context_, opening);
  EXPECT_TRUE(file) << file.error().message();
}

TEST_F(OpeningTest, waits_for_a_lease_that_somebody_holds) {
  const std::string path = file_here("abc");
  OwnedFd holder(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::fcntl(holder.number(), F_SETSIG, SIGURG), 0);  // which is ignored by default
  if (::fcntl(holder.number(), F_SETLEASE, F_WRLCK) != 0) GTEST_SKIP() << "no leases here";
  Opening opening = Opening::start(context_, path);
  expect_waiting(opening);
  std::thread holding([&] {
    // He who wants it is told of once the lease is to become one for reading.
    while (::fcntl(holder.number(), F_GETLEASE) == F_WRLCK) std::this_thread::yield();
    holder.reset();
  });
  const auto file = wait_for(context_, opening);
  holding.join();
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_TRUE(is_file_of(*file, 3));
}

struct Waiters {
  const char* name;
  ContextOptions options;

  friend void PrintTo(const Waiters& waiters, std::ostream* out) { *out << waiters.name; }
};

class EachWaiter : public GuardedTest, public ::testing::WithParamInterface<Waiters> {
 protected:
  void SetUp() override {
    if (const auto why = FuseDisk::unavailable(); !why.empty()) GTEST_SKIP() << why;
    const auto no_ring = os::ring_verdict(os::RingNeed::files);
    if (GetParam().options.ring != RingUse::none && !no_ring.empty())
      GTEST_SKIP() << "no io_uring here: " << no_ring;
    disk_.emplace(FuseOptions{.seed = seed, .size = 12345, .holds = true, .holds_opens = true});
    context_.emplace(make_context(GetParam().options));
  }

  std::optional<FuseDisk> disk_;
  std::optional<Context> context_;
};
INSTANTIATE_TEST_SUITE_P(
    All, EachWaiter,
    ::testing::Values(Waiters{"ring", {}}, Waiters{"movable_ring", {.ring = RingUse::movable}},
                      Waiters{"threads", {.ring = RingUse::none, .disk_threads = 2}}),
    [](const auto& each) { return each.param.name; });

TEST_P(EachWaiter, waits_for_a_slow_server) {
  Opening opening = Opening::start(*context_, disk_->path());
  expect_waiting(opening);
  disk_->wait_until_held(1);
  context_->poll();
  EXPECT_FALSE(opening.runnable());
  expect_waiting(opening);
  disk_->release();
  const auto file = wait_for(*context_, opening);
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_TRUE(is_file_of(*file, 12345));
  EXPECT_EQ(context_->counters().operations, 0u);
}

TEST_P(EachWaiter, tells_when_it_is_open) {
  Opening opening = Opening::start(*context_, disk_->path());
  expect_waiting(opening);
  unsigned told = 0;
  opening.on_runnable([&] { ++told; });
  disk_->wait_until_held(1);
  context_->poll();
  EXPECT_EQ(told, 0u);
  disk_->release();
  while (told == 0) {
    pollfd slot{context_->fd().number(), POLLIN, 0};
    ASSERT_EQ(::poll(&slot, 1, -1), 1);
    context_->poll();
  }
  context_->poll();
  EXPECT_EQ(told, 1u);
  const auto file = opening.take();
  ASSERT_TRUE(file && *file);
}

// The census of descriptors sees what is left behind.
TEST_P(EachWaiter, closes_what_is_opened_for_nobody) {
  {
    Opening opening = Opening::start(*context_, disk_->path());
    expect_waiting(opening);
    disk_->wait_until_held(1);
  }
  disk_->release();
  while (context_->counters().operations > 0) {
    context_->poll();
    std::this_thread::yield();
  }
}

TEST_P(EachWaiter, closes_what_nobody_took) {
  {
    Opening opening = Opening::start(*context_, disk_->path());
    expect_waiting(opening);
    disk_->wait_until_held(1);
    disk_->release();
    while (!opening.runnable()) context_->poll();
  }
  EXPECT_EQ(context_->counters().operations, 0u);
}

TEST_P(EachWaiter, more_than_may_be_under_way_come_later) {
  std::vector<Opening> openings;
  for (std::size_t count = 0; count < os::RingRecords::most + 3; ++count) {
    openings.push_back(Opening::start(*context_, disk_->path()));
    expect_waiting(openings.back());
  }
  disk_->wait_until_held(1);
  disk_->release();
  for (Opening& opening : openings) {
    const auto file = wait_for(*context_, opening);
    ASSERT_TRUE(file) << file.error().message();
  }
}

TEST(OpeningWithoutWaiters, says_who_denies_it) {
  if (const auto why = FuseDisk::unavailable(); !why.empty()) GTEST_SKIP() << why;
  const FuseDisk disk({.seed = seed, .size = 1});
  Context context = make_context({.ring = RingUse::none});
  Opening opening = Opening::start(context, disk.path());
  const auto file = opening.take();
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Errc::would_wait);
  const auto no_ring = os::ring_verdict(os::RingNeed::files);
  const auto who =
      no_ring == "leat was built without liburing" ? no_ring : "ContextOptions::ring is none";
  EXPECT_NE(file.error().message().find(who), std::string::npos) << file.error().message();
}

}  // namespace
}  // namespace leat::testing
