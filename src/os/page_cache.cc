#include "os/page_cache.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "os/error.h"

namespace leat::os {
namespace {

// Debian 12's headers are older than the call.
constexpr long cachestat_number = 451;
struct CachestatRange {
  std::uint64_t offset;
  std::uint64_t length;
};
struct Cachestat {
  std::uint64_t cached;
  std::uint64_t dirty;
  std::uint64_t under_writeback;
  std::uint64_t evicted;
  std::uint64_t recently_evicted;
};

}  // namespace

Result<std::uint64_t> cached_bytes(FdRef file, std::uint64_t offset, std::uint64_t length) {
  const CachestatRange range{offset, length};
  Cachestat answer{};
  const long result = retry_interrupted(
      [&] { return ::syscall(cachestat_number, file.number(), &range, &answer, 0u); });
  if (result < 0) return last_error("cachestat");
  return answer.cached * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace leat::os
