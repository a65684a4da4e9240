#include "os/copy_file_range.h"

#include <algorithm>

#include "mechanism/errnos.h"
#include "mechanism/mechanism.h"
#include "mechanism/probe.h"

namespace leat {
namespace {

class CopyFileRangePump final : public Pump {
 public:
  Moved step(const Passage& passage, const Allowance& allowance) override;
  Residue surrender(Resources&) override { return {}; }
};

Moved CopyFileRangePump::step(const Passage& passage, const Allowance& allowance) {
  Moved moved{.calls = 1};
  std::uint64_t from = passage.from_offset;
  std::uint64_t to = passage.to_offset;
  const auto copied = os::copy_file_range(passage.from, passage.source.cursor ? nullptr : &from,
                                          passage.to, passage.sink.cursor ? nullptr : &to,
                                          std::min(allowance.take, allowance.deliver));
  if (copied) [[likely]] {
    moved.taken = moved.delivered = *copied;
    if (*copied == 0) moved.outcome = Moved::Outcome::source_ended;
    return moved;
  }
  // EBADF is its word for O_APPEND; CIFS answers ENOENT and EIO, and old kernels EFBIG, for what a
  // slower way can do. If the disk really fails, that way will say so.
  return ending_for(moved, copied.error(), {EBADF, EFBIG, ENOENT, EIO, EISDIR, EAGAIN});
}

Fit fits(const SourceFacts& source, const SinkFacts& sink) {
  if (source.kind != Kind::file || sink.kind != Kind::file)
    return {false, "it works only from file to file"};
  if (!source.regular || !sink.regular) return {false, "both ends must be regular files"};
  if (!source.true_size)
    return {false, "the source's file system does not tell its size, so 0 would not mean its end"};
  if (sink.append) return {false, "copy_file_range(2) refuses a file opened with O_APPEND"};
  return {true, "copies inside the kernel; the file system may share the blocks instead"};
}

// Shared blocks or copied ones: only the file system knows which.
Cost cost(const SourceFacts&, const SinkFacts&) { return {}; }

std::string_view unavailable() {
  return verdict_of(os::copy_file_range(FdRef(), nullptr, FdRef(), nullptr, 1));
}

void start(PumpSlot& slot, const Tuning&) { slot.emplace<CopyFileRangePump>(); }

}  // namespace

namespace mechanisms {

extern const MechanismEntry copy_file_range;
const MechanismEntry copy_file_range = {
    .name = "copy_file_range",
    .summary = "file to file by copy_file_range(2)",
    .unavailable = unavailable,
    .fits = fits,
    .cost = cost,
    .start = start,
    .carries_more = false,
    .file_system_moves = true,
};

}  // namespace mechanisms
}  // namespace leat
