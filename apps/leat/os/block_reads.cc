#include "os/block_reads.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "os/error.h"

namespace leat::app::os {

Result<void> read_exactly(FdRef file, std::uint64_t offset, std::span<std::byte> into) {
  while (!into.empty()) {
    const ssize_t count = retry_interrupted([&] {
      return ::pread(file.number(), into.data(), into.size(), static_cast<off_t>(offset));
    });
    if (count < 0) return last_error("pread");
    if (count == 0) return make_error(EIO, "pread");
    offset += static_cast<std::uint64_t>(count);
    into = into.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> read_in_blocks(FdRef file, std::size_t block_bytes) {
  std::vector<std::byte> block(block_bytes);
  std::uint64_t offset = 0;
  while (true) {
    const ssize_t count = retry_interrupted([&] {
      return ::pread(file.number(), block.data(), block.size(), static_cast<off_t>(offset));
    });
    if (count < 0) return last_error("pread");
    if (count == 0) return {};
    offset += static_cast<std::uint64_t>(count);
  }
}

Result<OwnedFd> reopen_direct(FdRef file) {
  // By way of /proc it needs no name.
  const std::string path = "/proc/self/fd/" + std::to_string(file.number());
  const int number =
      retry_interrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC); });
  if (number < 0) return last_error("open O_DIRECT");
  return OwnedFd(number);
}

Result<void> write_at_start(FdRef file, std::span<const std::byte> bytes) {
  std::uint64_t offset = 0;
  while (!bytes.empty()) {
    const ssize_t count = retry_interrupted([&] {
      return ::pwrite(file.number(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    });
    if (count < 0) return last_error("pwrite");
    offset += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace leat::app::os
