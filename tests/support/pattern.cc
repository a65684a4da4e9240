#include "support/pattern.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

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
  std::size_t done = 0;
  while (done < into.size()) {
    const std::uint64_t at = position + done;
    const std::uint64_t word = word_at(seed, at / 8);
    const std::size_t skip = at % 8;
    const std::size_t count = std::min(8 - skip, into.size() - done);
    std::memcpy(into.data() + done, reinterpret_cast<const char*>(&word) + skip, count);
    done += count;
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

void Digest::add(std::span<const std::byte> bytes) {
  for (const std::byte byte : bytes) {
    word_ |= static_cast<std::uint64_t>(byte) << (8 * (length_ % 8));
    if (++length_ % 8 == 0) {
      state_ = (state_ ^ word_) * 0x100000001b3u;
      state_ ^= state_ >> 29;
      word_ = 0;
    }
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
