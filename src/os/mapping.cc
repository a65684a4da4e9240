#include "os/mapping.h"

#include <sys/mman.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "os/error.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

namespace leat::os {
namespace {

Result<void> give_advice(std::span<const std::byte> bytes, int advice, std::string_view operation) {
  // The advice changes no byte.
  auto* const start = const_cast<std::byte*>(bytes.data());
  if (retry_interrupted([&] { return ::madvise(start, bytes.size(), advice); }) < 0)
    return last_error(operation);
  return {};
}

}  // namespace

void FileMapping::reset() noexcept {
  if (valid()) ::munmap(bytes_.data(), bytes_.size());
  bytes_ = {};
}

Result<FileMapping> map_file(FdRef file, std::uint64_t offset, std::size_t length) {
  void* const start =
      ::mmap(nullptr, length, PROT_READ, MAP_SHARED, file.number(), static_cast<off_t>(offset));
  if (start == MAP_FAILED) return last_error("mmap");
  return FileMapping({static_cast<std::byte*>(start), length});
}

Result<std::span<std::byte>> map_window(FdRef file, std::uint64_t offset, std::size_t length,
                                        MapRights rights) {
  const int protection = PROT_READ | (rights == MapRights::read ? 0 : PROT_WRITE);
  const int sharing = rights == MapRights::private_copy ? MAP_PRIVATE : MAP_SHARED;
  void* const start =
      ::mmap(nullptr, length, protection, sharing, file.number(), static_cast<off_t>(offset));
  if (start == MAP_FAILED) return last_error("mmap");
  return std::span(static_cast<std::byte*>(start), length);
}

Result<void> advise(std::span<const std::byte> pages, int advice) {
  return give_advice(pages, advice, "madvise");
}

Result<void> populate_pages(std::span<const std::byte> pages) {
  return give_advice(pages, MADV_POPULATE_READ, "madvise MADV_POPULATE_READ");
}

Result<void> copy_pages_in(std::span<std::byte> pages) {
  return give_advice(pages, MADV_POPULATE_WRITE, "madvise MADV_POPULATE_WRITE");
}

Result<std::size_t> copy_what_is_there(std::span<const std::byte> from, std::span<std::byte> into) {
  const iovec local{into.data(), std::min(from.size(), into.size())};
  const iovec remote{const_cast<std::byte*>(from.data()), local.iov_len};
  const ssize_t copied = ::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0);
  if (copied >= 0) return static_cast<std::size_t>(copied);
  if (errno == EFAULT) return std::size_t{0};
  return last_error("process_vm_readv");
}

Result<void> expect_sequential(const FileMapping& mapping) {
  return give_advice(mapping.bytes(), MADV_SEQUENTIAL, "madvise MADV_SEQUENTIAL");
}

Result<void> populate(const FileMapping& mapping) {
  return give_advice(mapping.bytes(), MADV_POPULATE_READ, "madvise MADV_POPULATE_READ");
}

}  // namespace leat::os
