/// Which mechanisms could move these bytes, in which order they would be tried, and why.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <leat/endpoint.h>
#include <leat/mechanism.h>
#include <leat/transfer.h>

namespace leat {

/// One mechanism seen against one source, one sink and one set of options.
struct Candidate {
  Mechanism mechanism;
  bool fits = false;
  bool chosen = false;      ///< the one that would be tried first
  std::string_view reason;  ///< why it is where it is, or why it does not fit; static storage
  std::optional<std::uint32_t> cpu_copies;  ///< per payload byte, where it is known beforehand
  std::string_view seen{};  ///< how Options::witness gets to see the bytes, and what that costs
};

/// Every mechanism of this build: those that fit first, in the order they would be tried.
struct Plan {
  std::vector<Candidate> candidates;
  /// The first that fits, or none.
  Mechanism chosen() const noexcept;
};

/// What the blocking `transfer` would do (a Transfer never waits in the kernel). Asks the
/// descriptors for facts (fstat(2), fcntl(2)); moves nothing. With Consistency::snapshot it may
/// open a nameless file, or hold a read lease, for a moment, to see whether that is permitted. For
/// parts it is the plan of the first part that is not empty.
Plan plan(const Source& source, const Sink& sink, const Options& options = {});

}  // namespace leat
