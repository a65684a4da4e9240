#include "bench/requests.h"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "bench/payload.h"

namespace leat::app::bench {
namespace {

constexpr std::uint64_t size = 4097;
constexpr Pair memory_to_tcp{.source = SourceKind::memory};
constexpr Pair file_to_tcp{};
constexpr Pair memory_to_unix{.source = SourceKind::memory, .sink = SinkKind::unix_socket};
constexpr Pair file_to_unix{.sink = SinkKind::unix_socket};
constexpr Pair memory_to_pipe{.source = SourceKind::memory, .sink = SinkKind::pipe};
constexpr Pair file_to_pipe{.sink = SinkKind::pipe};
constexpr std::array all_pairs{memory_to_tcp, file_to_tcp,    memory_to_unix,
                               file_to_unix,  memory_to_pipe, file_to_pipe};

std::string folder() { return ::testing::TempDir(); }

std::expected<Sample, Failure> measure_once(const Pair& pair, const Way& way,
                                            std::uint64_t bytes = size) {
  const auto file = make_payload(folder(), bytes, {});
  if (!file) return std::unexpected(Failure{file.error(), false});
  return measure({file->file.ref(), bytes, folder()}, pair, way);
}

void expect_latencies(const std::expected<Sample, Failure>& sample) {
  ASSERT_TRUE(sample) << sample.error().message;
  ASSERT_TRUE(sample->latency_p50_s && sample->latency_p99_s && sample->receiver_cpu_s);
  EXPECT_GT(*sample->latency_p50_s, 0);
  EXPECT_GE(*sample->latency_p99_s, *sample->latency_p50_s);
  EXPECT_EQ(sample->wall_s, *sample->latency_p50_s);
  EXPECT_GT(sample->cpu_s(), 0);
  EXPECT_GE(sample->calls, 1);
  EXPECT_GT(sample->peak_rss_bytes, 0u);
}

TEST(Requests, AreForSmallPayloadsThatCanBeSentAgain) {
  for (const Pair& pair : all_pairs) {
    EXPECT_TRUE(is_by_request(pair, 1));
    EXPECT_TRUE(is_by_request(pair, 64u << 10));
    EXPECT_GT(requests_of_run(pair, 1), 1000u);
    EXPECT_FALSE(is_by_request(pair, (64u << 10) + 1));
    EXPECT_EQ(requests_of_run(pair, 1u << 20), 0u);
  }
  EXPECT_FALSE(is_by_request({.source = SourceKind::pipe}, 64));
  EXPECT_FALSE(is_by_request({.sink = SinkKind::file}, 64));
  EXPECT_FALSE(is_by_request({.cache = Cache::cold}, 64));
}

TEST(Requests, ByMechanism) {
  for (const char* name : {"read_write", "sendfile", "splice"}) {
    SCOPED_TRACE(name);
    const auto sample = measure_once(file_to_tcp, {*Mechanism::named(name), 0});
    expect_latencies(sample);
    EXPECT_EQ(sample->picked.name(), name);
  }
}

TEST(Requests, ByLeatsOwnChoice) {
  for (const Pair& pair : all_pairs) {
    SCOPED_TRACE(describe(pair));
    const auto sample = measure_once(pair, {});
    expect_latencies(sample);
    EXPECT_EQ(sample->calls, 1);  // as by hand
    EXPECT_EQ(sample->known_by, KnownBy::construction);
  }
}

TEST(Requests, ByHand) {
  for (const Pair& pair : all_pairs) {
    for (const ByHand call : calls_by_hand(pair)) {
      SCOPED_TRACE(describe(pair) + " by " + std::string(name_of(call)));
      const auto sample = measure_once(pair, {.mechanism = {}, .by_hand = call});
      expect_latencies(sample);
      const bool reads = call == ByHand::read_send || call == ByHand::read_write;
      const bool moves_pages = call == ByHand::sendfile || call == ByHand::splice;
      EXPECT_EQ(sample->calls, reads ? 2 : 1);
      EXPECT_FALSE(sample->picked);
      EXPECT_EQ(sample->cpu_copied_bytes, (moves_pages ? 0 : reads ? 2 : 1) * size);
    }
  }
}

TEST(Requests, OfOneByteAndOfTheLargest) {
  for (const std::uint64_t bytes : {std::uint64_t{1}, std::uint64_t{64u << 10}}) {
    expect_latencies(measure_once(memory_to_tcp, {}, bytes));
    expect_latencies(measure_once(file_to_tcp, {}, bytes));
  }
}

TEST(Requests, LentMemoryIsToldByTheKernel) {
  const auto sample = measure_once(memory_to_tcp, {*Mechanism::named("zerocopy_send"), 0});
  expect_latencies(sample);
  EXPECT_EQ(sample->known_by, KnownBy::kernel);
  EXPECT_EQ(sample->cpu_copied_bytes, size);  // over the loopback it is copied after all
}

TEST(Requests, AMechanismThatDoesNotFitIsRefused) {
  const auto sample = measure_once(memory_to_tcp, {*Mechanism::named("sendfile"), 0});
  ASSERT_FALSE(sample);
  EXPECT_TRUE(sample.error().refused);
  EXPECT_FALSE(sample.error().message.empty());
}

TEST(Requests, AFileThatIsTooShortIsAFailure) {
  const auto file = make_payload(folder(), size, {});
  ASSERT_TRUE(file) << file.error();
  const Payload payload{file->file.ref(), size + 1, folder()};
  for (const ByHand call : {ByHand::none, ByHand::sendfile, ByHand::read_send}) {
    const auto sample = measure(payload, file_to_tcp, {.mechanism = {}, .by_hand = call});
    ASSERT_FALSE(sample) << name_of(call);
    EXPECT_FALSE(sample.error().refused);
    EXPECT_FALSE(sample.error().message.empty());
  }
}

}  // namespace
}  // namespace leat::app::bench
