#include "support/pattern.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace leat::testing {
namespace {

std::uint64_t word_at(std::uint64_t seed, std::uint64_t index) {  // splitmix64's output function
  std::uint64_t z = (seed * 0xd1342543de82ef95u) + (index + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

constexpr std::uint64_t chunk_bytes = 64 << 10;

}  // namespace

void fill_pattern(std::uint64_t seed, std::uint64_t position, std::span<std::byte> into) {
  while (!into.empty()) {
    std::uint64_t index = position / 8;
    if (position % 8 == 0) {
      const std::size_t words = into.size() / 8;
      for (std::size_t i = 0; i < words; ++i) {
        const std::uint64_t word = word_at(seed, index++);
        std::memcpy(into.data() + 8 * i, &word, 8);
      }
      into = into.subspan(8 * words);
    }
    const std::uint64_t word = word_at(seed, index);
    const std::size_t skip = position % 8;
    const std::size_t count = std::min(8 - skip, into.size());
    std::memcpy(into.data(), reinterpret_cast<const char*>(&word) + skip, count);
    position += count;
    into = into.subspan(count);
  }
}

std::vector<std::byte> pattern(std::uint64_t seed, std::uint64_t position, std::uint64_t length) {
  std::vector<std::byte> bytes(length);
  fill_pattern(seed, position, bytes);
  return bytes;
}

Slice pattern_slice(std::uint64_t seed, std::uint64_t position, std::uint64_t length) {
  Result<Buffer> pages = Buffer::pages(length);
  if (!pages) std::abort();
  fill_pattern(seed, position, pages->bytes());
  return std::move(*pages).freeze();
}

void Digest::add_word() {
  state_ = (state_ ^ std::exchange(word_, 0)) * 0x100000001b3u;
  state_ ^= state_ >> 29;
}

void Digest::add(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    if (length_ % 8 == 0 && bytes.size() >= 8) {
      std::memcpy(&word_, bytes.data(), 8);
      add_word();
      length_ += 8;
      bytes = bytes.subspan(8);
      continue;
    }
    word_ |= static_cast<std::uint64_t>(bytes.front()) << (8 * (length_ % 8));
    if (++length_ % 8 == 0) add_word();
    bytes = bytes.subspan(1);
  }
}

std::uint64_t Digest::value() const {
  const std::uint64_t mixed = (state_ ^ word_) * 0x100000001b3u;
  return (mixed ^ length_) * 0x100000001b3u;
}

void StreamCheck::add(std::span<const std::byte> bytes) {
  digest_.add(bytes);
  std::vector<std::byte> expected(std::min<std::size_t>(bytes.size(), chunk_bytes));
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min<std::size_t>(bytes.size(), chunk_bytes));
    const std::span want = std::span(expected).first(part.size());
    fill_pattern(seed_, position_ + count_, want);
    if (mismatch_.empty() && std::memcmp(part.data(), want.data(), part.size()) != 0) {
      const auto at = std::ranges::mismatch(part, want).in1 - part.begin();
      mismatch_ = "byte " + std::to_string(count_ + static_cast<std::uint64_t>(at)) +
                  " of the stream is not the one that belongs there";
    }
    count_ += part.size();
    bytes = bytes.subspan(part.size());
  }
}

std::uint64_t pattern_digest(std::uint64_t seed, std::uint64_t position, std::uint64_t length) {
  Digest digest;
  std::vector<std::byte> chunk(chunk_bytes);
  while (length > 0) {
    const std::span part = std::span(chunk).first(std::min(length, chunk_bytes));
    fill_pattern(seed, position, part);
    digest.add(part);
    position += part.size();
    length -= part.size();
  }
  return digest.value();
}

}  // namespace leat::testing
