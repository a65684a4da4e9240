#include "os/sendfile.h"

#include <algorithm>
#include <optional>

#include "mechanism/errnos.h"
#include "mechanism/mechanism.h"
#include "mechanism/probe.h"
#include "os/file.h"

namespace leat {
namespace {

class SendfilePump final : public Pump {
 public:
  Moved step(const Passage& passage, const Allowance& allowance) override;
  Residue surrender(Resources&) override { return {}; }

 private:
  Result<void> place_cursor(const Passage& passage);

  std::optional<std::uint64_t> cursor_;  // where the descriptor of a file sink stands
};

// sendfile has an offset for its source only: into a file it writes at the descriptor's own.
Result<void> SendfilePump::place_cursor(const Passage& passage) {
  if (passage.sink.kind != Kind::file || passage.sink.cursor) return {};
  if (cursor_ == passage.to_offset) return {};  // else it begins, or a hole was passed over
  cursor_ = passage.to_offset;
  return os::move_cursor(passage.to, passage.to_offset);
}

Moved SendfilePump::step(const Passage& passage, const Allowance& allowance) {
  Moved moved;
  if (const auto placed = place_cursor(passage); !placed) return ending_for(moved, placed.error());

  if (!passage.sink.regular) passage.resources.guard_sigpipe();
  std::uint64_t offset = passage.from_offset;
  const std::uint64_t limit = std::min(allowance.take, allowance.deliver);
  const auto sent =
      os::sendfile(passage.to, passage.from, passage.source.cursor ? nullptr : &offset, limit);
  moved.calls = 1;
  if (sent) [[likely]] {
    if (*sent < limit) passage.resources.sigpipe.raised();
    if (cursor_) *cursor_ += *sent;
    moved.taken = moved.delivered = *sent;
    if (*sent == 0) moved.outcome = Moved::Outcome::source_ended;
    return moved;
  }
  if (sent.error().is(EAGAIN)) {
    moved.outcome = Moved::Outcome::wait_sink;
    return moved;
  }
  if (sent.error().is(EPIPE)) passage.resources.sigpipe.raised();
  // EIO may be the source's; a connection that is gone is always the sink's.
  if (sent.error().is(EPIPE) || sent.error().is(ECONNRESET)) moved.side = Moved::Side::sink;
  return ending_for(moved, sent.error());
}

Fit fits(const SourceFacts& source, const SinkFacts& sink) {
  if (source.kind != Kind::file) return {false, "the source is not a file"};
  if (sink.kind == Kind::memory || sink.kind == Kind::device)
    return {false, "the sink is not a socket, pipe or file"};
  if (sink.waiting == Waiting::flagged || sink.waiting == Waiting::polled)
    return {false, "descriptor is blocking: sendfile(2) would wait and has no flag against it"};
  if (sink.kind == Kind::file) {
    if (sink.append) return {false, "sendfile(2) refuses a file opened with O_APPEND"};
    if (!sink.cursor && !sink.owned)
      return {false, "it would move the offset of a borrowed file descriptor"};
    return {true, "moves the file's pages inside the kernel, which copies them once"};
  }
  return {true, "hands the file's page cache to the sink in one call, without copying"};
}

Cost cost(const SourceFacts&, const SinkFacts& sink) {
  if (sink.kind == Kind::file) return {.cpu_copies = 1};
  return {.cpu_copies = 0, .if_pages_are_taken = sink.kind == Kind::socket};
}

std::string_view unavailable() { return verdict_of(os::sendfile(FdRef(), FdRef(), nullptr, 1)); }

void start(PumpSlot& slot, const Tuning&) { slot.emplace<SendfilePump>(); }

}  // namespace

namespace mechanisms {

extern const MechanismEntry sendfile;
const MechanismEntry sendfile = {
    .name = "sendfile",
    .summary = "file to socket, pipe or file by sendfile(2)",
    .unavailable = unavailable,
    .fits = fits,
    .cost = cost,
    .start = start,
    .carries_more = false,
    .holds_nothing = true,
    .cold_pages = ColdPages::wait,
};

}  // namespace mechanisms
}  // namespace leat
