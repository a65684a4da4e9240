#include "os/file_reads.h"

#include <utility>

#include "os/error.h"

namespace leat::os {

FileReads::~FileReads() {
  threads_.finish();
  reap();
}

Result<RingOperation*> FileReads::begin() {
  if (!by_threads_) {
    auto begun = ring_.begin();
    if (begun || begun.error().is(EAGAIN) || threads_.count() == 0) return begun;
    by_threads_ = true;
  }
  RingOperation* const record = records_.begin();
  if (!record) return make_error(EAGAIN, "read");
  record->whose = this;
  return record;
}

void FileReads::end(RingOperation& operation) noexcept {
  if (operation.whose != this) return ring_.end(operation);  // begun before the ring was denied
  if (records_.end(operation) && threads_.withdraw(&operation)) records_.fail(operation, ECANCELED);
}

void FileReads::will_need(FdRef file, std::uint64_t offset, std::uint64_t length) {
  if (!by_threads_) return ring_.will_need(file, offset, length);
  give(nullptr, file, {}, offset, length);
}

void FileReads::fetch(RingOperation& operation, FdRef file, std::uint64_t offset,
                      std::uint64_t length) {
  if (by_threads_) return give(&operation, file, {}, offset, length);
  if (!scratch_) scratch_ = Kept<std::vector<std::byte>>(std::in_place, piece_bytes);
  operation.keeps = scratch_.keeper();
  ring_.read_elsewhere(operation, file, std::span(*scratch_).first(length), offset);
}

void FileReads::read(RingOperation& operation, FdRef file, std::span<std::byte> into,
                     std::uint64_t offset) {
  if (by_threads_) return give(&operation, file, into, offset, into.size());
  ring_.read_elsewhere(operation, file, into, offset);
}

void FileReads::open(RingOperation& operation, const Kept<const std::string>& path, int flags) {
  operation.on_finish = [](RingOperation& done) {
    if (done.abandoned && done.result >= 0) OwnedFd(done.result).reset();
  };
  if (by_threads_)
    return give(&operation, DiskThreads::Job{.who = &operation, .path = path, .flags = flags});
  operation.keeps = path.keeper();
  ring_.open_elsewhere(operation, path->c_str(), flags);
}

void FileReads::give(RingOperation* operation, FdRef file, std::span<std::byte> into,
                     std::uint64_t offset, std::uint64_t length) {
  auto own = duplicate(file);
  if (!own) return give(operation, std::unexpected(std::move(own.error())));
  give(operation, DiskThreads::Job{.who = operation,
                                   .file = std::move(*own),
                                   .into = into,
                                   .offset = offset,
                                   .length = length});
}

void FileReads::give(RingOperation* operation, Result<DiskThreads::Job> job) {
  if (operation) records_.started(*operation);
  const auto given =
      job ? threads_.give(std::move(*job)) : Result<void>(std::unexpected(std::move(job.error())));
  if (!given && operation) records_.fail(*operation, given.error().code.value());
}

void FileReads::reap() noexcept {
  if (records_.in_flight() == 0) return;
  for (const auto& [who, answer] : threads_.take_answers())
    records_.complete(*static_cast<RingOperation*>(who), answer, 0);
}

}  // namespace leat::os
