// What the mechanisms that lend memory to the kernel share.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "mechanism/mechanism.h"

namespace leat {

/// What one send lends of several pieces.
struct LentPieces {
  static constexpr std::size_t most = 64;
  std::array<iovec, most> list;
  std::size_t count = 0;
  std::uint64_t bytes = 0;
  std::span<const iovec> all() const { return std::span(list).first(count); }
};

/// The pieces that hold at most `limit` bytes, the last of them cut.
inline LentPieces lent_pieces(std::span<const iovec> memory, std::uint64_t limit) {
  LentPieces pieces;
  for (const iovec& piece : memory) {
    if (pieces.bytes == limit || pieces.count == pieces.list.size()) break;
    const std::size_t length = std::min<std::uint64_t>(piece.iov_len, limit - pieces.bytes);
    pieces.list[pieces.count++] = {piece.iov_base, length};
    pieces.bytes += length;
  }
  return pieces;
}

/// Of a limit of leat's own, which no call reported.
inline Moved refused_to_lend(int error_number, std::string_view operation) {
  return {.outcome = Moved::Outcome::refused, .error_number = error_number, .operation = operation};
}

}  // namespace leat
