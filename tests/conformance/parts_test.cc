// Goal: several sources sent as one arrive as one, whatever their kinds, empty ones among them.

#include <sys/mman.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "support/guards.h"
#include "support/run_case.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t seed = 11;

OwnedFd file_with(std::uint64_t position, std::uint64_t length) {
  OwnedFd file(::memfd_create("leat-parts", MFD_CLOEXEC));
  const auto bytes = pattern(seed, position, length);
  EXPECT_EQ(::write(file.number(), bytes.data(), bytes.size()), static_cast<ssize_t>(length));
  return file;
}

class Parts : public GuardedTest, public ::testing::WithParamInterface<EndKind> {
 protected:
  /// Sends `source`, which should be the pattern [0, size), to the sink of this test.
  Receipt send(Source source, std::uint64_t size, bool by_steps) {
    Context context = make_context();
    const auto to =
        SinkEnd::make(GetParam(), {.size = size, .tail = 64, .seed = seed, .context = &context});
    Receipt receipt;
    if (by_steps) {
      Transfer transfer = Transfer::start(context, std::move(source), to->sink());
      const Drive log = drive(context, transfer, 4096);
      EXPECT_EQ(log.trouble, "");
      receipt = transfer.receipt();
    } else {
      receipt = transfer(context, std::move(source), to->sink());
    }
    EXPECT_EQ(to->examine(receipt.delivered), "") << describe(receipt);
    EXPECT_EQ(inconsistency(receipt), "") << describe(receipt);
    EXPECT_EQ(receipt.delivered, size) << describe(receipt);
    EXPECT_EQ(receipt.stranded, 0u);
    return receipt;
  }
};

TEST_P(Parts, five_of_which_the_first_and_the_last_are_empty) {
  const auto header = pattern(seed, 0, 333);
  const auto trailer = pattern(seed, 333 + 65537, 4097);
  const OwnedFd file = file_with(333 - 5, 5 + 65537 + 9);
  for (const bool by_steps : {true, false}) {
    Source source =
        parts(Source(), std::span<const std::byte>(header), Source::file(file.ref(), {5, 65537}),
              std::span<const std::byte>(trailer), std::string_view());
    EXPECT_EQ(source.length(), 333u + 65537u + 4097u);
    const Receipt receipt = send(std::move(source), 333 + 65537 + 4097, by_steps);
    EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
    EXPECT_EQ(::lseek(file.number(), 0, SEEK_CUR), 5 + 65537 + 9) << "its own offset moved";
  }
}

TEST_P(Parts, five_that_are_all_empty) {
  const OwnedFd file = file_with(0, 10);
  for (const bool by_steps : {true, false}) {
    const Receipt receipt =
        send(parts(Source(), std::string_view(), Source::file(file.ref(), {3, 0}),
                   Source::file(file.ref(), {10, 0}), Source()),
             0, by_steps);
    EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
  }
}

TEST_P(Parts, empty_ones_between_full_ones) {
  const auto first = pattern(seed, 0, 1);
  const OwnedFd second = file_with(1, 4096);
  const auto third = pattern(seed, 4097, 4095);
  for (const bool by_steps : {true, false})
    send(parts(std::span<const std::byte>(first), Source(), Source::file(second.ref(), {0, 4096}),
               Source(), std::span<const std::byte>(third)),
         4097 + 4095, by_steps);
}

TEST_P(Parts, streams_among_them) {
  for (const bool by_steps : {true, false}) {
    Pair pipe = make_pipe_pair();
    Pair tcp = make_tcp_pair();
    set_blocking(pipe.to, Blocking::yes);
    set_blocking(tcp.to, Blocking::yes);
    const auto middle = pattern(seed, 100'001, 99);
    Feeder feed_pipe(std::move(pipe.to), seed, 0, 100'001);
    Feeder feed_tcp(std::move(tcp.to), seed, 100'100, 200'003);
    // The first ends where its writer closes; the last has a length and is read no further.
    Source source = parts(Source::pipe(pipe.from.ref()), std::span<const std::byte>(middle),
                          Source::socket(tcp.from.ref(), 200'003));
    EXPECT_EQ(source.length(), to_end);
    const Receipt receipt = send(std::move(source), 300'103, by_steps);
    EXPECT_TRUE(receipt.ok()) << describe(receipt);
  }
}

TEST_P(Parts, owned_and_nested) {
  const auto first = pattern(seed, 0, 10);
  const auto last = pattern(seed, 10 + 5000, 7);
  for (const bool by_steps : {true, false}) {
    Source inner = parts(Source::file(file_with(10, 5000)), Source());
    const Receipt receipt = send(parts(std::span<const std::byte>(first), std::move(inner),
                                       std::span<const std::byte>(last)),
                                 5017, by_steps);
    EXPECT_TRUE(receipt.ok()) << describe(receipt);
  }
}

INSTANTIATE_TEST_SUITE_P(every_sink, Parts, ::testing::ValuesIn(sink_kinds),
                         [](const auto& each) { return std::string(name_of(each.param)); });

}  // namespace
}  // namespace leat::testing
