// The one place where tests come between src/os/ and the kernel: shortened counts and injected
// errors.
//
// Linked in by --wrap (seam_calls.txt), so the library is tested as it is shipped. Plans are of the
// thread that made them: feeders and drainers on other threads are never disturbed. No byte is ever
// invented or swallowed: an injected error makes no call, a shortened call is made with less.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace leat::testing {

/// What shall happen to one call, or to a run of calls.
struct FaultPlan {
  /// A name of seam_calls.txt, or ring_read or ring_write: an operation that io_uring_submit hands
  /// over. Empty: every call that moves bytes.
  std::string_view call{};
  std::uint64_t first = 1;  ///< the first call that is hit, counted from 1
  std::uint64_t times = 1;  ///< so many calls in a row
  int error_number = 0;     ///< answer this errno and make no call; 0: make the call
  std::optional<std::size_t> shorten_to{};  ///< at most this length, at least 1; with
                                            ///< O_DIRECT multiples of 4096, at least one
  std::function<void()> before{};  ///< run first, with no plan in force; e.g. to shorten a file
};
/// False: this kernel cannot answer an operation on a ring by an error that was asked for
/// (IORING_NOP_INJECT_RESULT, Linux 6.10), or there are no rings.
bool ring_errors_can_be_injected();
inline constexpr const char* no_injection =
    "there is no ring whose operations can be answered by a chosen error (Linux 6.10)";

/// For `times`: from the first on, for ever.
inline constexpr std::uint64_t always = UINT64_MAX;

/// While it lives, calls of this thread are counted and `plans` are carried out. Nests: the
/// innermost is in force.
class ScopedFaults {
 public:
  explicit ScopedFaults(std::vector<FaultPlan> plans = {});
  ~ScopedFaults();
  ScopedFaults(const ScopedFaults&) = delete;
  ScopedFaults& operator=(const ScopedFaults&) = delete;

  /// Calls of that name so far; those answered by an error count too.
  std::uint64_t seen(std::string_view call) const;
  /// Every name that was called so far, with its count.
  const std::map<std::string, std::uint64_t, std::less<>>& all_seen() const { return seen_; }
  /// How often any plan was carried out.
  std::uint64_t fired() const { return fired_; }

  /// For seam.cc only.
  struct Verdict {
    int error_number = 0;
    std::size_t at_most = SIZE_MAX;
  };
  Verdict consult(std::string_view call, bool moves_bytes);

 private:
  struct Armed {
    FaultPlan plan;
    std::uint64_t matched = 0;
  };
  std::vector<Armed> plans_;
  std::map<std::string, std::uint64_t, std::less<>> seen_;
  std::uint64_t fired_ = 0;
  ScopedFaults* outer_;
};

/// True for the names whose length can be shortened.
bool moves_bytes(std::string_view call);

}  // namespace leat::testing
