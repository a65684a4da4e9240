// Goal: a stream of known length that becomes a file asks for its space before a byte is taken,
// and holds none of it that it does not fill. Method: sockets and files with their allocated
// blocks looked at; the seam for what file systems and quotas answer; a tmpfs that is too small.

#include "transfer/preallocation.h"

#include <sys/mount.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <gtest/gtest.h>

#include <leat/transfer.h>

#include "os/file.h"
#include "os/stream.h"
#include "support/drive.h"
#include "support/files.h"
#include "support/guards.h"
#include "support/pattern.h"
#include "support/results.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t seed = 5;
constexpr std::uint64_t size = (3 << 20) + 4097;

class PreallocationTest : public GuardedTest {
 protected:
  void SetUp() override {
    if (!os::reserve(file_with({}), 0, 4096))
      GTEST_SKIP() << "this file system cannot allocate beyond the end of a file";
  }

  Transfer start(std::uint64_t length = size, const Options& options = {}) {
    return Transfer::start(context_, Source::socket(in_.from.ref(), length),
                           Sink::file(file_.ref()), options);
  }
  /// On a slow machine the time of a step is up before there is nothing more to do.
  static State step_to_a_wait(Transfer& transfer) {
    State state = transfer.step().state;
    while (state == State::progress) state = transfer.step().state;
    return state;
  }
  void put(std::uint64_t count) {
    ASSERT_EQ(os::send(in_.to, pattern(seed, sent_, count), {.wait = true}), count);
    sent_ += count;
  }
  void put_the_rest() {
    set_blocking(in_.to, Blocking::yes);
    feeder_.emplace(std::move(in_.to), seed, sent_, size - sent_);
  }
  void expect_given_back() {
    EXPECT_LE(allocated_bytes_of(file_), (size_of(file_) + 65535) / 65536 * 65536);
  }

  Context context_ = make_context();
  Pair in_ = make_unix_pair();
  OwnedFd file_ = file_with({});
  std::uint64_t sent_ = 0;
  std::optional<Feeder> feeder_;
};

TEST_F(PreallocationTest, comes_before_the_first_byte_and_leaves_the_size) {
  Transfer transfer = start();
  EXPECT_EQ(step_to_a_wait(transfer), State::blocked);
  EXPECT_EQ(size_of(file_), 0u);
  EXPECT_GE(allocated_bytes_of(file_), size);
  put_the_rest();
  EXPECT_EQ(drive(context_, transfer).trouble, "");
  EXPECT_EQ(transfer.receipt().ending, Ending::complete);
  EXPECT_EQ(content_of(file_), pattern(seed, 0, size));
  expect_given_back();
}

TEST_F(PreallocationTest, serves_every_mechanism_and_every_refusal) {
  for (const std::string_view name : {"read_write", "splice"}) {
    in_ = make_unix_pair();
    file_ = file_with({});
    sent_ = 0;
    put_the_rest();
    Transfer transfer = start(size, {.mechanism = *Mechanism::named(name)});
    drive(context_, transfer);
    EXPECT_EQ(content_of(file_), pattern(seed, 0, size)) << name;
  }
  in_ = make_unix_pair();
  file_ = file_with({});
  sent_ = 0;
  put_the_rest();
  const ScopedFaults faults({{.call = "splice", .first = 2, .error_number = EINVAL}});
  Transfer transfer = start();
  drive(context_, transfer);
  EXPECT_EQ(faults.seen("fallocate"), 1u) << "what follows a refusal lies where it was asked for";
  EXPECT_EQ(content_of(file_), pattern(seed, 0, size));
}

TEST_F(PreallocationTest, is_given_back_when_it_is_stopped_and_asked_for_again_when_it_goes_on) {
  Transfer transfer = start();
  put(10'000);
  EXPECT_EQ(step_to_a_wait(transfer), State::blocked);
  EXPECT_GE(allocated_bytes_of(file_), size);
  transfer.cancel();
  EXPECT_EQ(transfer.step().state, State::stopped);
  expect_given_back();
  EXPECT_EQ(size_of(file_), 10'000u);
  transfer.resume({});
  EXPECT_EQ(step_to_a_wait(transfer), State::blocked);
  EXPECT_GE(allocated_bytes_of(file_), size);
  put_the_rest();
  drive(context_, transfer);
  EXPECT_EQ(content_of(file_), pattern(seed, 0, size));
}

TEST_F(PreallocationTest, is_given_back_when_the_stream_is_shorter_than_it_said) {
  put(10'000);
  in_.to.reset();
  Transfer transfer = start();
  drive(context_, transfer);
  EXPECT_EQ(transfer.receipt().ending, Ending::source_shrank);
  EXPECT_EQ(content_of(file_), pattern(seed, 0, 10'000));
  expect_given_back();
}

TEST_F(PreallocationTest, is_given_back_when_the_stream_breaks) {
  in_ = make_tcp_pair();
  put(10'000);
  Transfer transfer = start();
  drive(context_, transfer, default_step_limit, [](const Step& step) { return step.taken > 0; });
  reset_on_close(in_.to);
  in_.to.reset();
  drive(context_, transfer);
  EXPECT_EQ(transfer.receipt().ending, Ending::failed);
  expect_given_back();
}

TEST_F(PreallocationTest, is_given_back_when_the_transfer_is_destroyed) {
  {
    Transfer transfer = start();
    EXPECT_EQ(step_to_a_wait(transfer), State::blocked);
    EXPECT_GE(allocated_bytes_of(file_), size);
  }
  EXPECT_EQ(allocated_bytes_of(file_), 0u);
}

TEST_F(PreallocationTest, a_file_that_somebody_else_made_longer_is_left_alone) {
  Transfer transfer = start();
  EXPECT_EQ(step_to_a_wait(transfer), State::blocked);
  ASSERT_TRUE(os::pwrite(file_, pattern(1, 0, 10), 2 * size));
  transfer.cancel();
  const ScopedFaults counting;
  EXPECT_EQ(transfer.step().state, State::stopped);
  EXPECT_EQ(counting.seen("ftruncate"), 0u);
  EXPECT_EQ(size_of(file_), 2 * size + 10);
}

TEST_F(PreallocationTest, a_full_disk_and_a_used_up_quota_are_told_before_a_byte_is_taken) {
  for (const int number : {ENOSPC, EDQUOT}) {
    Transfer transfer = start();
    put(1000);
    const ScopedFaults faults({{.call = "fallocate", .error_number = number}});
    const Step step = transfer.step();
    EXPECT_EQ(step.state, State::failed);
    EXPECT_EQ(step.taken, 0u);
    const Receipt receipt = transfer.receipt();
    ASSERT_TRUE(receipt.error);
    EXPECT_TRUE(receipt.error->is(number));
    EXPECT_EQ(receipt.error->operation, "fallocate");
    EXPECT_EQ(receipt.error->subject, "sink");
    EXPECT_FALSE(receipt.error->hint.empty());
    EXPECT_EQ(receipt.stranded, 0u);
  }
  EXPECT_EQ(read_rest(in_.from, seed, 0).count(), 2000u) << "all of it is still to be had";
}

TEST_F(PreallocationTest, any_other_answer_changes_nothing) {
  for (const int number : {EOPNOTSUPP, EINVAL, ENOSYS, EPERM, EINTR, EIO, EFBIG, ENODEV}) {
    in_ = make_unix_pair();
    file_ = file_with({});
    sent_ = 0;
    put_the_rest();
    const ScopedFaults faults({{.call = "fallocate", .times = always, .error_number = number}});
    Transfer transfer = start();
    drive(context_, transfer);
    EXPECT_EQ(faults.seen("fallocate"), 1u);
    EXPECT_EQ(transfer.receipt().ending, Ending::complete);
    EXPECT_EQ(content_of(file_), pattern(seed, 0, size));
  }
}

TEST_F(PreallocationTest, a_large_one_is_asked_for_in_pieces) {
  Transfer transfer = start(4 * Preallocation::chunk_bytes + 1);
  const ScopedFaults counting;
  while (transfer.step().state == State::progress) {
  }
  EXPECT_EQ(counting.seen("fallocate"), 5u);
  EXPECT_GE(allocated_bytes_of(file_), 4 * Preallocation::chunk_bytes + 1);
}

TEST_F(PreallocationTest, a_piece_that_is_not_to_be_had_gives_back_those_before_it) {
  Transfer transfer = start(4 * Preallocation::chunk_bytes);
  const ScopedFaults faults({{.call = "fallocate", .first = 3, .error_number = ENOSPC}});
  while (transfer.step().state == State::progress) {
  }
  EXPECT_EQ(transfer.receipt().ending, Ending::failed);
  EXPECT_EQ(allocated_bytes_of(file_), 0u);
}

TEST_F(PreallocationTest, of_parts_each_stream_asks_for_its_own) {
  Transfer transfer =
      Transfer::start(context_, parts("head", Source::socket(in_.from.ref(), size), "tail"),
                      Sink::file(file_.ref(), 100));
  put_the_rest();
  const ScopedFaults counting;
  drive(context_, transfer);
  EXPECT_EQ(counting.seen("fallocate"), 1u);
  EXPECT_EQ(transfer.receipt().ending, Ending::complete);
  EXPECT_EQ(size_of(file_), 100 + 4 + size + 4);
}

// Everything that must not ask: files (they may be cloned, and their holes stay holes), streams
// that do not say how long they are, small ones, and files where something is already.
TEST_F(PreallocationTest, nobody_else_asks) {
  const OwnedFd whole = pattern_file(seed, size);
  const OwnedFd longer = pattern_file(seed, size);
  const std::vector<std::byte> memory = pattern(seed, 0, size);
  const ScopedFaults counting;
  Context& context = context_;
  const auto run = [&](Source source, Sink sink) {
    Transfer transfer = Transfer::start(context, std::move(source), std::move(sink));
    transfer.step(100);
  };
  run(Source::file(whole.ref()), Sink::file(file_.ref()));
  run(Source(memory), Sink::file(file_.ref()));
  run(Source::socket(in_.from.ref()), Sink::file(file_.ref(), 2 * size));
  run(Source::socket(in_.from.ref(), Preallocation::least_bytes - 1),
      Sink::file(file_.ref(), 2 * size));
  run(Source::socket(in_.from.ref(), size), Sink::file(longer.ref()));
  run(Source::socket(in_.from.ref(), size), Sink::file(file_.ref(), at_cursor));
  EXPECT_EQ(counting.seen("fallocate"), 0u);
}

/// A tmpfs of 2 MiB, seen while it lives.
class SmallTmpfs {
 public:
  explicit SmallTmpfs(const std::string& at) : at_(at) {
    if (::mount("leat-test", at.c_str(), "tmpfs", 0, "size=2m,mode=0700") != 0)
      why_not_ = std::strerror(errno);
  }
  ~SmallTmpfs() {
    if (why_not_.empty()) ::umount2(at_.c_str(), MNT_DETACH);
  }
  SmallTmpfs(const SmallTmpfs&) = delete;
  SmallTmpfs& operator=(const SmallTmpfs&) = delete;
  const std::string& why_not() const { return why_not_; }

 private:
  std::string at_;
  std::string why_not_;
};

TEST_F(PreallocationTest, on_a_disk_that_is_too_small_the_stream_keeps_its_bytes) {
  const Folder folder;
  const SmallTmpfs small(folder.path());
  if (!small.why_not().empty()) GTEST_SKIP() << "no tmpfs can be mounted: " << small.why_not();
  put(5000);
  {
    auto sink = Sink::open(folder.file("sink"));
    ASSERT_TRUE(sink);
    Transfer transfer =
        Transfer::start(context_, Source::socket(in_.from.ref(), size), std::move(*sink));
    drive(context_, transfer);
    ASSERT_TRUE(transfer.receipt().error);
    EXPECT_TRUE(transfer.receipt().error->is(ENOSPC));
  }
  EXPECT_EQ(text_of(folder.file("sink")), "");
  const OwnedFd probe = std::move(*os::open_for_writing(folder.file("probe"), {.create = true}));
  EXPECT_TRUE(os::reserve(probe, 0, 1 << 20)) << "what was asked for has been given back";
  EXPECT_EQ(read_rest(in_.from, seed, 0).count(), 5000u);
}

}  // namespace
}  // namespace leat::testing
