#include "os/immutable.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"

namespace leat::os {

bool is_immutable(FdRef file) noexcept {
  const int seals = ::fcntl(file.number(), F_GET_SEALS);
  constexpr int needed = F_SEAL_WRITE | F_SEAL_SHRINK;
  if (seals >= 0 && (seals & needed) == needed) return true;
  struct statx answer;
  if (::statx(file.number(), "", AT_EMPTY_PATH, STATX_TYPE, &answer) < 0) return false;
  return (answer.stx_attributes & STATX_ATTR_VERITY) != 0;
}

Result<OwnedFd> memfd_to_be_sealed(std::size_t size, const char* name) {
  OwnedFd file(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.valid()) return last_error("memfd_create");
  if (::ftruncate(file.number(), static_cast<off_t>(size)) < 0) return last_error("ftruncate");
  return file;
}

Result<void> seal_for_good(FdRef file) {
  constexpr int all = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (::fcntl(file.number(), F_ADD_SEALS, all) < 0) return last_error("fcntl F_ADD_SEALS");
  return {};
}

Result<OwnedFd> sealed_memfd(std::span<const std::byte> bytes, const char* name) {
  auto made = memfd_to_be_sealed(0, name);
  if (!made) return made;
  OwnedFd file = std::move(*made);
  while (!bytes.empty()) {
    const ssize_t written =
        retry_interrupted([&] { return ::write(file.number(), bytes.data(), bytes.size()); });
    if (written < 0) return last_error("write");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  if (auto sealed = seal_for_good(file); !sealed) return std::unexpected(std::move(sealed.error()));
  return file;
}

}  // namespace leat::os
