#include "os/mapping.h"

#include <sys/mman.h>
#include <sys/types.h>

#include "os/error.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

namespace leat::os {
namespace {

Result<void> advise(std::span<const std::byte> bytes, int advice, std::string_view operation) {
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

Result<void> expect_sequential(const FileMapping& mapping) {
  return advise(mapping.bytes(), MADV_SEQUENTIAL, "madvise MADV_SEQUENTIAL");
}

Result<void> populate(const FileMapping& mapping) {
  return advise(mapping.bytes(), MADV_POPULATE_READ, "madvise MADV_POPULATE_READ");
}

}  // namespace leat::os
