// Goal: a witness sees every delivered byte once and in order, whatever moves it and however it
// ends, and the mechanism that was chosen stays in use. Method: every mechanism on every pair that
// it fits, the endpoints checking themselves; the witness compares with the same pattern.

#include <unistd.h>

#include <optional>

#include <gtest/gtest.h>

#include <leat/connection.h>
#include <leat/plan.h>

#include "support/files.h"
#include "support/run_case.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t seed = 1;
constexpr std::uint64_t sizes[] = {0, 1, 4095, 4097, 65537, (1 << 20) + 4097};

/// What a stream without a mechanism that has or shows its bytes answers.
bool cannot_be_seen(const Case& one, const Receipt& receipt) {
  return is_stream(one.from) && one.to != EndKind::memory && receipt.error &&
         receipt.error->is(Errc::does_not_fit);
}

class Witnessed : public AlonePairTest {
 protected:
  void expect_seen(Case one) {
    const std::uint64_t size = one.from_options.size;
    SCOPED_TRACE(std::to_string(size) + " bytes, limit " + std::to_string(one.limit));
    StreamCheck seen(one.from_options.seed);
    one.options.mechanism = GetParam().mechanism;
    one.options.witness = [&seen](std::span<const std::byte> bytes) {
      EXPECT_FALSE(bytes.empty());
      seen.add(bytes);
    };
    const Outcome outcome = run_case(one);
    EXPECT_EQ(outcome.trouble, "") << describe(outcome.receipt);
    EXPECT_EQ(seen.mismatch(), "") << describe(outcome.receipt);
    EXPECT_EQ(seen.count(), outcome.receipt.delivered) << describe(outcome.receipt);
    if (cannot_be_seen(one, outcome.receipt)) return;
    EXPECT_EQ(outcome.receipt.delivered, size) << describe(outcome.receipt);
    EXPECT_TRUE(moved_by_alone(outcome.receipt, GetParam().mechanism)) << describe(outcome.receipt);
  }
};

TEST_P(Witnessed, every_byte_of_every_size) {
  for (const std::uint64_t size : sizes) {
    Case one = ragged_case(GetParam().from, GetParam().to, size);
    expect_seen(one);
    one.limit = 50'000;
    expect_seen(one);
    one.driver = Driver::call;
    expect_seen(one);
  }
}

INSTANTIATE_TEST_SUITE_P(every_fitting_pair, Witnessed, ::testing::ValuesIn(fitting_pairs()),
                         [](const auto& each) { return name_of(each.param); });

class WitnessTest : public GuardedTest {
 protected:
  Options options(Options more = {}) {
    more.witness = [this](std::span<const std::byte> bytes) {
      seen_.insert(seen_.end(), bytes.begin(), bytes.end());
    };
    return more;
  }
  /// To a socket whose peer reads everything, checked for `content`.
  Receipt send(Source source, Options more = {}) {
    Pair pair = make_unix_pair();
    Drainer drainer(std::move(pair.from), {.seed = seed});
    Transfer transfer = Transfer::start(context_, std::move(source), Sink::socket(pair.to.ref()),
                                        options(std::move(more)));
    drive(context_, transfer, 30'000);
    pair.to.reset();
    received_ = drainer.finish().check.digest();
    return transfer.receipt();
  }
  std::uint64_t seen_digest() const {
    Digest digest;
    digest.add(seen_);
    return digest.value();
  }

  Context context_ = make_context();
  std::vector<std::byte> seen_;
  std::uint64_t received_ = 0;
};

constexpr std::uint64_t size = 300'001;

TEST_F(WitnessTest, the_fast_way_stays_in_use_for_a_file) {
  const OwnedFd file = pattern_file(seed, size);
  const Receipt receipt = send(Source::file(file.ref()));
  EXPECT_TRUE(moved_by_alone(receipt, *Mechanism::named("splice"))) << describe(receipt);
  EXPECT_EQ(seen_, pattern(seed, 0, size));
  EXPECT_EQ(received_, seen_digest());
}

TEST_F(WitnessTest, what_is_read_for_it_is_copied) {
  struct Row {
    std::string_view mechanism;
    std::uint64_t copies;
  };
  const OwnedFd file = pattern_file(seed, size);
  for (const Row row : {Row{"read_write", 2}, Row{"splice", 1}, Row{"sendfile", 1}}) {
    const Receipt receipt =
        send(Source::file(file.ref()), {.mechanism = *Mechanism::named(row.mechanism)});
    ASSERT_TRUE(receipt.ok()) << describe(receipt);
    EXPECT_EQ(receipt.legs[0].known_by, KnownBy::construction);
    EXPECT_EQ(receipt.legs[0].cpu_copied_bytes, row.copies * size) << row.mechanism;
  }
  const auto memory = pattern(seed, 0, size);
  EXPECT_EQ(send(Source(memory)).legs[0].cpu_copied_bytes, size) << "it is seen where it lies";
}

TEST_F(WitnessTest, streams_are_spliced_too) {
  Pair in = make_pipe_pair(Blocking::yes);
  const Feeder feeder(std::move(in.to), seed, 0, size);
  set_blocking(in.from, Blocking::no);
  const Receipt receipt = send(Source::pipe(in.from.ref()));
  EXPECT_EQ(receipt.ending, Ending::end_of_source);
  EXPECT_TRUE(moved_by_alone(receipt, *Mechanism::named("splice"))) << describe(receipt);
  EXPECT_EQ(seen_, pattern(seed, 0, size));
  EXPECT_EQ(received_, seen_digest());
}

TEST_F(WitnessTest, a_rate_limit_changes_nothing) {
  const OwnedFd file = pattern_file(seed, size);
  const Receipt receipt = send(Source::file(file.ref()), {.rate_limit = 4 << 20});
  EXPECT_TRUE(moved_by_alone(receipt, *Mechanism::named("splice"))) << describe(receipt);
  EXPECT_EQ(seen_, pattern(seed, 0, size));
}

TEST_F(WitnessTest, parts_are_seen_in_order) {
  const OwnedFd file = pattern_file(seed, size);
  Pair in = make_pipe_pair(Blocking::yes);
  const auto later = pattern(seed, 5, 1000);
  ASSERT_EQ(::write(in.to.number(), later.data(), later.size()), 1000);
  in.to.reset();
  set_blocking(in.from, Blocking::no);
  const Receipt receipt = send(parts("head", Source(), "er", Source::file(file.ref(), {3, 5000}),
                                     Source::pipe(in.from.ref()), "trailer"));
  EXPECT_TRUE(receipt.ok()) << describe(receipt);
  std::vector<std::byte> expected;
  const auto add = [&](std::span<const std::byte> bytes) {
    expected.insert(expected.end(), bytes.begin(), bytes.end());
  };
  add(std::as_bytes(std::span(std::string_view("header"))));
  add(pattern(seed, 3, 5000));
  add(later);
  add(std::as_bytes(std::span(std::string_view("trailer"))));
  EXPECT_EQ(seen_, expected);
  EXPECT_EQ(received_, seen_digest());
}

TEST_F(WitnessTest, holes_are_zeros) {
  const Extent extents[] = {{1 << 20, 5000}, {3 << 20, 4097}};
  const OwnedFd from = sparse_file(seed, (4 << 20) + 1, extents);
  const OwnedFd to = file_with({});
  const Receipt receipt =
      transfer(context_, Source::file(from.ref()), Sink::file(to.ref()), options());
  EXPECT_GT(receipt.holes, 0u) << describe(receipt);
  EXPECT_EQ(seen_, content_of(from));
}

TEST_F(WitnessTest, a_transfer_goes_on_after_a_stop) {
  for (const std::string_view name : {"read_write", "splice", "sendfile"}) {
    SCOPED_TRACE(name);
    seen_.clear();
    const OwnedFd file = pattern_file(seed, size);
    Pair pair = make_unix_pair();
    shrink_buffers(pair.to);
    Drainer drainer(std::move(pair.from), {.seed = seed});
    Transfer transfer =
        Transfer::start(context_, Source::file(file.ref()), Sink::socket(pair.to.ref()),
                        options({.mechanism = *Mechanism::named(name)}));
    for (int stops = 0; stops < 4; ++stops) {
      transfer.step(20'001);
      EXPECT_EQ(seen_.size(), transfer.receipt().delivered);
      transfer.cancel();
      transfer.step();
      ASSERT_EQ(transfer.receipt().ending, Ending::cancelled);
      transfer.resume({});
    }
    drive(context_, transfer);
    pair.to.reset();
    EXPECT_EQ(drainer.finish().check.mismatch(), "");
    EXPECT_EQ(seen_, pattern(seed, 0, size));
  }
}

TEST_F(WitnessTest, whoever_goes_on_after_a_refusal_goes_on_showing) {
  for (const bool stream : {false, true}) {
    seen_.clear();
    const OwnedFd file = pattern_file(seed, size);
    Pair in = make_unix_pair();
    std::optional<Feeder> feeder;
    if (stream) feeder.emplace(std::move(in.to), seed, 0, size);
    const ScopedFaults faults({{.call = "splice", .first = 4, .error_number = EINVAL}});
    const Receipt receipt = send(stream ? Source::socket(in.from.ref()) : Source::file(file.ref()));
    EXPECT_EQ(faults.fired(), 1u);
    EXPECT_FALSE(receipt.refusals.empty());
    EXPECT_TRUE(receipt.ok()) << describe(receipt);
    EXPECT_EQ(seen_, pattern(seed, 0, size)) << describe(receipt);
    EXPECT_EQ(received_, seen_digest());
  }
}

TEST_F(WitnessTest, tee_denied_leaves_read_write) {
  Pair in = make_pipe_pair(Blocking::yes);
  const Feeder feeder(std::move(in.to), seed, 0, size);
  set_blocking(in.from, Blocking::no);
  const ScopedFaults faults({{.call = "tee", .times = always, .error_number = EPERM}});
  const Receipt receipt = send(Source::pipe(in.from.ref()));
  EXPECT_TRUE(receipt.ok()) << describe(receipt);
  EXPECT_EQ(seen_, pattern(seed, 0, size)) << describe(receipt);
}

TEST_F(WitnessTest, what_is_cut_off_before_it_was_looked_at_ends_the_transfer) {
  const OwnedFd file = pattern_file(seed, size);
  const ScopedFaults faults({{.call = "pread", .first = 2, .before = [&file] {
                                EXPECT_EQ(::ftruncate(file.number(), 100), 0);
                              }}});
  const Receipt receipt =
      send(Source::file(file.ref()), {.mechanism = *Mechanism::named("sendfile")});
  ASSERT_TRUE(receipt.error) << describe(receipt);
  EXPECT_TRUE(receipt.error->is(Errc::source_changed)) << describe(receipt);
  EXPECT_LT(seen_.size(), receipt.delivered);
}

// What the option's comment warns of: this witness is no proof of what was sent.
TEST_F(WitnessTest, a_live_file_may_be_changed_before_it_is_looked_at) {
  const OwnedFd file = pattern_file(seed, 1000);
  const auto other = pattern(seed + 1, 0, 1000);
  std::vector<std::byte> copy(1000);
  const OwnedFd to = file_with({});
  const ScopedFaults faults({{.call = "pread", .before = [&] {
                                ::pwrite(file.number(), other.data(), other.size(), 0);
                              }}});
  const Receipt receipt = transfer(context_, Source::file(file.ref()), Sink::file(to.ref()),
                                   options({.mechanism = *Mechanism::named("copy_file_range")}));
  EXPECT_TRUE(receipt.ok()) << describe(receipt);
  EXPECT_EQ(content_of(to), pattern(seed, 0, 1000));
  EXPECT_EQ(seen_, other);
}

TEST_F(WitnessTest, is_called_on_a_kept_connection) {
  Pair pair = make_tcp_pair();
  auto connection = Connection::adopt(context_, std::move(pair.to));
  ASSERT_TRUE(connection);
  const Receipt receipt = transfer(context_, Source("small"), *connection, options());
  EXPECT_TRUE(receipt.ok());
  EXPECT_EQ(seen_.size(), 5u);
}

// /proc makes its bytes anew for each that reads.
TEST_F(WitnessTest, proc_is_seen_as_it_is_read) {
  auto source = Source::open("/proc/version");
  ASSERT_TRUE(source);
  const OwnedFd to = file_with({});
  const Receipt receipt = transfer(context_, std::move(*source), Sink::file(to.ref()), options());
  EXPECT_TRUE(receipt.ok()) << describe(receipt);
  EXPECT_EQ(seen_, content_of(to));
}

TEST_F(WitnessTest, the_plan_says_how_and_refuses_what_cannot_be) {
  const OwnedFd file = pattern_file(seed, size);
  const Pair out = make_unix_pair();
  const Pair in = make_pipe_pair();
  const auto seen = [&](const Source& source, std::string_view name, Options more = {}) {
    const Plan plan = leat::plan(source, Sink::socket(out.to.ref()), options(std::move(more)));
    for (const Candidate& candidate : plan.candidates) {
      if (candidate.mechanism.name() == name)
        return std::string(candidate.fits ? candidate.seen : candidate.reason);
    }
    return std::string();
  };
  EXPECT_EQ(seen(Source::file(file.ref()), "sendfile"),
            "the witness reads the file once more, from memory while it is there: one copy");
  EXPECT_EQ(seen(Source::file(file.ref()), "read_write"),
            "the witness sees the block that the bytes pass through: no copy");
  EXPECT_EQ(seen(Source::pipe(in.from.ref()), "splice"),
            "the witness is shown a tee(2) of the pipe: one copy");
  EXPECT_EQ(seen(Source("memory"), "read_write"), "the witness sees the memory itself: no copy");
  EXPECT_EQ(seen(Source::pipe(in.from.ref()), "splice", {.copies = Copies::forbid}),
            "copies are forbidden, and the bytes of a stream are not seen without one");
  EXPECT_EQ(seen(Source::file(file.ref(), {at_cursor, to_end}), "sendfile"),
            "the bytes have to be seen, and what it moves cannot be read once more");
  const Plan plan = leat::plan(Source::file(file.ref()), Sink::socket(out.to.ref()));
  for (const Candidate& candidate : plan.candidates) EXPECT_EQ(candidate.seen, "");
}

}  // namespace
}  // namespace leat::testing
