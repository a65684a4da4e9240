// Goal: a source that shrinks, grows or lies about its size is told apart from a whole one, and
// offsets of descriptors move exactly when and as far as they should.

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "support/guards.h"
#include "support/run_case.h"
#include "support/seam.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t seed = 21;

OwnedFd file_of(std::uint64_t size) {
  OwnedFd file(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  const auto bytes = pattern(seed, 0, size);
  EXPECT_EQ(::pwrite(file.number(), bytes.data(), size, 0), static_cast<ssize_t>(size));
  return file;
}

std::vector<FittingPair> pairs_from_a_file() {
  std::vector<FittingPair> pairs;
  for (const FittingPair& pair : fitting_pairs())
    if (pair.from == EndKind::file) pairs.push_back(pair);
  return pairs;
}

class ChangingFile : public AlonePairTest {
 protected:
  static constexpr std::uint64_t room = 400'000;

  /// Moves `source` in small steps; `at_third_call` runs just before the third call that moves
  /// bytes.
  Receipt run(Source source, std::function<void()> at_third_call = {}, bool by_steps = true) {
    Context context = make_context();
    const auto to = SinkEnd::make(GetParam().to, {.size = room, .seed = seed, .context = &context});
    const Options options{.mechanism = GetParam().mechanism};
    Receipt receipt;
    if (by_steps) {
      Transfer transfer = Transfer::start(context, std::move(source), to->sink(), options);
      const ScopedFaults faults({{.first = 3, .before = std::move(at_third_call)}});
      EXPECT_EQ(drive(context, transfer, 16 << 10).trouble, "");
      receipt = transfer.receipt();
    } else {
      receipt = transfer(context, std::move(source), to->sink(), options);
    }
    EXPECT_EQ(inconsistency(receipt), "") << describe(receipt);
    EXPECT_EQ(to->examine(receipt.delivered), "") << describe(receipt);
    EXPECT_EQ(receipt.stranded, 0u) << describe(receipt);
    return receipt;
  }
};

TEST_P(ChangingFile, too_short_from_the_start) {
  const OwnedFd file = file_of(100'003);
  for (const bool by_steps : {true, false}) {
    const Receipt receipt = run(Source::file(file.ref(), {0, 200'000}), {}, by_steps);
    EXPECT_EQ(receipt.ending, Ending::source_shrank) << describe(receipt);
    EXPECT_EQ(receipt.delivered, 100'003u) << describe(receipt);
  }
}

TEST_P(ChangingFile, a_window_wholly_beyond_the_end) {
  const OwnedFd file = file_of(5000);
  for (const bool by_steps : {true, false}) {
    const Receipt promised = run(Source::file(file.ref(), {6000, 10}), {}, by_steps);
    EXPECT_EQ(promised.ending, Ending::source_shrank) << describe(promised);
    EXPECT_EQ(promised.delivered, 0u);
    const Receipt open_ended = run(Source::file(file.ref(), {6000, to_end}), {}, by_steps);
    EXPECT_TRUE(open_ended.ok()) << describe(open_ended);
    EXPECT_EQ(open_ended.delivered, 0u);
  }
}

// 100'003 is inside a page; 98'304 is the border of one. Both lie beyond what three calls have
// taken.
TEST_P(ChangingFile, shrinks_on_the_way) {
  for (const std::uint64_t new_size : {std::uint64_t{100'003}, std::uint64_t{98'304}})
    for (const std::uint64_t length : {std::uint64_t{300'000}, to_end}) {
      const OwnedFd file = file_of(300'000);
      const Receipt receipt = run(Source::file(file.ref(), {0, length}), [&] {
        EXPECT_EQ(::ftruncate(file.number(), static_cast<off_t>(new_size)), 0);
      });
      EXPECT_EQ(receipt.ending, Ending::source_shrank) << describe(receipt);
      EXPECT_EQ(receipt.delivered, new_size) << describe(receipt);
    }
}

TEST_P(ChangingFile, grows_on_the_way) {
  const OwnedFd file = file_of(200'000);
  const Receipt receipt = run(Source::file(file.ref()), [&] {
    const auto more = pattern(seed, 200'000, 100'000);
    EXPECT_EQ(::pwrite(file.number(), more.data(), more.size(), 200'000), 100'000);
  });
  EXPECT_TRUE(receipt.ok()) << describe(receipt);
  EXPECT_EQ(receipt.delivered, 200'000u) << "`to_end` promises the size at the start";
}

TEST_P(ChangingFile, read_at_its_cursor) {
  for (const bool by_steps : {true, false}) {
    const OwnedFd file = file_of(150'000);
    const Receipt part = run(Source::file(file.ref(), {at_cursor, 100'001}), {}, by_steps);
    EXPECT_EQ(part.ending, Ending::complete) << describe(part);
    EXPECT_EQ(::lseek(file.number(), 0, SEEK_CUR), 100'001);
  }
  const OwnedFd file = file_of(150'000);
  const Receipt whole = run(Source::file(file.ref(), {at_cursor, to_end}));
  EXPECT_TRUE(whole.ok()) << describe(whole);
  EXPECT_EQ(whole.delivered, 150'000u);
  EXPECT_EQ(::lseek(file.number(), 0, SEEK_CUR), 150'000);
}

INSTANTIATE_TEST_SUITE_P(every_fitting_pair, ChangingFile, ::testing::ValuesIn(pairs_from_a_file()),
                         [](const auto& each) { return name_of(each.param); });

class ProcFile : public GuardedTest, public ::testing::WithParamInterface<EndKind> {};

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Its size is said to be 0, and copy_file_range says 0 for it too: neither is its end.
TEST_P(ProcFile, version_is_moved_whole) {
  const std::string expected = read_all("/proc/version");
  ASSERT_NE(expected, "");
  std::vector<Mechanism> mechanisms{Mechanism()};
  for (std::size_t i = 0; i < Mechanism::count(); ++i) mechanisms.push_back(Mechanism::at(i));
  for (const Mechanism mechanism : mechanisms) {
    SCOPED_TRACE(mechanism ? mechanism.name() : "any");
    const Folder folder;
    const std::string path = folder.file("copy");
    Result<Source> source = Source::open("/proc/version");
    ASSERT_TRUE(source);
    Receipt receipt;
    if (GetParam() == EndKind::file) {
      Result<Sink> sink = Sink::open(path);
      ASSERT_TRUE(sink);
      receipt = transfer(std::move(*source), std::move(*sink), {.mechanism = mechanism});
    } else {
      Pair pair = GetParam() == EndKind::pipe ? make_pipe_pair() : make_tcp_pair();
      receipt = transfer(
          std::move(*source),
          GetParam() == EndKind::pipe ? Sink::pipe(pair.to.ref()) : Sink::socket(pair.to.ref()),
          {.mechanism = mechanism});
      pair.to.reset();
      set_blocking(pair.from, Blocking::yes);
      Result<Sink> file = Sink::open(path);
      ASSERT_TRUE(file);
      transfer(GetParam() == EndKind::pipe ? Source::pipe(pair.from.ref())
                                           : Source::socket(pair.from.ref()),
               std::move(*file));
    }
    if (!mechanism || receipt.ok()) {
      EXPECT_EQ(receipt.ending, Ending::end_of_source) << describe(receipt);
      EXPECT_EQ(read_all(path), expected) << describe(receipt);
    } else {  // a forced one may not fit, but it must not say that an empty copy is whole
      EXPECT_EQ(receipt.ending, Ending::failed) << describe(receipt);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(every_sink, ProcFile,
                         ::testing::Values(EndKind::file, EndKind::pipe, EndKind::tcp_socket),
                         [](const auto& each) { return std::string(name_of(each.param)); });

// A sink written at its cursor moves it by what was delivered, and only by that.
TEST(CursorSink, moves_by_what_was_delivered) {
  const Watchdog watchdog;
  const OwnedFd from = file_of(100'000);
  const OwnedFd to = file_of(10);
  ASSERT_EQ(::lseek(to.number(), 10, SEEK_SET), 10);
  Result<Sink> sink = Sink::descriptor(to.ref());
  ASSERT_TRUE(sink);
  const Receipt receipt = transfer(Source::file(from.ref(), {10, 90'000}), std::move(*sink));
  EXPECT_EQ(receipt.delivered, 90'000u) << describe(receipt);
  EXPECT_EQ(::lseek(to.number(), 0, SEEK_CUR), 90'010);
  ASSERT_EQ(::lseek(to.number(), 0, SEEK_SET), 0);
  const StreamCheck check = read_rest(to, seed, 0);
  EXPECT_EQ(check.mismatch(), "");
  EXPECT_EQ(check.count(), 90'010u);
}

}  // namespace
}  // namespace leat::testing
