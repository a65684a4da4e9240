#include <sys/wait.h>

#include <string>
#include <type_traits>

#include <leat/snapshot_fork.h>

#include "os/child.h"
#include "os/error.h"

namespace leat {
namespace {

// Through a pipe from a fork, where all that it points to means the same on both sides.
struct Told {
  std::uint64_t delivered = 0;
  std::uint64_t copied_bytes = 0;
  Mechanism mechanism;
  Ending ending = Ending::unfinished;
  int error = 0;
  const std::error_category* category = nullptr;
};
static_assert(std::is_trivially_copyable_v<Told>);

Told told_of(const Receipt& receipt) {
  Told told{
      .delivered = receipt.delivered, .copied_bytes = 0, .mechanism = {}, .ending = receipt.ending};
  std::uint64_t most = 0;
  for (const Leg& leg : receipt.legs) {
    if (leg.bytes < most) continue;
    most = leg.bytes;
    told.mechanism = leg.mechanism;
  }
  if (receipt.error) {
    told.error = receipt.error->code.value();
    told.category = &receipt.error->code.category();
  }
  return told;
}

int send_snapshot(std::span<const std::byte> memory, Sink& sink, const Options& options,
                  FdRef report) {
  Told told = told_of(transfer(Source(memory), std::move(sink), options));
  told.copied_bytes = os::exclusive_bytes(memory).value_or(0);
  return os::write_all(report, std::as_bytes(std::span(&told, 1))) ? 0 : 1;
}

std::string ending_text(int status) {
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status)) + " ended the child";
  return "the child exited with " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

SnapshotFork::~SnapshotFork() {
  if (child_ > 0) os::end_child(child_);
}

Result<SnapshotReport> SnapshotFork::finish() {
  if (child_ < 0) return os::make_error(ECHILD, "snapshot_fork");
  Told told;
  const auto got = os::read_all(report_, std::as_writable_bytes(std::span(&told, 1)));
  const auto status = os::wait_for_child(std::exchange(child_, -1));
  if (!got) return std::unexpected(got.error());
  if (*got != sizeof told) {
    auto error = os::make_error(ECHILD, "snapshot_fork");
    if (status) error.error().hint = ending_text(*status);
    return error;
  }
  return SnapshotReport{
      .delivered = told.delivered,
      .ending = told.ending,
      .error = told.category ? std::error_code(told.error, *told.category) : std::error_code(),
      .mechanism = told.mechanism,
      .copied_bytes = told.copied_bytes};
}

Result<SnapshotFork> snapshot_fork(std::span<const std::byte> memory, Sink sink, Options options) {
  auto child =
      os::start_child([&](FdRef report) { return send_snapshot(memory, sink, options, report); });
  if (!child) return std::unexpected(std::move(child.error()));
  return SnapshotFork(child->process, std::move(child->report));
}

}  // namespace leat
