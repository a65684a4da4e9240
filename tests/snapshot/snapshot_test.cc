// Goal: with Consistency::snapshot the peer gets the old bytes of a file that is changed during the
// transfer, whole, or the transfer fails and says so; never a mix. Method: on several file systems
// every kind of change comes between two steps, with old bytes in the socket's queue that nobody
// has read yet; each byte received is compared. Twins without snapshot show that the mix happens
// there.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <tuple>

#include <gtest/gtest.h>

#include <leat/plan.h>
#include <leat/transfer.h>

#include "snapshot/changing_file.h"
#include "support/drive.h"
#include "support/files.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t size = (5 << 16) + 4097;
constexpr std::uint64_t step_bytes = 64 << 10;

bool shares_extents(const std::string& type) { return type == "btrfs" || type == "xfs"; }

class SnapshotTest : public GuardedTest, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    const std::string why = FileSystemUnderTest::unavailable(GetParam());
    if (!why.empty()) GTEST_SKIP() << why;
    file_system_.emplace(GetParam());
    begin_file();
  }
  bool clones() const { return shares_extents(GetParam()); }

  void begin_file() {
    file_.reset();
    file_ =
        std::make_unique<ChangingFile>(file_system_->path("file" + std::to_string(++files_)), size);
    received_.clear();
    pair_ = make_unix_pair();
  }
  OwnedFd open_file() const { return OwnedFd(::open(file_->path().c_str(), O_RDONLY | O_CLOEXEC)); }

  void receive() {
    std::vector<std::byte> block(size);
    for (;;) {
      const ssize_t count = ::recv(pair_.from.number(), block.data(), block.size(), MSG_DONTWAIT);
      if (count <= 0) return;
      received_.insert(received_.end(), block.begin(), block.begin() + count);
    }
  }
  /// Steps to the end; what is delivered is read after each step but the first two.
  Receipt rest_of(Transfer& transfer) {
    drive(context_, transfer, step_bytes, [this](const Step&) {
      receive();
      return false;
    });
    receive();
    return transfer.receipt();
  }
  /// The change comes after two steps, of which the peer has read the first.
  Receipt move_during(Edit edit, Consistency consistency, Source source) {
    file_->prepare(edit);
    Transfer transfer = Transfer::start(context_, std::move(source), Sink::socket(pair_.to.ref()),
                                        {.consistency = consistency});
    transfer.step(step_bytes);
    receive();
    transfer.step(step_bytes);
    file_->edit(edit);
    const Receipt receipt = rest_of(transfer);
    file_->finish();  // while the transfer still lives: it holds nothing any more
    return receipt;
  }
  Receipt move_during(Edit edit, Consistency consistency) {
    return move_during(edit, consistency, Source::file(open_file()));
  }

  Context context_ = make_context();
  std::optional<FileSystemUnderTest> file_system_;
  std::unique_ptr<ChangingFile> file_;
  int files_ = 0;
  Pair pair_;
  std::vector<std::byte> received_;
};

TEST_P(SnapshotTest, is_whole_and_old_or_an_error_that_says_so) {
  for (const Edit edit : all_edits) {
    SCOPED_TRACE(name_of(edit));
    begin_file();
    const Receipt receipt = move_during(edit, Consistency::snapshot);
    const Comparison seen = compare(received_, *file_);
    EXPECT_EQ(seen.other_bytes, 0u) << describe(receipt);
    EXPECT_EQ(received_.size(), receipt.delivered);
    EXPECT_EQ(inconsistency(receipt), "");
    const bool harmless = edit == Edit::replace || clones();
    EXPECT_EQ(receipt.ok(), harmless) << describe(receipt);
    if (harmless) {
      EXPECT_EQ(seen.old_bytes, size);
      continue;
    }
    if (edit == Edit::empty_it) {
      EXPECT_EQ(receipt.ending, Ending::source_shrank);
      continue;
    }
    ASSERT_TRUE(receipt.error) << describe(receipt);
    if (is_open_before(edit)) {
      EXPECT_TRUE(receipt.error->is(Errc::no_snapshot)) << describe(receipt);
      EXPECT_EQ(receipt.delivered, 0u);
      EXPECT_EQ(receipt.error->hint,
                "somebody has it open for writing; or use Consistency::detect");
    } else {
      EXPECT_TRUE(receipt.error->is(Errc::source_changed)) << describe(receipt);
      EXPECT_GE(receipt.delivered, 2 * step_bytes);
    }
  }
}

TEST_P(SnapshotTest, live_files_are_mixed) {
  for (const Edit edit :
       {Edit::write, Edit::write_open_before, Edit::map_after, Edit::map_before}) {
    SCOPED_TRACE(name_of(edit));
    begin_file();
    const Receipt receipt = move_during(edit, Consistency::live);
    const Comparison seen = compare(received_, *file_);
    EXPECT_TRUE(receipt.ok()) << describe(receipt);
    EXPECT_GE(seen.old_bytes, step_bytes);
    EXPECT_GE(seen.other_bytes, step_bytes);
  }
}

TEST_P(SnapshotTest, pages_that_are_shared_change_in_the_queue) {
  const Receipt receipt = move_during(Edit::write, Consistency::live);
  ASSERT_TRUE(receipt.ok());
  // The second step's bytes had been delivered, and not read, when the file was changed.
  EXPECT_NE(received_[step_bytes + 1], file_->old_bytes()[step_bytes + 1]) << describe(receipt);
}

TEST_P(SnapshotTest, detect_tells_of_what_shows) {
  for (const Edit edit : {Edit::write, Edit::write_open_before, Edit::map_after, Edit::extend}) {
    SCOPED_TRACE(name_of(edit));
    begin_file();
    const Receipt receipt = move_during(edit, Consistency::detect);
    ASSERT_TRUE(receipt.error) << describe(receipt);
    EXPECT_TRUE(receipt.error->is(Errc::source_changed)) << describe(receipt);
  }
  begin_file();
  EXPECT_FALSE(move_during(Edit::truncate, Consistency::detect).ok());
}

TEST_P(SnapshotTest, an_undisturbed_file_arrives_whatever_is_asked_for) {
  for (const Consistency consistency :
       {Consistency::live, Consistency::detect, Consistency::snapshot}) {
    begin_file();
    Transfer transfer = Transfer::start(context_, Source::file(open_file(), {10, size - 11}),
                                        Sink::socket(pair_.to.ref()), {.consistency = consistency});
    EXPECT_EQ(rest_of(transfer).ending, Ending::complete) << describe(transfer.receipt());
    EXPECT_EQ(received_,
              std::vector(file_->old_bytes().begin() + 10, file_->old_bytes().end() - 1));
  }
}

TEST_P(SnapshotTest, a_borrowed_descriptor_is_left_as_it_is) {
  const OwnedFd file = open_file();
  const std::string before = demeanour(file);
  Transfer transfer =
      Transfer::start(context_, Source::file(file.ref()), Sink::socket(pair_.to.ref()),
                      {.consistency = Consistency::snapshot});
  EXPECT_TRUE(rest_of(transfer).ok());
  EXPECT_EQ(demeanour(file), before);
  EXPECT_EQ(::fcntl(file.number(), F_GETOWN), 0);
  EXPECT_EQ(::fcntl(file.number(), F_GETSIG), 0);
}

TEST_P(SnapshotTest, is_read_at_the_cursor_too) {
  const OwnedFd file = open_file();
  const Receipt changed = move_during(Edit::write, Consistency::snapshot,
                                      Source::file(file.ref(), {at_cursor, to_end}));
  ASSERT_TRUE(changed.error) << describe(changed);
  EXPECT_TRUE(changed.error->is(Errc::source_changed)) << "a cursor has no clone";
  EXPECT_EQ(compare(received_, *file_).other_bytes, 0u);
}

// Both ranges are of the moment before the change.
TEST_P(SnapshotTest, parts_of_one_file_are_of_one_moment) {
  const OwnedFd file = open_file();
  const Receipt receipt = move_during(Edit::write, Consistency::snapshot,
                                      parts(Source::file(file.ref(), {0, 3 * step_bytes}),
                                            Source::file(file.ref(), {3 * step_bytes, to_end})));
  EXPECT_EQ(receipt.ok(), clones()) << describe(receipt);
  EXPECT_EQ(compare(received_, *file_).other_bytes, 0u);
  if (clones()) {
    EXPECT_EQ(received_.size(), size);
  }
}

TEST_P(SnapshotTest, the_later_parts_are_held_from_the_start) {
  ChangingFile other(file_system_->path("other"), 2 * step_bytes);
  const OwnedFd first(::open(other.path().c_str(), O_RDONLY | O_CLOEXEC));
  const OwnedFd second = open_file();
  const Receipt receipt =
      move_during(Edit::write, Consistency::snapshot,
                  parts(Source("header"), Source::file(first.ref()), Source::file(second.ref())));
  EXPECT_EQ(receipt.ok(), clones()) << describe(receipt);
  const std::uint64_t before = 6 + other.size();
  if (clones()) {
    received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(before));
    EXPECT_EQ(received_, file_->old_bytes());
  } else {
    EXPECT_LE(received_.size(), before) << "nothing of a file that somebody wants to write";
  }
}

TEST_P(SnapshotTest, to_a_file_of_the_same_file_system) {
  const OwnedFd sink(
      ::open(file_system_->path("sink").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  Transfer transfer = Transfer::start(context_, Source::file(open_file()), Sink::file(sink.ref()),
                                      {.consistency = Consistency::snapshot});
  transfer.step(step_bytes);
  file_->edit(Edit::write);
  drive(context_, transfer, step_bytes);
  file_->finish();
  EXPECT_EQ(transfer.receipt().ok(), clones()) << describe(transfer.receipt());
  EXPECT_EQ(compare(content_of(sink), *file_).other_bytes, 0u);
  if (clones()) {
    EXPECT_EQ(content_of(sink), file_->old_bytes());
  }
}

// Seen through a mount that nobody may write to, the source's folder is no place for the clone.
TEST_P(SnapshotTest, a_clone_lies_beside_the_sink_if_it_must) {
  if (!clones()) return;
  const std::string read_only = file_system_->path("read_only");
  ASSERT_EQ(run_quietly("mkdir " + read_only + " && mount --bind " + file_system_->path("") + " " +
                        read_only + " && mount -o remount,ro,bind " + read_only),
            0);
  {
    const std::string name = file_->path().substr(file_->path().rfind('/'));
    const OwnedFd file(::open((read_only + name).c_str(), O_RDONLY | O_CLOEXEC));
    const OwnedFd sink(
        ::open(file_system_->path("sink").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    Transfer transfer = Transfer::start(context_, Source::file(file.ref()), Sink::file(sink.ref()),
                                        {.consistency = Consistency::snapshot});
    transfer.step(step_bytes);
    file_->edit(Edit::write);
    EXPECT_TRUE(file_->is_edited()) << "nobody is held up";
    EXPECT_TRUE(rest_of(transfer).ok()) << describe(transfer.receipt());
    EXPECT_EQ(content_of(sink), file_->old_bytes());
  }
  EXPECT_EQ(run_quietly("umount " + read_only), 0);
}

TEST_P(SnapshotTest, to_memory) {
  std::vector<std::byte> room(size);
  Transfer transfer = Transfer::start(context_, Source::file(open_file()), Sink(room),
                                      {.consistency = Consistency::snapshot});
  transfer.step(step_bytes);
  file_->edit(Edit::write);
  const Receipt receipt = rest_of(transfer);
  file_->finish();
  room.resize(receipt.delivered);
  EXPECT_EQ(compare(room, *file_).other_bytes, 0u);
  EXPECT_EQ(receipt.ok(), clones());
}

// The writer goes on as soon as a step has seen him, and a stopped transfer is still of the moment
// at which it began.
TEST_P(SnapshotTest, a_stopped_transfer_keeps_what_it_holds) {
  Transfer transfer =
      Transfer::start(context_, Source::file(open_file()), Sink::socket(pair_.to.ref()),
                      {.consistency = Consistency::snapshot});
  transfer.step(step_bytes);
  transfer.cancel();
  ASSERT_EQ(transfer.step().state, State::stopped);
  file_->edit(Edit::write);
  EXPECT_EQ(file_->is_edited(), clones()) << "a lease holds writers up";
  transfer.resume({});
  const Receipt receipt = rest_of(transfer);
  file_->finish();
  EXPECT_EQ(receipt.ok(), clones()) << describe(receipt);
  EXPECT_EQ(compare(received_, *file_).other_bytes, 0u);
}

TEST_P(SnapshotTest, a_destroyed_transfer_lets_go) {
  {
    Transfer transfer =
        Transfer::start(context_, Source::file(open_file()), Sink::socket(pair_.to.ref()),
                        {.consistency = Consistency::snapshot});
    transfer.step(step_bytes);
    file_->edit(Edit::write);
  }
  file_->finish();
  EXPECT_TRUE(file_->is_edited());
}

// With nobody reading, only time makes a step look whether somebody waits.
TEST_P(SnapshotTest, a_transfer_that_waits_for_its_peer_sees_the_writer) {
  if (clones()) return;  // which holds nobody up
  shrink_buffers(pair_.to);
  Transfer transfer =
      Transfer::start(context_, Source::file(open_file()), Sink::socket(pair_.to.ref()),
                      {.consistency = Consistency::snapshot});
  drive(context_, transfer, step_bytes,
        [](const Step& step) { return step.state == State::blocked; });
  file_->edit(Edit::write);
  drive(context_, transfer, step_bytes);
  file_->finish();
  EXPECT_TRUE(transfer.receipt().error->is(Errc::source_changed)) << describe(transfer.receipt());
}

// The kernel takes a lease away from who keeps a writer waiting for long, also between reading and
// handing on. The lease is asked once at the start of a step, and again there.
TEST_P(SnapshotTest, what_was_read_when_the_lease_was_lost_is_not_handed_on) {
  if (clones()) return;
  std::vector<std::byte> room(size);
  const OwnedFd file = open_file();
  for (const bool to_memory : {false, true}) {
    SCOPED_TRACE(to_memory ? "to memory" : "to a socket");
    ASSERT_EQ(::lseek(file.number(), 0, SEEK_SET), 0);
    Transfer transfer = Transfer::start(context_, Source::file(file.ref(), {at_cursor, to_end}),
                                        to_memory ? Sink(room) : Sink::socket(pair_.to.ref()),
                                        {.consistency = Consistency::snapshot});
    transfer.step(step_bytes);
    {
      const ScopedFaults faults({{.call = "fcntl", .first = 2, .error_number = EBADF}});
      EXPECT_EQ(transfer.step(step_bytes).error, make_error_code(Errc::source_changed));
      EXPECT_EQ(faults.fired(), 1u);
    }
    EXPECT_EQ(transfer.receipt().delivered, step_bytes);
    EXPECT_EQ(cursor_of(file), static_cast<std::int64_t>(step_bytes));
    EXPECT_EQ(transfer.receipt().stranded, 0u);
  }
  receive();
  EXPECT_EQ(received_.size(), step_bytes);
}

TEST_P(SnapshotTest, the_plan_says_what_serves) {
  const Plan plan = leat::plan(Source::file(open_file()), Sink::socket(pair_.to.ref()),
                               {.consistency = Consistency::snapshot}, Costs());
  const std::string_view chosen = plan.chosen().name();
  EXPECT_EQ(chosen, clones() ? "splice" : "read_write");
  const OwnedFd writer(::open(file_->path().c_str(), O_WRONLY | O_CLOEXEC));
  const Plan refused = leat::plan(Source::file(open_file()), Sink::socket(pair_.to.ref()),
                                  {.consistency = Consistency::snapshot}, Costs());
  if (clones()) {
    EXPECT_EQ(refused.chosen().name(), "splice") << "who has it open changes nothing in the clone";
    return;
  }
  for (const Candidate& candidate : plan.candidates) {
    if (candidate.mechanism.name() != "sendfile") continue;
    EXPECT_EQ(candidate.reason,
              "a snapshot by a lease is copied and the lease asked before bytes are handed on");
  }
  EXPECT_FALSE(refused.chosen());
  const Receipt receipt = transfer(Source::file(open_file()), Sink::socket(pair_.to.ref()),
                                   {.consistency = Consistency::snapshot});
  ASSERT_TRUE(refused.error && receipt.error);
  EXPECT_EQ(refused.error->message(), receipt.error->message());
}

TEST_P(SnapshotTest, a_forced_mechanism_that_shares_pages_does_not_fit_a_lease) {
  Transfer transfer = Transfer::start(
      context_, Source::file(open_file()), Sink::socket(pair_.to.ref()),
      {.mechanism = *Mechanism::named("sendfile"), .consistency = Consistency::snapshot});
  const Receipt receipt = rest_of(transfer);
  EXPECT_EQ(receipt.ok(), clones()) << describe(receipt);
  if (!clones()) {
    EXPECT_TRUE(receipt.error->is(Errc::does_not_fit)) << describe(receipt);
  }
}

INSTANTIATE_TEST_SUITE_P(on, SnapshotTest, ::testing::Values("ext4", "btrfs", "xfs", "tmpfs"),
                         [](const auto& each) { return std::string(each.param); });

// Nobody can change it, so its pages may be shared.
TEST(SnapshotOfMemfd, is_shared_once_it_is_sealed) {
  const Watchdog watchdog;
  const OwnedFd file(::memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const auto bytes = pattern(7, 0, size);
  ASSERT_EQ(::write(file.number(), bytes.data(), size), static_cast<ssize_t>(size));
  const auto move = [&] {
    const Pair pair = make_unix_pair();
    Context context = make_context();
    Transfer transfer =
        Transfer::start(context, Source::file(file.ref(), {0, 100'000}),
                        Sink::socket(pair.to.ref()), {.consistency = Consistency::snapshot});
    drive(context, transfer);
    return transfer.receipt();
  };
  const Receipt refused = move();
  EXPECT_TRUE(refused.error && refused.error->is(Errc::no_snapshot)) << describe(refused);
  ASSERT_EQ(::fcntl(file.number(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK), 0);
  EXPECT_FALSE(move().ok()) << "a mapping from before can still write";
  ASSERT_EQ(::fcntl(file.number(), F_ADD_SEALS, F_SEAL_WRITE), 0);
  const Receipt receipt = move();
  EXPECT_TRUE(receipt.ok()) << describe(receipt);
  const std::string_view by = receipt.legs[0].mechanism.name();
  EXPECT_TRUE(by == "splice" || by == "sendfile") << describe(receipt);
}

TEST(SnapshotOfProc, is_refused) {
  const Watchdog watchdog;
  auto source = Source::open("/proc/version");
  ASSERT_TRUE(source);
  std::vector<std::byte> room(100);
  const Receipt receipt =
      transfer(std::move(*source), Sink(room), {.consistency = Consistency::snapshot});
  ASSERT_TRUE(receipt.error);
  EXPECT_TRUE(receipt.error->is(Errc::no_snapshot)) << describe(receipt);
}

TEST(SnapshotOfMemory, is_what_it_is) {
  std::vector<std::byte> room(5);
  const Receipt receipt =
      transfer(Source("bytes"), Sink(room), {.consistency = Consistency::snapshot});
  EXPECT_TRUE(receipt.ok()) << describe(receipt);
}

}  // namespace
}  // namespace leat::testing
