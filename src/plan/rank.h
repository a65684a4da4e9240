// Facts and needs in, ranked mechanisms out. Pure: the same facts give the same ranking.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <leat/costs.h>
#include <leat/mechanism.h>
#include <leat/transfer.h>

#include "endpoint/facts.h"
#include "mechanism/mechanism.h"

namespace leat {

/// What the options and the place of a part among its fellows ask of a mechanism.
struct Needs {
  Mechanism forced{};
  bool copies_forbidden = false;
  /// Does the sink take scattered pages? Asked only where copies are forbidden.
  std::optional<bool> pages_are_taken{};
  bool snapshot = false;          ///< of files; SourceFacts::hold has been looked at
  bool witness = false;           ///< somebody wants to see the bytes
  bool has_successor = false;     ///< another part follows at once
  std::uint32_t closed_ways = 0;  ///< bit i: mechanism i refused for such ends before
  /// Lend memory to the kernel before anything else: the way to the peer promises that it will not
  /// be copied, and the kernel has not said otherwise lately.
  bool lends_first = false;
  /// Of this host, to order by; null: the fixed order alone.
  const Costs* costs = nullptr;

  /// No wishes: the ranking depends on the facts alone.
  bool is_plain() const {
    return !forced && !copies_forbidden && !snapshot && !witness && !has_successor;
  }
};

/// Whether `mechanism` may serve, and why; `reason` as in Fit.
Fit judge(Mechanism mechanism, const SourceFacts& source, const SinkFacts& sink,
          const Needs& needs);

/// How the witness gets to see what `mechanism` moves, and what that costs.
struct Seen {
  std::string_view how;
  std::uint32_t copies = 0;  ///< of each byte, beside those of the mechanism
};
Seen seen_by_witness(Mechanism mechanism, const SourceFacts& source, const SinkFacts& sink);

/// Those that may serve, best first.
struct Ranking {
  static constexpr std::size_t most = 16;
  std::array<Mechanism, most> order;
  std::uint8_t count = 0;

  friend bool operator==(const Ranking&, const Ranking&) noexcept = default;
};
Ranking rank(const SourceFacts& source, const SinkFacts& sink, const Needs& needs);

/// What `mechanism` would take for the pair, as far as that was measured. Of lengths between two
/// powers of two it is the smaller one's, so that a plan for one holds for all of them; a length
/// that nobody knows is taken for a long one.
std::optional<Costs::Estimate> expected_cost(const Costs& costs, Mechanism mechanism,
                                             const SourceFacts& source, const SinkFacts& sink);

/// False: its figures do not order it, as they say nothing of these file systems, or not all.
bool is_ordered_by_cost(Mechanism mechanism, const SourceFacts& source, const SinkFacts& sink);

/// Classes of lengths that are planned alike, `size_classes` of them.
inline constexpr std::size_t size_classes = 28;
constexpr std::size_t size_class(std::uint64_t length) noexcept {
  const auto width = static_cast<std::size_t>(std::bit_width(length >> 9));
  return width < size_classes ? width : size_classes - 1;
}
/// The length that stands for all of a class: the shortest but for the first class.
constexpr std::uint64_t planned_length(std::uint64_t length) noexcept {
  const std::size_t width = size_class(length);
  return 256ull << width;
}

/// Up to here sendfile(2) is ahead of splice(2) on a socket: one call instead of two, and its pipe
/// inside the kernel, of 64 KiB, is filled once. Beyond, each fill is a push of its own that wakes
/// the receiver, and splice's larger pipe wins.
inline constexpr std::uint64_t small_file_bytes = 64 << 10;
/// Up to here read and write are as good a way into another file as any: what all of them do is to
/// copy once or twice, and that is not what takes the time.
inline constexpr std::uint64_t small_copied_bytes = 256 << 10;

/// Every mechanism, in the order in which they are tried for a kind of sink and the source's kind,
/// length and pieces, fitting or not.
const Ranking& preference(const SourceFacts& source, Kind sink);

/// Why nothing is left: no mechanism fits at all, the forced one does not, each would copy, or
/// nothing keeps the source as it is.
Error nothing_left(const SourceFacts& source, const SinkFacts& sink, const Needs& needs);

}  // namespace leat
