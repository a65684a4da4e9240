#include "bench/run.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "bench/payload.h"
#include "os/payload_file.h"

namespace leat::app::bench {
namespace {

constexpr std::uint64_t size = (1u << 20) + 4097;

constexpr std::array all_sinks{SinkKind::tcp, SinkKind::unix_socket, SinkKind::pipe,
                               SinkKind::file};

constexpr Pair file_to_tcp{};
constexpr Pair file_to_file{.sink = SinkKind::file};

std::string folder() { return ::testing::TempDir(); }

/// Goal: a run tells what moved. Method: one run of each kind over a real file.
void expect_sample(const Pair& pair, std::string_view mechanism) {
  SCOPED_TRACE(describe(pair) + " by " + std::string(mechanism));
  const auto file = make_payload(folder(), size, {2, 2});
  ASSERT_TRUE(file) << file.error();
  const auto sample = measure({file->file.ref(), size, folder()}, pair,
                              {mechanism.empty() ? Mechanism() : *Mechanism::named(mechanism), 0});
  ASSERT_TRUE(sample) << sample.error().message;
  ASSERT_TRUE(sample->picked);
  if (!mechanism.empty()) {
    EXPECT_EQ(sample->picked.name(), mechanism);
  }
  EXPECT_GT(sample->wall_s, 0);
  EXPECT_GT(sample->calls, 0u);
  EXPECT_GT(sample->peak_rss_bytes, 0u);
  EXPECT_EQ(sample->receiver_cpu_s.has_value(), pair.is_received());
  EXPECT_EQ(sample->feeder_cpu_s.has_value(), pair.is_fed());
  if (pair.sink != SinkKind::file) {
    EXPECT_EQ(sample->page_cache_growth_bytes, 0u);  // the source is there already
  }
}

TEST(Measure, OverTcp) {
  expect_sample(file_to_tcp, "read_write");
  expect_sample(file_to_tcp, "sendfile");
  expect_sample(file_to_tcp, "splice");
  expect_sample(file_to_tcp, "");
}

TEST(Measure, OverAUnixSocket) {
  for (const std::string_view mechanism : {"read_write", "sendfile", "splice", ""}) {
    expect_sample({.sink = SinkKind::unix_socket}, mechanism);
  }
}

TEST(Measure, ToAPipe) {
  for (const std::string_view mechanism : {"read_write", "sendfile", "splice", ""}) {
    expect_sample({.sink = SinkKind::pipe}, mechanism);
  }
}

TEST(Measure, ToAReceiverThatCopies) {
  for (const SinkKind sink : {SinkKind::tcp, SinkKind::unix_socket, SinkKind::pipe}) {
    expect_sample({.sink = sink, .receiver = Receiver::copy}, "read_write");
    expect_sample({.sink = sink, .receiver = Receiver::copy}, "splice");
  }
}

TEST(Measure, ToAFile) {
  expect_sample(file_to_file, "read_write");
  expect_sample(file_to_file, "copy_file_range");
  expect_sample(file_to_file, "");
}

TEST(Measure, FromMemory) {
  for (const SinkKind sink : all_sinks) {
    expect_sample({.source = SourceKind::memory, .sink = sink}, "read_write");
    expect_sample({.source = SourceKind::memory, .sink = sink}, "");
  }
  expect_sample({.source = SourceKind::memory, .sink = SinkKind::pipe}, "vmsplice");
  expect_sample({.source = SourceKind::memory, .sink = SinkKind::unix_socket}, "vmsplice");
}

TEST(Measure, FromAFeeder) {
  for (const SourceKind source : {SourceKind::pipe, SourceKind::tcp}) {
    for (const SinkKind sink : all_sinks) {
      expect_sample({.source = source, .sink = sink}, "read_write");
      expect_sample({.source = source, .sink = sink}, "splice");
      expect_sample({.source = source, .sink = sink}, "");
    }
  }
}

TEST(Measure, SmallBlocksTakeMoreCalls) {
  const auto file = make_payload(folder(), size, {});
  ASSERT_TRUE(file) << file.error();
  const Payload payload{file->file.ref(), size, folder()};
  const Mechanism read_write = *Mechanism::named("read_write");
  const auto small = measure(payload, file_to_tcp, {read_write, 4096});
  const auto large = measure(payload, file_to_tcp, {read_write, 1u << 20});
  ASSERT_TRUE(small && large);
  EXPECT_GE(small->calls, 2 * (size / 4096));
  EXPECT_LT(large->calls, small->calls);
}

TEST(Repeats, MoveAbout64MiB) {
  EXPECT_EQ(repeats_of(file_to_tcp, 64u << 20), 1u);
  EXPECT_EQ(repeats_of(file_to_tcp, 1ull << 40), 1u);
  EXPECT_EQ(repeats_of(file_to_tcp, 16u << 20), 4u);
  EXPECT_EQ(repeats_of(file_to_tcp, (16u << 20) + 1), 4u);
  EXPECT_EQ(repeats_of(file_to_tcp, (16u << 20) - 1), 5u);
  EXPECT_EQ(repeats_of(file_to_tcp, (64u << 10) + 1), 512u);
  EXPECT_EQ(repeats_of(file_to_file, 1), 512u);
  EXPECT_EQ(repeats_of(file_to_tcp, 1), 1u);  // that is one of many requests
  EXPECT_EQ(repeats_of({.cache = Cache::cold}, 1u << 20), 1u);
  EXPECT_EQ(repeats_of({.brief = true}, 1u << 20), 16u);
}

// Goal: figures are of one transfer. Method: what follows from how the mechanism works is compared.
TEST(Repeats, FiguresAreOfEachTransfer) {
  constexpr std::uint64_t small = 300'000;
  const auto file = make_payload(folder(), small, {2, 2});
  ASSERT_TRUE(file) << file.error();
  const Way way{*Mechanism::named("read_write"), 64u << 10};
  for (const SourceKind source : {SourceKind::file, SourceKind::pipe, SourceKind::tcp}) {
    for (const SinkKind sink : {SinkKind::tcp, SinkKind::file}) {
      const Pair pair{.source = source, .sink = sink};
      SCOPED_TRACE(describe(pair));
      const auto sample = measure({file->file.ref(), small, folder()}, pair, way);
      ASSERT_TRUE(sample) << sample.error().message;
      EXPECT_EQ(sample->cpu_copied_bytes, 2 * small);
      EXPECT_GE(sample->calls, 2 * 5);
      EXPECT_LT(sample->calls, 2 * small / 4096);
      if (sink != SinkKind::file) continue;
      EXPECT_GE(sample->page_cache_growth_bytes, small);
      EXPECT_LE(sample->page_cache_growth_bytes, 2 * small);
    }
  }
}

TEST(Measure, AMechanismThatDoesNotFitIsRefused) {
  const auto file = make_payload(folder(), size, {});
  ASSERT_TRUE(file) << file.error();
  const auto sample = measure({file->file.ref(), size, folder()}, file_to_tcp,
                              {*Mechanism::named("copy_file_range"), 0});
  ASSERT_FALSE(sample);
  EXPECT_TRUE(sample.error().refused);
  EXPECT_FALSE(sample.error().message.empty());
}

TEST(Measure, FewerBytesThanPromisedAreAFailure) {
  const auto file = make_payload(folder(), size, {});
  ASSERT_TRUE(file) << file.error();
  for (const SourceKind source : {SourceKind::file, SourceKind::pipe, SourceKind::tcp}) {
    for (const SinkKind sink : all_sinks) {
      const auto sample =
          measure({file->file.ref(), size + 1, folder()}, {.source = source, .sink = sink}, {});
      ASSERT_FALSE(sample);
      EXPECT_FALSE(sample.error().refused);
      EXPECT_NE(sample.error().message.find("source_shrank"), std::string::npos);
    }
  }
}

TEST(Measure, AMechanismThatDoesNotFitLeavesNoFeederBehind) {
  const auto file = make_payload(folder(), size, {});
  ASSERT_TRUE(file) << file.error();
  for (const SourceKind source : {SourceKind::pipe, SourceKind::tcp}) {
    const auto sample =
        measure({file->file.ref(), size, folder()}, {.source = source, .sink = SinkKind::tcp},
                {*Mechanism::named("sendfile"), 0});
    ASSERT_FALSE(sample);
    EXPECT_TRUE(sample.error().refused);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);  // no child is left, dead or alive
  }
}

TEST(Pair, IsNamedAsInTheJson) {
  constexpr Pair over_veth{.source = SourceKind::pipe, .path = Path::veth};
  EXPECT_EQ(describe(over_veth), "pipe to tcp over veth");
  EXPECT_EQ(describe(file_to_file), "file to file");
  EXPECT_EQ(
      describe({.sink = SinkKind::unix_socket, .receiver = Receiver::copy, .cache = Cache::cold}),
      "file to unix, receiver copy, cold");
  EXPECT_EQ(path_of(over_veth), "veth");
  EXPECT_EQ(path_of(file_to_tcp), "loopback");
  EXPECT_EQ(path_of({.sink = SinkKind::file, .path = Path::veth}), "file");
  EXPECT_EQ(path_of({.sink = SinkKind::unix_socket}), "unix");
  EXPECT_EQ(path_of({.source = SourceKind::tcp, .sink = SinkKind::file}), "loopback");
}

TEST(Payload, FindsRoomForAllCopies) {
  EXPECT_EQ(room_for(file_to_tcp).disk, 1u);
  EXPECT_EQ(room_for(file_to_tcp).memory, 1u);
  EXPECT_EQ(room_for(file_to_file).disk, 2u);
  EXPECT_EQ(room_for({.source = SourceKind::memory, .sink = SinkKind::file}).memory, 3u);
  EXPECT_EQ(room_for({.sink = SinkKind::file, .cache = Cache::cold}).disk, 2u);
  EXPECT_EQ(room_for({.sink = SinkKind::file, .cache = Cache::cold}).memory, 0u);
}

TEST(Measure, AFolderThatIsGoneIsAFailureAndNoHang) {
  const auto file = make_payload(folder(), size, {});
  ASSERT_TRUE(file) << file.error();
  const auto sample = measure({file->file.ref(), size, "/nonexistent"}, file_to_file, {});
  ASSERT_FALSE(sample);
  EXPECT_NE(sample.error().message.find("/nonexistent"), std::string::npos);
}

TEST(Payload, IsWarmAndAsLongAsAsked) {
  for (const std::uint64_t bytes : {std::uint64_t{1}, std::uint64_t{4095}, size}) {
    const auto file = make_payload(folder(), bytes, {});
    ASSERT_TRUE(file) << file.error();
    EXPECT_EQ(os::size_of(file->file.ref()).value_or(0), bytes);
    EXPECT_TRUE(check_warm({file->file.ref(), bytes, folder()}));
  }
}

bool lies_in_memory(const std::string& path) {
  struct statfs facts{};
  return ::statfs(path.c_str(), &facts) == 0 && facts.f_type == TMPFS_MAGIC;
}

TEST(Payload, StaysWhereItIsLocked) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer makes mlock(2) do nothing";
#endif
  const auto file = make_payload(folder(), size, {});
  ASSERT_TRUE(file) << file.error();
  if (!file->lock->holds()) GTEST_SKIP() << "mlock(2) is not permitted here (RLIMIT_MEMLOCK)";
  ::posix_fadvise(file->file.number(), 0, 0, POSIX_FADV_DONTNEED);
  EXPECT_TRUE(check_warm({file->file, size, folder()}));
}

// Goal: a run over a cold file does not count as warm. Method: drop the unlocked file before it:
// where the file system tells of reads, the first run does not count.
TEST(Payload, ARunOverAColdFileIsRepeated) {
  const auto file = make_payload(folder(), size, {}, Cache::cold);
  ASSERT_TRUE(file) << file.error();
  EXPECT_FALSE(file->lock);
  const Payload payload{file->file, size, folder()};
  if (lies_in_memory(folder())) GTEST_SKIP() << folder() << " is a tmpfs: nothing leaves it";
  const auto dropped = make_cold(payload);
  ASSERT_TRUE(dropped) << dropped.error();
  const auto warm = measure_checked(payload, file_to_tcp, {});
  ASSERT_TRUE(warm) << warm.error().message;
  EXPECT_LE(warm->disk_read_bytes, size / 1000);
}

// Goal: a run that was to be cold read the whole file from the disk. Method: by each way out, the
// pages that sockets were given included; several times, since packets are freed late.
TEST(Payload, AColdRunReadsAllFromTheDisk) {
  const auto file = make_payload(folder(), size, {}, Cache::cold);
  ASSERT_TRUE(file) << file.error();
  const Payload payload{file->file, size, folder()};
  if (lies_in_memory(folder())) GTEST_SKIP() << folder() << " is a tmpfs: nothing leaves it";
  const auto dropped = make_cold(payload);
  ASSERT_TRUE(dropped) << dropped.error();
  for (const SinkKind sink : all_sinks) {
    for (const std::string_view mechanism : {"read_write", "sendfile", "splice", "sendfile"}) {
      const auto sample = measure_checked(payload, {.sink = sink, .cache = Cache::cold},
                                          {*Mechanism::named(mechanism), 0});
      ASSERT_TRUE(sample) << mechanism << ": " << sample.error().message;
      EXPECT_GE(sample->disk_read_bytes, size - size / 1000);
      EXPECT_GE(sample->page_cache_growth_bytes,
                (sink == SinkKind::file ? 2 : 1) * size - size / 50);
    }
  }
}

TEST(Payload, AFileThatStaysInMemoryIsNeverCold) {
  const std::string memory = "/dev/shm";
  if (::access(memory.c_str(), W_OK) != 0 || !lies_in_memory(memory)) {
    GTEST_SKIP() << memory << " is no tmpfs that can be written to";
  }
  const auto file = make_payload(memory, size, {}, Cache::cold);
  ASSERT_TRUE(file) << file.error();
  const Payload payload{file->file, size, memory};
  const auto sample = measure_checked(payload, {.cache = Cache::cold}, {});
  ASSERT_FALSE(sample);
  EXPECT_FALSE(sample.error().refused);
  EXPECT_NE(sample.error().message.find("does not leave the page cache"), std::string::npos)
      << sample.error().message;
}

TEST(Payload, TooLargeIsSaidBeforehand) {
  const auto file = make_payload(folder(), ~0ull, {2, 2});
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().find("smaller --size"), std::string::npos);
}

}  // namespace
}  // namespace leat::app::bench
