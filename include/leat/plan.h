/// Which mechanisms could move these bytes, in which order they would be tried, and why.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <leat/costs.h>
#include <leat/endpoint.h>
#include <leat/error.h>
#include <leat/mechanism.h>
#include <leat/transfer.h>

namespace leat {

/// One thing that is known of an end: "length", "1048576".
struct Fact {
  std::string_view name;  ///< static storage
  std::string value;
};

/// One mechanism seen against one source, one sink and one set of options.
struct Candidate {
  Mechanism mechanism;
  bool fits = false;
  bool chosen = false;  ///< the one that would be tried first
  /// What it would do, or why it does not fit: a sentence in static storage.
  std::string_view reason;
  /// Of those that fit: why it is tried when it is. Likewise.
  std::string_view standing;
  /// Per payload byte, where it is known beforehand; without those of a witness.
  std::optional<std::uint32_t> cpu_copies;
  std::string_view seen{};  ///< how Options::witness gets to see the bytes, and what that costs
  /// What the whole would take, where that was measured; of a length that nobody knows 64 MiB.
  std::optional<Costs::Estimate> expected;
};

/// Every mechanism of this build: those that fit first, in the order they would be tried.
struct Plan {
  std::vector<Fact> source;
  std::vector<Fact> sink;
  std::vector<Candidate> candidates;
  /// Set if nothing fits: then a transfer would fail with it, before the first byte.
  std::optional<Error> error;

  /// The first that fits, or none.
  Mechanism chosen() const noexcept;
};

/// What the blocking `transfer` would do (a Transfer never waits in the kernel). Asks the
/// descriptors for facts (fstat(2), fcntl(2), the network device); moves nothing. With
/// Consistency::snapshot it may open a nameless file, or hold a read lease, for a moment, to see
/// whether that is permitted. For parts it is the plan of the first part that is not empty. A
/// Connection says itself what it was refused and whether it would lend unasked, on its Context's
/// thread only; what a Context remembers of other ends is not looked at. The same facts and costs
/// give the same plan.
Plan plan(const Source& source, const Sink& sink, const Options& options = {},
          const Costs& costs = Costs::shipped());

}  // namespace leat
