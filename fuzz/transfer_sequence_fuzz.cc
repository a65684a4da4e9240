// Any sequence of steps, limits, cancels, resumes, feeding, draining and closing against a model:
// delivered bytes are the source's prefix, what was taken is delivered, stranded or still to be
// read, and no step exceeds its limit.

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <leat/transfer.h>

#include "check.h"

namespace {

using leat::FdRef;
using leat::OwnedFd;
using leat::State;

constexpr std::uint64_t most_bytes = 300'000;

// Position-dependent bytes: no two stretches of it are alike.
const std::vector<std::byte>& stream() {
  static const std::vector<std::byte> bytes = [] {
    std::vector<std::byte> made(most_bytes);
    std::uint64_t state = 1;
    for (std::byte& byte : made) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      byte = static_cast<std::byte>(state >> 56);
    }
    return made;
  }();
  return bytes;
}

bool is_stream_at(std::uint64_t position, std::span<const std::byte> bytes) {
  return position + bytes.size() <= stream().size() &&
         std::equal(bytes.begin(), bytes.end(),
                    stream().begin() + static_cast<std::ptrdiff_t>(position));
}

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : left_(data, size) {}
  bool empty() const { return left_.empty(); }
  std::uint8_t byte() {
    if (left_.empty()) return 0;
    const std::uint8_t value = left_.front();
    left_ = left_.subspan(1);
    return value;
  }
  /// Small and large numbers are about as likely.
  std::uint64_t number(std::uint64_t below) {
    const unsigned bits = byte() % 19;
    const std::uint64_t value = (std::uint64_t{byte()} << 8 | byte()) << 3 | 5;
    return (value & ((std::uint64_t{1} << bits) - 1)) % below;
  }

 private:
  std::span<const std::uint8_t> left_;
};

enum class End : std::uint8_t { memory, file, pipe, socket };

/// A pair of connected descriptors, non-blocking; `from` is read.
struct Pair {
  OwnedFd from;
  OwnedFd to;
};

Pair connected(End kind) {
  std::array<int, 2> ends{};
  if (kind == End::pipe) {
    FUZZ_CHECK(::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) == 0);
  } else {
    const int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    FUZZ_CHECK(::socketpair(AF_UNIX, type, 0, ends.data()) == 0);
  }
  return {OwnedFd(ends[0]), OwnedFd(ends[1])};
}

bool is_stream_end(End end) { return end == End::pipe || end == End::socket; }

class Model {
 public:
  Model(leat::Context& context, Input& input) : context_(context), input_(input) { build(); }

  void run() {
    while (!input_.empty()) act();
    wind_up();
  }

 private:
  void build();
  void act();
  leat::Step step(std::uint64_t limit);
  void feed(std::uint64_t most);
  void drain(std::uint64_t most);
  void wind_up();
  void check_end();
  void check_stranded(std::uint64_t delivered, std::uint64_t stranded);
  std::uint64_t rest_of_source(std::uint64_t position);
  bool finished() const {
    return last_.state == State::done || last_.state == State::failed ||
           last_.state == State::stopped;
  }

  leat::Context& context_;
  Input& input_;
  End from_ = End::memory;
  End to_ = End::memory;
  std::uint64_t size_ = 0;      // of the source, all of it
  std::uint64_t promised_ = 0;  // or to_end
  Pair source_pair_;
  Pair sink_pair_;
  OwnedFd source_file_;
  OwnedFd sink_file_;
  std::vector<std::byte> sink_memory_;
  std::stop_source stop_;
  std::optional<leat::Transfer> transfer_;
  leat::Step last_;
  std::uint64_t fed_ = 0;
  std::uint64_t drained_ = 0;
  bool reader_left_ = false;
};

void Model::build() {
  from_ = static_cast<End>(input_.byte() % 4);
  to_ = static_cast<End>(input_.byte() % 4);
  size_ = input_.number(most_bytes);
  const bool promise = (input_.byte() & 1) != 0;
  promised_ = promise ? input_.number(size_ + 1) : leat::to_end;
  if (is_stream_end(from_)) source_pair_ = connected(from_);
  if (is_stream_end(to_)) sink_pair_ = connected(to_);

  leat::Source source;
  const auto bytes = std::span<const std::byte>(stream()).first(size_);
  if (from_ == End::memory) {
    promised_ = size_;
    source = bytes;
  } else if (from_ == End::file) {
    source_file_ = OwnedFd(::memfd_create("source", MFD_CLOEXEC));
    FUZZ_CHECK(::write(source_file_.number(), bytes.data(), size_) == static_cast<ssize_t>(size_));
    source = leat::Source::file(source_file_.ref(), {0, promised_});
  } else {
    source = from_ == End::pipe ? leat::Source::pipe(source_pair_.from.ref(), promised_)
                                : leat::Source::socket(source_pair_.from.ref(), promised_);
  }

  leat::Sink sink;
  if (to_ == End::memory) {
    sink_memory_.resize(size_);
    sink = leat::Sink(std::span(sink_memory_));
  } else if (to_ == End::file) {
    sink_file_ = OwnedFd(::memfd_create("sink", MFD_CLOEXEC));
    sink = leat::Sink::file(sink_file_.ref());
  } else {
    sink = to_ == End::pipe ? leat::Sink::pipe(sink_pair_.to.ref())
                            : leat::Sink::socket(sink_pair_.to.ref());
  }

  leat::Options options;
  const std::size_t forced = input_.byte() % (leat::Mechanism::count() + 1);
  if (forced > 0) options.mechanism = leat::Mechanism::at(forced - 1);
  options.tuning.block_bytes = static_cast<std::uint32_t>(input_.number(70'000));
  options.tuning.pipe_bytes = static_cast<std::uint32_t>(input_.number(1 << 20));
  options.stop = stop_.get_token();
  transfer_ = leat::Transfer::start(context_, std::move(source), std::move(sink), options);
}

void Model::act() {
  switch (input_.byte() % 12) {
    case 0:
    case 1:
    case 2:
    case 3: step(1 + input_.number(100'000)); break;
    case 4:
    case 5: feed(input_.number(most_bytes)); break;
    case 6:
    case 7: drain(input_.number(most_bytes)); break;
    case 8: transfer_->cancel(); break;
    case 9:
      transfer_->resume({});
      if (last_.state == State::stopped) last_.state = State::progress;
      break;
    case 10: stop_.request_stop(); break;
    case 11:
      if (input_.byte() % 8 != 0) break;  // else most runs would end here
      reader_left_ = is_stream_end(to_);
      sink_pair_.from.reset();
      break;
  }
  const leat::Receipt receipt = transfer_->receipt();
  FUZZ_CHECK(receipt.delivered == last_.delivered);
  FUZZ_CHECK(receipt.stranded <= last_.taken - std::min(last_.taken, last_.delivered));
}

leat::Step Model::step(std::uint64_t limit) {
  const leat::Step before = last_;
  last_ = transfer_->step(limit);
  FUZZ_CHECK(last_.delivered >= before.delivered);
  FUZZ_CHECK(last_.delivered - before.delivered <= limit);
  FUZZ_CHECK(last_.taken <= before.taken || last_.taken - before.taken <= limit);
  FUZZ_CHECK(last_.taken >= last_.delivered);
  FUZZ_CHECK(last_.taken <= size_);
  FUZZ_CHECK(!is_stream_end(from_) || last_.taken <= fed_);
  FUZZ_CHECK((last_.state == State::failed) == static_cast<bool>(last_.error));
  if (last_.state == State::blocked) FUZZ_CHECK(last_.wait.count > 0 || last_.wait.wake_at);
  return last_;
}

void Model::feed(std::uint64_t most) {
  if (!is_stream_end(from_) || !source_pair_.to.valid()) return;
  const auto part = std::span(stream()).subspan(fed_, std::min(most, size_ - fed_));
  if (!part.empty()) {
    const ssize_t count = ::write(source_pair_.to.number(), part.data(), part.size());
    FUZZ_CHECK(count >= 0 || errno == EAGAIN);
    if (count > 0) fed_ += static_cast<std::uint64_t>(count);
  }
  if (fed_ == size_) source_pair_.to.reset();
}

void Model::drain(std::uint64_t most) {
  if (!is_stream_end(to_) || reader_left_ || most == 0) return;
  static std::vector<std::byte> got(most_bytes);
  const ssize_t count = ::read(sink_pair_.from.number(), got.data(), most);
  FUZZ_CHECK(count >= 0 || errno == EAGAIN);
  if (count <= 0) return;
  FUZZ_CHECK(is_stream_at(drained_, std::span(got).first(static_cast<std::size_t>(count))));
  drained_ += static_cast<std::uint64_t>(count);
  FUZZ_CHECK(drained_ <= last_.delivered);
}

// With both far ends at work, it has to come to an end.
void Model::wind_up() {
  for (int rounds = 0; !finished(); ++rounds) {
    FUZZ_CHECK(rounds < 100'000);
    feed(most_bytes);
    drain(most_bytes);
    if (step(most_bytes).state != State::blocked) continue;
    std::array<pollfd, 2> fds{};
    nfds_t count = 0;
    for (const leat::WaitFd& slot : last_.wait.fds())
      fds[count++] = {.fd = slot.fd.number(), .events = slot.events, .revents = 0};
    // Not longer: a wait may also end because this thread feeds or drains.
    ::poll(fds.data(), count, last_.wait.wake_at ? 1 : 0);
  }
  check_end();
}

void Model::check_end() {
  const leat::Receipt receipt = transfer_->receipt();
  std::uint64_t sum = receipt.holes;
  for (const leat::Leg& leg : receipt.legs) sum += leg.bytes;
  FUZZ_CHECK(sum == receipt.delivered);
  FUZZ_CHECK(transfer_->step().state == last_.state);
  if (receipt.ok()) {
    const std::uint64_t whole = promised_ == leat::to_end ? size_ : promised_;
    FUZZ_CHECK(receipt.delivered == whole);
    FUZZ_CHECK(receipt.stranded == 0);
  }
  check_stranded(receipt.delivered, receipt.stranded);
  transfer_.reset();
  FUZZ_CHECK(context_.counters().transfers == 0);
  FUZZ_CHECK(context_.counters().stranded_bytes == 0);

  const std::uint64_t gone = receipt.delivered + receipt.stranded;
  FUZZ_CHECK(gone + rest_of_source(gone) == (is_stream_end(from_) ? fed_ : size_));
  if (to_ == End::memory)
    FUZZ_CHECK(is_stream_at(0, std::span(sink_memory_).first(receipt.delivered)));
  if (to_ == End::file) {
    std::vector<std::byte> content(most_bytes + 1);
    const ssize_t count = ::pread(sink_file_.number(), content.data(), content.size(), 0);
    FUZZ_CHECK(count == static_cast<ssize_t>(receipt.delivered));
    FUZZ_CHECK(is_stream_at(0, std::span(content).first(receipt.delivered)));
  }
  if (is_stream_end(to_) && !reader_left_) {
    sink_pair_.to.reset();
    for (std::uint64_t before = UINT64_MAX; before != drained_;) {
      before = drained_;
      drain(most_bytes);
    }
    FUZZ_CHECK(drained_ == receipt.delivered);
  }
}

void Model::check_stranded(std::uint64_t delivered, std::uint64_t stranded) {
  std::uint64_t position = delivered;
  for (leat::Source& source : transfer_->stranded()) {
    std::vector<std::byte> bytes(source.length());
    const leat::Receipt receipt =
        leat::transfer(context_, std::move(source), leat::Sink(std::span(bytes)));
    FUZZ_CHECK(receipt.delivered == bytes.size());
    FUZZ_CHECK(is_stream_at(position, bytes));
    position += bytes.size();
  }
  FUZZ_CHECK(position == delivered + stranded);
}

/// How much is still to be read, which must be the stream from `position` on.
std::uint64_t Model::rest_of_source(std::uint64_t position) {
  if (!is_stream_end(from_)) return size_ - position;
  std::uint64_t count = 0;
  std::vector<std::byte> got(most_bytes);
  for (;;) {
    const ssize_t read = ::read(source_pair_.from.number(), got.data(), got.size());
    if (read <= 0) return count;
    FUZZ_CHECK(
        is_stream_at(position + count, std::span(got).first(static_cast<std::size_t>(read))));
    count += static_cast<std::uint64_t>(read);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto context = leat::Context::create();
  FUZZ_CHECK(context.has_value());
  Input input(data, std::min<std::size_t>(size, 4096));
  Model(*context, input).run();
  return 0;
}
