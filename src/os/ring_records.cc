#include "os/ring_records.h"

#include <utility>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include "os/keep_for_good.h"

namespace leat::os {
namespace {

// As in <linux/io_uring.h>, which liburing may replace or lack.
constexpr std::uint32_t more_follows = 1u << 1;                // IORING_CQE_F_MORE
constexpr std::uint32_t is_notification = 1u << 3;             // IORING_CQE_F_NOTIF
constexpr std::int32_t usage_copied = std::int32_t(1u << 31);  // IORING_NOTIF_USAGE_ZC_COPIED

}  // namespace

bool RingOperation::take(std::int32_t answer, std::uint32_t flags) noexcept {
  if (stage == Stage::idle || stage == Stage::finished) return false;
  if ((flags & is_notification) != 0) {
    if (notified) return false;
    notified = true;
    copied = (answer & usage_copied) != 0;
    if (stage == Stage::in_flight) return false;
  } else {
    if (stage != Stage::in_flight) return false;
    result = answer;
    stage = Stage::answered;
    // Whether the kernel still reads the memory stands here, not in the result.
    if ((flags & more_follows) != 0 && !notified) return false;
  }
  stage = Stage::finished;
  return true;
}

RingRecords::~RingRecords() {
  for (RingOperation& operation : records_) {
    const bool in_use = operation.stage == RingOperation::Stage::in_flight ||
                        operation.stage == RingOperation::Stage::answered;
    if (!in_use || operation.keeps.is_never_reused()) continue;
#ifdef __SANITIZE_ADDRESS__
    __lsan_ignore_object(operation.keeps.count());
#endif
    keep_for_good(operation.keeps);
  }
}

RingOperation* RingRecords::begin() {
  if (!idle_.empty()) {
    RingOperation* const record = idle_.front();
    idle_.pop_front();
    return record;
  }
  if (records_.size() == most) return nullptr;
  return &records_.emplace_back();
}

void RingRecords::started(RingOperation& operation) noexcept {
  operation.stage = RingOperation::Stage::in_flight;
  ++in_flight_;
}

void RingRecords::complete(RingOperation& operation, std::int32_t answer,
                           std::uint32_t flags) noexcept {
  if (operation.take(answer, flags)) finish(operation);
}

void RingRecords::fail(RingOperation& operation, int error_number) noexcept {
  if (operation.stage != RingOperation::Stage::in_flight) return;
  operation.result = -error_number;
  operation.stage = RingOperation::Stage::finished;
  finish(operation);
}

void RingRecords::finish(RingOperation& operation) noexcept {
  --in_flight_;
  ++finished_;
  if (const auto callback = std::exchange(operation.on_finish, nullptr)) callback(operation);
  const auto let_go = std::move(operation.keeps);
  if (operation.abandoned) recycle(operation);
}

void RingRecords::recycle(RingOperation& operation) noexcept {
  const auto let_go = std::move(operation.keeps);
  operation = RingOperation{};
  idle_.push_back(&operation);
}

void RingRecords::lose(int error_number) noexcept {
  for (RingOperation& operation : records_) {
    if (operation.stage != RingOperation::Stage::in_flight) continue;
    operation.result = -error_number;
    operation.stage = RingOperation::Stage::answered;
  }
}

bool RingRecords::end(RingOperation& operation) noexcept {
  using Stage = RingOperation::Stage;
  operation.abandoned = true;
  if (operation.stage == Stage::in_flight) return true;
  if (operation.stage != Stage::answered) recycle(operation);
  return false;
}

}  // namespace leat::os
