#include "cold/scene.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "os/ring.h"

namespace leat::testing {

Context patient_context() {
  const bool has_ring = os::ring_verdict(os::RingNeed::files).empty();
  return make_context({.disk_threads = has_ring ? 0u : 2u});
}

void evict(FdRef file) {
  if (::posix_fadvise(file.number(), 0, 0, POSIX_FADV_DONTNEED) != 0) std::abort();
}

std::uint64_t bytes_in_memory(FdRef file, std::uint64_t size) {
  void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.number(), 0);
  std::vector<unsigned char> pages((size + 4095) / 4096);
  if (mapped == MAP_FAILED || ::mincore(mapped, size, pages.data()) != 0) std::abort();
  ::munmap(mapped, size);
  std::uint64_t count = 0;
  for (const unsigned char page : pages) count += (page & 1u) != 0 ? 4096 : 0;
  return count;
}

OwnedFd cold_file(std::uint64_t seed, std::uint64_t size) {
  OwnedFd file = pattern_file(seed, size);
  if (::fsync(file.number()) != 0) std::abort();
  evict(file);
  if (size > 0 && bytes_in_memory(file, size) != 0) std::abort();
  return file;
}

CheckedSocket::CheckedSocket(std::uint64_t seed) {
  Pair pair = make_unix_pair();
  near_ = std::move(pair.to);
  set_blocking(pair.from, Blocking::yes);
  drainer_.emplace(std::move(pair.from), DrainOptions{.seed = seed});
}

std::string CheckedSocket::examine(std::uint64_t count) {
  near_.reset();
  const auto& result = drainer_->finish();
  if (!result.check.mismatch().empty()) return result.check.mismatch();
  if (result.check.count() == count) return {};
  return std::to_string(result.check.count()) + " bytes arrived instead of " +
         std::to_string(count);
}

}  // namespace leat::testing
