#include "os/payload_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <vector>

#include "os/error.h"

namespace leat::app::os {
namespace {

Error about(Error error, const std::string& path) {
  error.subject = path;
  return error;
}

Result<OwnedFd> named_then_removed(const std::string& folder) {
  std::string path = folder + "/.leat-bench-XXXXXX";
  const int number = ::mkostemp(path.data(), O_CLOEXEC);
  if (number < 0) return std::unexpected(about(last_error("mkostemp").error(), folder));
  OwnedFd file(number);
  if (::unlink(path.c_str()) < 0) {
    return std::unexpected(about(last_error("unlink").error(), path));
  }
  return file;
}

class Mapping {
 public:
  Mapping(FdRef file, std::uint64_t size)
      : size_(size), start_(::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.number(), 0)) {}
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (valid()) ::munmap(start_, size_);
  }
  bool valid() const { return start_ != MAP_FAILED; }
  void* start() const { return start_; }

 private:
  std::size_t size_;
  void* start_;
};

}  // namespace

Result<OwnedFd> nameless_file(const std::string& folder) {
  const int number = retry_interrupted(
      [&] { return ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600); });
  if (number >= 0) return OwnedFd(number);
  // EISDIR: a kernel or file system that does not know the flag sees a folder opened for writing.
  if (errno == EOPNOTSUPP || errno == EISDIR) return named_then_removed(folder);
  return std::unexpected(about(last_error("open").error(), folder));
}

Result<OwnedFd> duplicate(FdRef file) {
  const int number = ::fcntl(file.number(), F_DUPFD_CLOEXEC, 0);
  if (number < 0) return last_error("fcntl");
  return OwnedFd(number);
}

Result<void> append(FdRef file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        retry_interrupted([&] { return ::write(file.number(), bytes.data(), bytes.size()); });
    if (count < 0) return last_error("write");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> flush(FdRef file) {
  if (::fdatasync(file.number()) < 0) return last_error("fdatasync");
  return {};
}

Result<void> drop_cached(FdRef file) {
  if (::fsync(file.number()) < 0) return last_error("fsync");
  // Up to the end, whatever that is: else the last page would stay, as one that is not whole.
  if (const int error_number = ::posix_fadvise(file.number(), 0, 0, POSIX_FADV_DONTNEED);
      error_number != 0) {
    return make_error(error_number, "posix_fadvise");
  }
  return {};
}

Result<void> read_once(FdRef file, std::uint64_t size) {
  std::vector<std::byte> block(1u << 20);
  std::uint64_t offset = 0;
  while (offset < size) {
    const ssize_t count = retry_interrupted([&] {
      return ::pread(file.number(), block.data(), block.size(), static_cast<off_t>(offset));
    });
    if (count < 0) return last_error("pread");
    if (count == 0) return make_error(EIO, "pread");
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

Result<void> read_into(FdRef file, std::span<std::byte> into) {
  std::uint64_t offset = 0;
  while (offset < into.size()) {
    const auto rest = into.subspan(offset);
    const ssize_t count = retry_interrupted([&] {
      return ::pread(file.number(), rest.data(), rest.size(), static_cast<off_t>(offset));
    });
    if (count < 0) return last_error("pread");
    if (count == 0) return make_error(EIO, "pread");
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

PageLock::PageLock(FdRef file, std::uint64_t size) noexcept : size_(size) {
  void* start = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.number(), 0);
  if (start == MAP_FAILED) return;
  // DONTFORK: else the mapping would count as memory of the measured children.
  if (::madvise(start, size, MADV_DONTFORK) == 0 && ::mlock(start, size) == 0) {
    start_ = start;
  } else {
    ::munmap(start, size);
  }
}

PageLock::~PageLock() {
  if (start_) ::munmap(start_, size_);
}

Result<std::uint64_t> resident_bytes(FdRef file, std::uint64_t size) {
  if (size == 0) return 0;
  const Mapping mapping(file, size);
  if (!mapping.valid()) return last_error("mmap");
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> pages((size + page - 1) / page);
  if (::mincore(mapping.start(), size, pages.data()) < 0) return last_error("mincore");
  const auto resident =
      std::count_if(pages.begin(), pages.end(), [](unsigned char state) { return state & 1; });
  return std::min(static_cast<std::uint64_t>(resident) * page, size);
}

Result<std::uint64_t> size_of(FdRef file) {
  struct stat facts{};
  if (::fstat(file.number(), &facts) < 0) return last_error("fstat");
  return static_cast<std::uint64_t>(facts.st_size);
}

bool is_on_block_device(FdRef file) noexcept {
  struct stat facts{};
  // Other file systems have anonymous devices, whose major number is 0.
  return ::fstat(file.number(), &facts) == 0 && major(facts.st_dev) != 0;
}

Result<std::uint64_t> free_bytes(const std::string& folder) {
  struct statvfs facts{};
  if (::statvfs(folder.c_str(), &facts) < 0) {
    return std::unexpected(about(last_error("statvfs").error(), folder));
  }
  return static_cast<std::uint64_t>(facts.f_bavail) * facts.f_frsize;
}

}  // namespace leat::app::os
