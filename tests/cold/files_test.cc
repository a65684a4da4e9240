// Goal: with Disk::never_wait the bytes, the counts and the endings are what they are without it,
// for files that are in memory, that are not, that change, and that belong to somebody else.
// Method: files on the test's own disk, put out of memory by posix_fadvise(2).

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include <leat/connection.h>
#include <leat/costs.h>
#include <leat/plan.h>

#include "cold/scene.h"
#include "support/ends.h"
#include "support/filter.h"
#include "support/fuse_disk.h"
#include "support/seam.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t seed = 5;
constexpr std::uint64_t mebibyte = 1 << 20;

class OnDisk : public GuardedTest {
 protected:
  Context context_ = patient_context();

  Transfer start(FdRef file, const CheckedSocket& sink, const Options& options, Range range = {}) {
    return Transfer::start(context_, Source::file(file, range), Sink::socket(sink.fd()), options);
  }
};

TEST_F(OnDisk, a_warm_file_needs_no_ring) {
  const OwnedFd file = pattern_file(seed, 5 * mebibyte + 3);
  CheckedSocket sink(seed);
  const ScopedFaults calls;
  Transfer transfer = start(file, sink, patient());
  EXPECT_EQ(drive(context_, transfer, 256 << 10).last.state, State::done);
  const Receipt receipt = transfer.receipt();
  EXPECT_EQ(receipt.cold_waits, 0u);
  EXPECT_EQ(receipt.prefetched, 0u);
  EXPECT_EQ(calls.seen("io_uring_queue_init_params"), 0u);
  EXPECT_GT(calls.seen("mincore"), 0u);
  EXPECT_EQ(sink.examine(5 * mebibyte + 3), "");
}

TEST_F(OnDisk, without_it_nothing_is_asked) {
  const OwnedFd file = cold_file(seed, mebibyte);
  CheckedSocket sink(seed);
  const ScopedFaults calls;
  Transfer transfer = start(file, sink, {});
  drive(context_, transfer);
  EXPECT_EQ(calls.seen("mincore"), 0u);
  EXPECT_EQ(calls.seen("mmap"), 0u);
  EXPECT_EQ(sink.examine(mebibyte), "");
}

// By another way than a warm one, also where nobody has to ask how long it is.
TEST_F(OnDisk, a_long_stretch_of_known_length_is_seen_to_be_cold) {
  constexpr std::uint64_t size = 2 * mebibyte;
  Context in_fixed_order = make_context({.costs = std::make_shared<const Costs>()});
  for (const bool over_connection : {false, true})
    for (const bool is_cold : {true, false}) {
      const OwnedFd file = is_cold ? cold_file(seed, size) : pattern_file(seed, size);
      CheckedSocket socket(seed);
      auto connection = Connection::borrow(in_fixed_order, socket.fd());
      ASSERT_TRUE(connection) << connection.error().message();
      const Receipt receipt =
          transfer(in_fixed_order, Source::file(file.ref(), {0, size}),
                   over_connection ? Sink(*connection) : Sink::socket(socket.fd()));
      EXPECT_EQ(receipt.legs[0].mechanism.name(), is_cold ? "sendfile" : "splice")
          << describe(receipt);
      EXPECT_EQ(socket.examine(size), "");
    }
}

TEST_F(OnDisk, moves_cold_files_of_every_size) {
  for (const std::uint64_t size : {0u, 1u, 4095u, 4096u, 4097u, 65537u, 3u * 1024 * 1024 + 17}) {
    const OwnedFd file = cold_file(seed, size);
    CheckedSocket sink(seed);
    Transfer transfer = start(file, sink, patient());
    const Drive driven = drive(context_, transfer, 64 << 10);
    EXPECT_EQ(driven.trouble, "") << size;
    const Receipt receipt = transfer.receipt();
    EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
    EXPECT_EQ(inconsistency(receipt), "");
    EXPECT_GE(receipt.prefetched, size);
    EXPECT_EQ(sink.examine(size), "");
  }
}

TEST_F(OnDisk, moves_a_stretch_from_within_a_page) {
  const OwnedFd file = cold_file(seed, mebibyte);
  std::vector<std::byte> room(500'001);
  const auto wanted = pattern(seed, 4099, room.size());
  const Receipt receipt =
      transfer(context_, Source::file(file.ref(), {4099, room.size()}), Sink(room), patient());
  EXPECT_EQ(receipt.ending, Ending::complete) << describe(receipt);
  EXPECT_EQ(room, wanted);
}

TEST_F(OnDisk, moves_the_descriptors_own_offset) {
  const OwnedFd file = cold_file(seed, mebibyte);
  ASSERT_EQ(::lseek(file.number(), 5000, SEEK_SET), 5000);
  for (const char* mechanism : {"sendfile", "splice", "read_write"}) {
    auto source = Source::descriptor(file.ref(), 300'000);
    ASSERT_TRUE(source);
    const std::int64_t before = cursor_of(file);
    Pair pair = make_unix_pair();
    set_blocking(pair.from, Blocking::yes);
    Drainer drainer(std::move(pair.from), {.seed = 1});  // the wrong bytes; only counted
    Transfer transfer = Transfer::start(context_, std::move(*source),
                                        Sink::socket(std::move(pair.to)), patient(mechanism));
    EXPECT_EQ(drive(context_, transfer, 64 << 10).last.state, State::done);
    EXPECT_EQ(transfer.receipt().delivered, 300'000u) << describe(transfer.receipt());
    EXPECT_EQ(cursor_of(file), before + 300'000);
  }
}

TEST_F(OnDisk, a_file_that_shrinks_meanwhile_is_told) {
  constexpr std::uint64_t size = 4 * mebibyte;
  constexpr std::uint64_t left = mebibyte + 1234;
  for (const char* mechanism : {"sendfile", "splice", "read_write"}) {
    const OwnedFd file = cold_file(seed, size);
    CheckedSocket sink(seed);
    Transfer transfer = start(file, sink, patient(mechanism));
    drive(context_, transfer, 64 << 10, [&](const Step& step) {
      if (step.taken < 500'000 || size_of(file) != size) return false;
      EXPECT_EQ(::ftruncate(file.number(), left), 0);
      return false;
    });
    const Receipt receipt = transfer.receipt();
    EXPECT_EQ(receipt.ending, Ending::source_shrank) << describe(receipt);
    EXPECT_EQ(receipt.delivered, left) << describe(receipt);
    EXPECT_EQ(sink.examine(left), "");
  }
}

TEST_F(OnDisk, what_a_file_grows_by_meanwhile_is_left) {
  const OwnedFd file = cold_file(seed, mebibyte);
  CheckedSocket sink(seed);
  Transfer transfer = start(file, sink, patient());
  transfer.step(4096);
  const auto more = pattern(seed, mebibyte, 5000);
  ASSERT_EQ(::pwrite(file.number(), more.data(), more.size(), mebibyte), 5000);
  drive(context_, transfer);
  EXPECT_EQ(transfer.receipt().ending, Ending::complete);
  EXPECT_EQ(sink.examine(mebibyte), "");
}

TEST_F(OnDisk, holes_are_zeros) {
  const std::array extents = {Extent{.offset = mebibyte, .length = 10'000}};
  const OwnedFd file = sparse_file(seed, 2 * mebibyte + 100, extents);
  const auto wanted = content_of(file);
  ASSERT_EQ(::fsync(file.number()), 0);
  evict(file);
  std::vector<std::byte> room(wanted.size());
  const Receipt receipt =
      transfer(context_, Source::file(file.ref()), Sink(std::span(room)), patient());
  EXPECT_TRUE(receipt.ok()) << describe(receipt);
  EXPECT_EQ(room, wanted);
}

// A page that comes into memory and is gone again whenever it is looked for.
TEST_F(OnDisk, does_without_seeing_what_does_not_stay) {
  const OwnedFd file = cold_file(seed, mebibyte);
  CheckedSocket sink(seed);
  const ScopedFaults faults(
      {{.call = "mincore", .first = 2, .times = always, .error_number = EAGAIN}});
  Transfer transfer = start(file, sink, patient());
  EXPECT_EQ(drive(context_, transfer).last.state, State::done);
  const Receipt receipt = transfer.receipt();
  EXPECT_EQ(receipt.delivered, mebibyte) << describe(receipt);
  ASSERT_GE(receipt.refusals.size(), 1u);
  EXPECT_EQ(receipt.legs[0].mechanism.name(), "read_write") << describe(receipt);
  EXPECT_EQ(sink.examine(mebibyte), "");
}

TEST_F(OnDisk, a_read_that_fails_is_the_transfers_error) {
  if (!ring_errors_can_be_injected()) GTEST_SKIP() << no_injection;
  for (const char* mechanism : {"sendfile", "read_write"}) {
    const OwnedFd file = cold_file(seed, mebibyte);
    CheckedSocket sink(seed);
    // The advice does what it should: only what is read tells of the error, so there must be none.
    const ScopedFaults faults(
        {{.call = "ring_read", .times = always, .error_number = EIO},
         {.call = "preadv2", .times = always, .error_number = EAGAIN},
         {.call = "mincore", .first = 2, .times = always, .error_number = EAGAIN}});
    Transfer transfer = start(file, sink, patient(mechanism));
    EXPECT_EQ(drive(context_, transfer).last.state, State::failed);
    EXPECT_TRUE(transfer.receipt().error->is(EIO)) << describe(transfer.receipt());
    EXPECT_EQ(sink.examine(0), "");
  }
}

TEST_F(OnDisk, a_descriptor_past_the_page_cache_is_read_elsewhere) {
  const Folder folder;
  const OwnedFd written(::open(folder.file("f").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  const auto content = pattern(seed, 0, mebibyte);
  ASSERT_EQ(::write(written.number(), content.data(), content.size()), mebibyte);
  ASSERT_EQ(::fsync(written.number()), 0);
  const OwnedFd file(::open(folder.file("f").c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
  if (!file.valid()) GTEST_SKIP() << "/tmp has no direct I/O";
  CheckedSocket sink(seed);
  const Plan planned = plan(Source::file(file.ref()), Sink::socket(sink.fd()), patient());
  EXPECT_EQ(planned.chosen().name(), "read_write");
  Transfer transfer = start(file, sink, patient());
  drive(context_, transfer);
  EXPECT_EQ(transfer.receipt().ending, Ending::complete) << describe(transfer.receipt());
  EXPECT_GT(transfer.receipt().cold_waits, 0u);
  EXPECT_EQ(sink.examine(mebibyte), "");
}

const Candidate& candidate(const Plan& plan, std::string_view name) {
  return *std::ranges::find_if(
      plan.candidates, [name](const Candidate& each) { return each.mechanism.name() == name; });
}

TEST_F(OnDisk, the_plan_says_what_may_wait) {
  const OwnedFd file = pattern_file(seed, mebibyte);
  const OwnedFd copy = file_with({});
  const Plan to_file = plan(Source::file(file.ref()), Sink::file(copy.ref()), patient());
  EXPECT_FALSE(candidate(to_file, "copy_file_range").fits);
  EXPECT_FALSE(candidate(to_file, "mmap_write").fits);
  EXPECT_TRUE(candidate(to_file, "read_write").fits);
  const std::string reason(candidate(to_file, "copy_file_range").reason);
  EXPECT_NE(reason.find("wait for the disk"), std::string::npos) << reason;
}

// Conformance: whatever fits, from a warm and from a cold file, to every kind of sink.
TEST_F(OnDisk, every_mechanism_that_fits_moves_warm_and_cold_files) {
  constexpr std::uint64_t size = 700'001;
  int moved = 0;
  for (const EndKind kind : sink_kinds) {
    for (std::size_t index = 0; index < Mechanism::count(); ++index) {
      for (const bool cold : {false, true}) {
        const Mechanism mechanism = Mechanism::at(index);
        const OwnedFd file = cold ? cold_file(seed, size) : pattern_file(seed, size);
        const auto end = SinkEnd::make(kind, {.size = size, .seed = seed, .context = &context_});
        Options options = patient();
        options.mechanism = mechanism;
        Sink sink = end->sink();
        const Plan planned = plan(Source::file(file.ref()), sink, options);
        if (!candidate(planned, mechanism.name()).fits) continue;
        Receipt receipt;
        {
          Transfer transfer =
              Transfer::start(context_, Source::file(file.ref()), std::move(sink), options);
          EXPECT_EQ(drive(context_, transfer, 100'000).trouble, "");
          receipt = transfer.receipt();
        }
        EXPECT_TRUE(receipt.ok()) << mechanism.name() << " " << describe(receipt);
        EXPECT_EQ(receipt.prefetched > 0, cold) << mechanism.name();
        EXPECT_EQ(end->settle(receipt), "");
        EXPECT_EQ(end->examine(size), "") << mechanism.name();
        ++moved;
      }
    }
  }
  EXPECT_GE(moved, 30);
}

// What the kernel hides from those who neither own a file nor may write it. Credentials belong to
// threads, by the system call itself.
void become_a_stranger() {
  ASSERT_EQ(::syscall(SYS_setresgid, 65533, 65533, 65533), 0);
  ASSERT_EQ(::syscall(SYS_setresuid, 65533, 65533, 65533), 0);
}

class SomebodyElses : public OnDisk {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, to have a file that is somebody else's";
  }
};

TEST_F(SomebodyElses, file_is_read_where_it_cannot_be_seen) {
  for (const bool cold : {true, false}) {
    const OwnedFd file = cold ? cold_file(seed, mebibyte) : pattern_file(seed, mebibyte);
    const std::string path = "/proc/self/fd/" + std::to_string(file.number());
    const OwnedFd reader(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    CheckedSocket sink(seed);
    on_own_thread([&] {
      become_a_stranger();
      Context context = patient_context();
      const Plan planned = plan(Source::file(reader.ref()), Sink::socket(sink.fd()), patient());
      EXPECT_EQ(planned.chosen().name(), "read_write");
      const std::string reason(candidate(planned, "sendfile").reason);
      EXPECT_NE(reason.find("only its owner may see"), std::string::npos) << reason;
      Transfer transfer =
          Transfer::start(context, Source::file(reader.ref()), Sink::socket(sink.fd()), patient());
      EXPECT_EQ(drive(context, transfer).last.state, State::done);
      EXPECT_EQ(transfer.receipt().cold_waits > 0, cold) << describe(transfer.receipt());
    });
    EXPECT_EQ(sink.examine(mebibyte), "");
  }
}

TEST_F(SomebodyElses, slow_disk_is_waited_for_by_others) {
  if (const auto why = FuseDisk::unavailable(); !why.empty()) GTEST_SKIP() << why;
  FuseDisk disk({.seed = seed, .size = mebibyte, .holds = true});
  const OwnedFd file = disk.open();
  CheckedSocket sink(seed);
  on_own_thread([&] {
    become_a_stranger();
    Context context = patient_context();
    Transfer transfer =
        Transfer::start(context, Source::file(file.ref()), Sink::socket(sink.fd()), patient());
    EXPECT_EQ(transfer.step().state, State::blocked);
    disk.wait_until_held(1);
    EXPECT_EQ(transfer.step().state, State::blocked);
    disk.release();
    EXPECT_EQ(drive(context, transfer).last.state, State::done);
    EXPECT_EQ(transfer.receipt().legs[0].mechanism.name(), "read_write");
  });
  EXPECT_EQ(sink.examine(mebibyte), "");
}

}  // namespace
}  // namespace leat::testing
