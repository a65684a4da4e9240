/// What the textbooks, lecture notes and articles say, as figures that can be compared.
#pragma once

#include <array>
#include <span>
#include <string_view>

namespace leat::app::bench {

struct TextbookClaim {
  int number;
  std::string_view text;
  std::string_view figures;
};

/// The claims that are answered here, in the order of their numbers.
std::span<const TextbookClaim> textbook() noexcept;

/// A mechanism as the textbooks call it: "mmap+write" for mmap_write, "direct I/O" for direct_io.
std::string_view textbook_name(std::string_view mechanism) noexcept;

/// What is claimed of one mechanism, in the unit of its claim.
struct Claimed {
  std::string_view mechanism;
  double figure;
};

/// Claim 1: time and CPU, as parts of read+write's.
inline constexpr std::array<Claimed, 3> claimed_costs{
    {{"mmap_write", 0.60}, {"sendfile", 0.30}, {"splice", 0.30}}};

/// Claim 2: CPU copies and DMA transfers of a byte. (RDMA's 0 and 0 need a card.)
struct ClaimedCopies {
  std::string_view mechanism;
  unsigned cpu;
  unsigned dma;
};
inline constexpr std::array<ClaimedCopies, 6> claimed_copies{{{"read_write", 2, 2},
                                                              {"mmap_write", 1, 2},
                                                              {"sendfile", 0, 2},
                                                              {"splice", 0, 2},
                                                              {"zerocopy_send", 0, 1},
                                                              {"direct_io", 0, 2}}};

/// Claim 3: changes between user and kernel mode for each piece moved.
inline constexpr std::array<Claimed, 4> claimed_switches{
    {{"read_write", 4}, {"mmap_write", 2}, {"sendfile", 2}, {"splice", 2}}};

/// Claim 4: how many times as fast as read+write.
inline constexpr std::array<Claimed, 2> claimed_speeds{{{"sendfile", 2}, {"zerocopy_send", 3}}};

/// Claims 5 to 7: the best first; RDMA, which stands before all of them, needs a card.
inline constexpr std::array<std::string_view, 4> claimed_throughput{"sendfile", "splice",
                                                                    "direct_io", "mmap_write"};
inline constexpr std::array<std::string_view, 4> claimed_latency = claimed_throughput;
inline constexpr std::array<std::string_view, 4> claimed_cpu{"direct_io", "sendfile", "splice",
                                                             "mmap_write"};

/// The figures that count as the textbook's.
struct Band {
  double low = 0;
  double high = 0;
};

/// Claim 8: the part of the memory that is saved, and how many times as fast. "~50 %" is taken as
/// everything that rounds to it.
struct ClaimedSaving {
  std::string_view technique;
  Band memory;
  Band speed;
};
inline constexpr std::array<ClaimedSaving, 4> claimed_savings{
    {{"sendfile", {0.45, 0.55}, {2, 3}},
     {"splice, forwarding", {0.35, 0.45}, {1.5, 2}},
     {"mmap, large files", {0.3, 0.6}, {1.5, 4}},
     {"shared buffers", {0.4, 0.7}, {2, 5}}}};

/// Claim 9: what sendfile makes of read+write's requests a second, and how much of its CPU it
/// saves.
inline constexpr Band claimed_web_throughput{1.20, 1.50};
inline constexpr Band claimed_web_saving{0.30, 0.60};

/// Claim 10: a slice's time as a part of a copy's.
inline constexpr double claimed_slice_to_copy = 0.592 / 4246;
/// Claim 11: the same of mapping and reading.
inline constexpr double claimed_mapped_to_read = 50082.0 / 94650;

}  // namespace leat::app::bench
