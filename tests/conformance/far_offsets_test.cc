// Goal: nothing is 32 bits wide. Method: windows round 2 GiB and 4 GiB of sparse files on either
// side, and, with LEAT_TEST_LONG=1, one whole pass over 5 GiB.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <thread>

#include <gtest/gtest.h>

#include "support/bounds.h"
#include "support/guards.h"
#include "support/run_case.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t gib = 1ull << 30;

std::vector<FittingPair> fitting_pairs_with_a_file() {
  std::vector<FittingPair> pairs;
  for (const FittingPair& pair : fitting_pairs())
    if (is_file(pair.from) || is_file(pair.to)) pairs.push_back(pair);
  return pairs;
}

class FarOffsets : public GuardedTest, public ::testing::WithParamInterface<FittingPair> {};

TEST_P(FarOffsets, windows_at_2_and_4_gib) {
  LEAT_SKIP_IF_OVER_BOUND((64u << 10) + 1);
  for (const std::uint64_t offset : {2 * gib, 4 * gib, 2 * gib - 4097, 4 * gib - 4097})
    for (const Driver driver : {Driver::steps, Driver::call}) {
      Case one = ragged_case(GetParam().from, GetParam().to, (64u << 10) + 1);
      one.from_options.offset = offset;
      one.to_options.offset = offset + 8;
      one.driver = driver;
      one.options.mechanism = GetParam().mechanism;
      SCOPED_TRACE("offset " + std::to_string(offset));
      const Outcome outcome = run_case(one);
      EXPECT_EQ(outcome.trouble, "") << describe(outcome.receipt);
      EXPECT_EQ(outcome.receipt.delivered, one.from_options.size);
      EXPECT_EQ(outcome.receipt.ending, Ending::complete);
      EXPECT_TRUE(moved_by_alone(outcome.receipt, GetParam().mechanism))
          << describe(outcome.receipt);
    }
}

INSTANTIATE_TEST_SUITE_P(every_pair_with_a_file, FarOffsets,
                         ::testing::ValuesIn(fitting_pairs_with_a_file()),
                         [](const auto& each) { return name_of(each.param); });

OwnedFd nameless_file() { return OwnedFd(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)); }

void put(FdRef file, std::uint64_t offset, std::uint64_t length) {
  const auto bytes = pattern(7, offset, length);
  ASSERT_EQ(::pwrite(file.number(), bytes.data(), bytes.size(), static_cast<off_t>(offset)),
            static_cast<ssize_t>(bytes.size()));
}

/// Where the bytes that `next` hands out first differ from the file, or its size if nowhere.
template <class Next>
std::uint64_t same_as(FdRef file, Next next) {
  std::vector<std::byte> got(1u << 20);
  std::vector<std::byte> want(1u << 20);
  std::uint64_t at = 0;
  for (;;) {
    const ssize_t count = next(got, at);
    if (count <= 0) return at;
    const auto size = static_cast<std::size_t>(count);
    if (::pread(file.number(), want.data(), size, static_cast<off_t>(at)) != count) return at;
    if (std::memcmp(got.data(), want.data(), size) != 0) return at;
    at += size;
  }
}

class WholePass : public GuardedTest, public ::testing::WithParamInterface<FittingPair> {
 protected:
  static constexpr std::uint64_t size = 5 * gib + 4097;

  void SetUp() override {
    LEAT_SKIP_IF_OVER_BOUND(size);
    const char* asked = std::getenv("LEAT_TEST_LONG");
    if (asked == nullptr || std::string_view(asked) != "1")
      GTEST_SKIP() << "moves 5 GiB: LEAT_TEST_LONG=1 runs it";
    ASSERT_EQ(::ftruncate(file_.number(), static_cast<off_t>(size)), 0);
    for (const std::uint64_t offset :
         {std::uint64_t{0}, 2 * gib - 4097, 4 * gib - 4097, size - 9000})
      put(file_, offset, 9000);
  }
  Receipt run(Sink sink) {
    return transfer(Source::file(file_.ref()), std::move(sink),
                    {.mechanism = GetParam().mechanism});
  }
  void expect_whole(const Receipt& receipt, std::uint64_t same) {
    EXPECT_EQ(same, size);
    EXPECT_EQ(receipt.delivered, size) << describe(receipt);
    EXPECT_TRUE(receipt.ok()) << describe(receipt);
    EXPECT_EQ(inconsistency(receipt), "");
    EXPECT_TRUE(moved_by_alone(receipt, GetParam().mechanism)) << describe(receipt);
  }

  OwnedFd file_ = nameless_file();

 private:
  Watchdog patience_{std::chrono::seconds(900)};
};

TEST_P(WholePass, of_5_gib) {
  if (is_file(GetParam().to)) {
    const OwnedFd to = nameless_file();
    const Receipt receipt = run(Sink::file(to.ref()));
    expect_whole(receipt, same_as(file_, [&](std::span<std::byte> into, std::uint64_t at) {
                   return ::pread(to.number(), into.data(), into.size(), static_cast<off_t>(at));
                 }));
    return;
  }
  const bool piped = GetParam().to == EndKind::pipe;
  Pair pair = piped ? make_pipe_pair() : make_tcp_pair();
  set_blocking(pair.from, Blocking::yes);
  std::uint64_t same = 0;
  std::jthread reader([&] {
    same = same_as(file_, [&](std::span<std::byte> into, std::uint64_t) {
      return ::read(pair.from.number(), into.data(), into.size());
    });
    pair.from.reset();
  });
  const Receipt receipt = run(piped ? Sink::pipe(pair.to.ref()) : Sink::socket(pair.to.ref()));
  pair.to.reset();
  reader.join();
  expect_whole(receipt, same);
}

std::vector<FittingPair> pairs_for_a_whole_pass() {
  std::vector<FittingPair> pairs;
  for (const FittingPair& pair : fitting_pairs())
    if (pair.from == EndKind::file &&
        (pair.to == EndKind::file || pair.to == EndKind::pipe || pair.to == EndKind::tcp_socket))
      pairs.push_back(pair);
  return pairs;
}

INSTANTIATE_TEST_SUITE_P(every_mechanism, WholePass, ::testing::ValuesIn(pairs_for_a_whole_pass()),
                         [](const auto& each) { return name_of(each.param); });

class Holes : public GuardedTest, public ::testing::WithParamInterface<FittingPair> {};

// A hole is zeros to every sink; between files the receipt may say that it was kept as a hole.
TEST_P(Holes, arrive_as_zeros) {
  constexpr std::uint64_t size = (8u << 20) + 123;
  LEAT_SKIP_IF_OVER_BOUND(size);
  const OwnedFd from = nameless_file();
  ASSERT_EQ(::ftruncate(from.number(), size), 0);
  put(from, 4096, 9000);
  put(from, 5u << 20, 70000);
  const OwnedFd to = nameless_file();
  put(to, 0, 3u << 20);  // not zeros: a hole must overwrite what was there
  const Receipt receipt =
      transfer(Source::file(from.ref()), Sink::file(to.ref()), {.mechanism = GetParam().mechanism});
  EXPECT_EQ(receipt.delivered, size) << describe(receipt);
  EXPECT_EQ(inconsistency(receipt), "") << describe(receipt);
  EXPECT_EQ(same_as(from,
                    [&](std::span<std::byte> into, std::uint64_t at) {
                      return ::pread(to.number(), into.data(), into.size(), static_cast<off_t>(at));
                    }),
            size);
}

std::vector<FittingPair> file_to_file() {
  std::vector<FittingPair> pairs;
  for (const FittingPair& pair : fitting_pairs())
    if (pair.from == EndKind::file && pair.to == EndKind::file) pairs.push_back(pair);
  return pairs;
}

INSTANTIATE_TEST_SUITE_P(every_mechanism, Holes, ::testing::ValuesIn(file_to_file()),
                         [](const auto& each) { return name_of(each.param); });

}  // namespace
}  // namespace leat::testing
