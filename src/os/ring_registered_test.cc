// Goal: memory that is registered with a ring is used, pinned as long as the ring and no longer,
// and a refusal leaves nothing behind. Method: files; pages that cannot be pinned; errors at the
// seam; what /proc/self/status says is pinned.

#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "os/memory.h"
#include "os/ring.h"
#include "os/wait.h"
#include "support/files.h"
#include "support/filter.h"
#include "support/guards.h"
#include "support/locked.h"
#include "support/pattern.h"
#include "support/results.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

using os::RegisteredMemory;
using os::Ring;
using os::RingOperation;
using Stage = RingOperation::Stage;

constexpr std::size_t length = 256 << 10;

OwnedFd wakeups_for_a_ring() {
  auto made = os::make_eventfd();
  if (!made) std::abort();
  return std::move(*made);
}

/// Pages that say when they are let go.
struct Pages {
  explicit Pages(std::size_t bytes = length) {
    const auto mapped = os::map_pages(bytes);
    if (!mapped) std::abort();
    stretch = *mapped;
    owner = std::shared_ptr<const void>(stretch.data(),
                                        [all = stretch](const void*) { os::unmap_pages(all); });
    watched = owner;
  }
  std::span<std::byte> stretch;
  std::shared_ptr<const void> owner;
  std::weak_ptr<const void> watched;
};

struct Rig {
  explicit Rig(RingUse use) : ring(wakeups, use) {}

  Result<void> add(Pages& pages) {
    return ring.register_memory({&pages.stretch, 1}, std::move(pages.owner));
  }
  int run(RingOperation& operation) {
    EXPECT_TRUE(ring.submit());
    while (operation.stage != Stage::finished) {
      pollfd entry{.fd = wakeups.number(), .events = POLLIN, .revents = 0};
      EXPECT_TRUE(os::wait(std::span(&entry, 1), std::nullopt));
      os::drain_eventfd(wakeups);
      ring.reap();
    }
    const int result = operation.result;
    ring.end(operation);
    return result;
  }
  RingOperation& begin() {
    const auto begun = ring.begin();
    if (!begun) std::abort();
    return **begun;
  }
  int read(FdRef file, std::span<std::byte> into, std::uint64_t offset) {
    RingOperation& operation = begin();
    ring.read(operation, file, into, offset);
    return run(operation);
  }
  int write(FdRef file, std::span<const std::byte> from, std::uint64_t offset) {
    RingOperation& operation = begin();
    ring.write(operation, file, from, offset);
    return run(operation);
  }

  OwnedFd wakeups = wakeups_for_a_ring();
  Ring ring;
};

class RingRegistered : public GuardedTest, public ::testing::WithParamInterface<RingUse> {
 protected:
  void SetUp() override {
    const auto missing = os::ring_verdict(os::RingNeed::files);
    if (!missing.empty()) GTEST_SKIP() << "no io_uring here: " << missing;
    Rig rig(GetParam());
    Pages pages;
    const auto added = rig.add(pages);
    if (!added) GTEST_SKIP() << "no registered memory here: " << added.error().message();
  }
};

INSTANTIATE_TEST_SUITE_P(Both, RingRegistered,
                         ::testing::Values(RingUse::thread_bound, RingUse::movable),
                         [](const auto& use) {
                           return use.param == RingUse::movable ? "movable" : "thread_bound";
                         });

TEST_P(RingRegistered, reads_and_writes_at_any_offset_in_it) {
  constexpr std::uint64_t seed = 5;
  Rig rig(GetParam());
  Pages pages;
  const auto memory = pages.stretch;
  ASSERT_TRUE(rig.add(pages));
  EXPECT_EQ(rig.ring.registered_bytes(), length);
  const OwnedFd from = pattern_file(seed, length);
  const OwnedFd to = file_with({});
  std::uint64_t operations = 0;
  for (const std::size_t shift : {0u, 1u, 4095u, 4097u, 65'537u}) {
    for (const std::size_t count : {std::size_t{1}, std::size_t{4097}, length - shift}) {
      SCOPED_TRACE(std::to_string(count) + " at " + std::to_string(shift));
      const auto piece = memory.subspan(shift, count);
      EXPECT_EQ(rig.read(from, piece, shift), static_cast<int>(count));
      EXPECT_EQ(rig.write(to, piece, shift), static_cast<int>(count));
      EXPECT_TRUE(std::ranges::equal(piece, pattern(seed, shift, count)));
      operations += 2;
    }
  }
  EXPECT_EQ(content_of(to), pattern(seed, 0, length));
  EXPECT_EQ(rig.ring.registered_operations(), operations);
}

TEST_P(RingRegistered, other_memory_works_beside_it) {
  Rig rig(GetParam());
  Pages two(2 * length);  // of which the first half is registered
  const auto all = two.stretch;
  two.stretch = all.first(length);
  ASSERT_TRUE(rig.add(two));
  const OwnedFd file = pattern_file(9, 8192);
  std::array<std::byte, 4097> elsewhere{};
  EXPECT_EQ(rig.read(file, elsewhere, 3), 4097);
  EXPECT_TRUE(std::ranges::equal(elsewhere, pattern(9, 3, 4097)));
  const auto straddling = all.subspan(length - 4096, 8192);
  EXPECT_EQ(rig.read(file, straddling, 0), 8192);
  EXPECT_TRUE(std::ranges::equal(straddling, pattern(9, 0, 8192)));
  EXPECT_EQ(rig.ring.registered_operations(), 0u);
  EXPECT_EQ(rig.read(file, all.first(4096), 0), 4096);
  EXPECT_EQ(rig.ring.registered_operations(), 1u);
}

TEST_P(RingRegistered, several_one_after_the_other) {
  Rig rig(GetParam());
  const OwnedFd file = pattern_file(3, 20'000);
  std::vector<std::span<std::byte>> stretches;
  for (int i = 0; i < 5; ++i) {
    Pages pages;
    stretches.push_back(pages.stretch);
    ASSERT_TRUE(rig.add(pages));
    for (const auto stretch : stretches) {
      EXPECT_EQ(rig.read(file, stretch.subspan(17, 10'000), 1234), 10'000);
      EXPECT_TRUE(std::ranges::equal(stretch.subspan(17, 10'000), pattern(3, 1234, 10'000)));
    }
  }
  EXPECT_EQ(rig.ring.registered_bytes(), 5 * length);
  EXPECT_EQ(rig.ring.registered_operations(), 15u);
}

TEST_P(RingRegistered, is_pinned_and_kept_as_long_as_the_ring) {
  Pages pages;
  {
    Rig rig(GetParam());
    ASSERT_TRUE(rig.ring.open());
    const std::uint64_t before = pinned_bytes();
    ASSERT_TRUE(rig.add(pages));
    EXPECT_EQ(pinned_bytes() - before, length);
    EXPECT_FALSE(pages.watched.expired()) << "the table would know memory of somebody else";
    const OwnedFd file = pattern_file(1, 100);
    EXPECT_EQ(rig.read(file, pages.stretch.first(100), 0), 100);
  }
  EXPECT_TRUE(pages.watched.expired());
}

// The kernel takes rings down when it likes; the limit is free at once all the same.
TEST_P(RingRegistered, is_not_pinned_when_the_ring_is_gone) {
  std::uint64_t before = 0;
  {
    Rig rig(GetParam());
    Pages pages;
    ASSERT_TRUE(rig.ring.open());
    before = pinned_bytes();
    ASSERT_TRUE(rig.add(pages));
    EXPECT_GT(pinned_bytes(), before);
  }
  EXPECT_LE(pinned_bytes(), before);
}

// Pitfall 13: the pages stay those of the parent, whoever writes first.
TEST_P(RingRegistered, a_child_of_fork_has_pages_of_its_own) {
  Rig rig(GetParam());
  Pages pages;
  const auto memory = pages.stretch;
  ASSERT_TRUE(rig.add(pages));
  std::ranges::fill(memory, std::byte{1});
  const Pair gate = make_pipe_pair(Blocking::yes);
  const pid_t child = ::fork();
  if (child == 0) {
    char byte = 0;
    const bool told = ::read(gate.from.number(), &byte, 1) == 1;
    const bool old = std::ranges::all_of(memory, [](std::byte one) { return one == std::byte{1}; });
    ::_exit(told && old ? 0 : 1);
  }
  std::ranges::fill(memory, std::byte{2});
  const OwnedFd file = file_with({});
  EXPECT_EQ(rig.write(file, memory, 0), static_cast<int>(length));
  EXPECT_EQ(content_of(file), std::vector(length, std::byte{2})) << "what the parent wrote";
  EXPECT_EQ(rig.ring.registered_operations(), 1u);
  EXPECT_EQ(::write(gate.to.number(), "x", 1), 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0) << "the child saw other bytes";
}

struct Refusal {
  std::string_view call;
  int error_number;
  int answer;
};

TEST_P(RingRegistered, a_refusal_leaves_nothing_behind) {
  constexpr std::string_view table = "io_uring_register_buffers_sparse";
  constexpr std::string_view update = "io_uring_register_buffers_update_tag";
  for (const Refusal& refusal : {Refusal{table, EPERM, EPERM}, Refusal{table, ENOSYS, ENOSYS},
                                 Refusal{table, ENOMEM, ENOMEM}, Refusal{table, EINVAL, EOPNOTSUPP},
                                 Refusal{update, EPERM, EPERM}, Refusal{update, ENOMEM, ENOMEM},
                                 Refusal{update, EFAULT, EFAULT}}) {
    SCOPED_TRACE(std::string(refusal.call) + " " + std::to_string(refusal.error_number));
    Rig rig(GetParam());
    {
      Pages pages;
      const ScopedFaults faults({{.call = refusal.call, .error_number = refusal.error_number}});
      const auto added = rig.add(pages);
      ASSERT_FALSE(added);
      EXPECT_EQ(faults.fired(), 1u);
      EXPECT_TRUE(added.error().is(refusal.answer)) << added.error().message();
      EXPECT_EQ(added.error().operation.substr(0, 17), "io_uring_register");
      EXPECT_EQ(added.error().hint.contains("RLIMIT_MEMLOCK"), refusal.answer == ENOMEM);
      EXPECT_TRUE(pages.watched.expired()) << "kept for nothing";
    }
    EXPECT_EQ(rig.ring.registered_bytes(), 0u);
    const OwnedFd file = pattern_file(1, 100);
    std::array<std::byte, 100> into{};
    EXPECT_EQ(rig.read(file, into, 0), 100) << "the ring is as it was";
    Pages pages;
    EXPECT_TRUE(rig.add(pages)) << "another time";
    EXPECT_EQ(rig.read(file, pages.stretch.first(100), 0), 100);
    EXPECT_EQ(rig.ring.registered_operations(), 1u);
  }
}

// Half-way: the kernel has pinned the first by then.
TEST_P(RingRegistered, all_or_none) {
  Rig rig(GetParam());
  ASSERT_TRUE(rig.ring.open());
  const std::uint64_t before = pinned_bytes();
  Pages good;
  const Pages bad;
  ASSERT_EQ(::mprotect(bad.stretch.data(), bad.stretch.size(), PROT_NONE), 0);
  const std::array both{good.stretch, bad.stretch};
  const auto added = rig.ring.register_memory(both, nullptr);
  ASSERT_FALSE(added);
  EXPECT_TRUE(added.error().is(EFAULT)) << added.error().message();
  EXPECT_EQ(rig.ring.registered_bytes(), 0u);
  EXPECT_EQ(pinned_bytes(), before) << "the first one is still pinned";
  const OwnedFd file = pattern_file(1, 100);
  EXPECT_EQ(rig.read(file, good.stretch.first(100), 0), 100);
  EXPECT_EQ(rig.ring.registered_operations(), 0u);
  EXPECT_TRUE(rig.add(good));
  EXPECT_EQ(rig.read(file, good.stretch.first(100), 0), 100);
  EXPECT_EQ(rig.ring.registered_operations(), 1u);
}

TEST_P(RingRegistered, more_than_the_table_holds) {
  Rig rig(GetParam());
  Pages pages;
  const std::vector many(RegisteredMemory::most + 1, pages.stretch.first(1));
  const auto added = rig.ring.register_memory(many, nullptr);
  ASSERT_FALSE(added);
  EXPECT_TRUE(added.error().is(ENOBUFS)) << added.error().message();
  ASSERT_TRUE(rig.add(pages));
  EXPECT_FALSE(rig.ring.register_memory(std::span(many).subspan(1), nullptr))
      << "one place is taken";
}

TEST_P(RingRegistered, on_another_thread) {
  Rig rig(GetParam());
  ASSERT_TRUE(rig.ring.open());
  std::thread([&] {
    Pages pages;
    const auto added = rig.add(pages);
    EXPECT_EQ(added.has_value(), GetParam() == RingUse::movable);
    if (added) return;
    EXPECT_TRUE(added.error().is(EEXIST)) << added.error().message();
    EXPECT_TRUE(added.error().operation.contains("thread_bound")) << added.error().operation;
  }).join();
}

class RingRegisteredDenied : public GuardedTest {};

TEST_F(RingRegisteredDenied, by_the_context) {
  Rig rig(RingUse::none);
  Pages pages;
  const auto added = rig.add(pages);
  ASSERT_FALSE(added);
  EXPECT_TRUE(pages.watched.expired());
}

TEST_F(RingRegisteredDenied, by_a_filter_that_lets_the_ring_open) {
  if (const auto why = filters_unavailable(); !why.empty()) GTEST_SKIP() << why;
  if (const auto missing = os::ring_verdict(os::RingNeed::files); !missing.empty())
    GTEST_SKIP() << "no io_uring here: " << missing;
  for (const int error_number : {EPERM, ENOSYS}) {
    on_own_thread([&] {
      Rig rig(RingUse::thread_bound);
      ASSERT_TRUE(rig.ring.open());
      refuse_calls({"io_uring_register"}, error_number);
      Pages pages;
      const auto added = rig.add(pages);
      ASSERT_FALSE(added);
      EXPECT_TRUE(added.error().is(error_number)) << added.error().message();
      EXPECT_EQ(added.error().operation, "io_uring_register (denied by a seccomp filter)");
      const OwnedFd file = pattern_file(1, 100);
      std::array<std::byte, 100> into{};
      EXPECT_EQ(rig.read(file, into, 0), 100);
    });
  }
}

}  // namespace
}  // namespace leat::testing
