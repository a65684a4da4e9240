// Bytes that know where they belong: each is a function of its position and a seed, so a byte that
// is lost, doubled or misplaced shows, and where.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <leat/buffer.h>

namespace leat::testing {

/// What the bytes [position, position + into.size()) of the stream `seed` are.
void fill_pattern(std::uint64_t seed, std::uint64_t position, std::span<std::byte> into);
std::vector<std::byte> pattern(std::uint64_t seed, std::uint64_t position, std::uint64_t length);
/// The same in pages that may be lent.
Slice pattern_slice(std::uint64_t seed, std::uint64_t position, std::uint64_t length);

/// A 64-bit FNV-1a digest of eight-byte words and a tail. Independent of how the bytes were cut up.
class Digest {
 public:
  void add(std::span<const std::byte> bytes);
  std::uint64_t value() const;

 private:
  void add_word();

  std::uint64_t state_ = 0xcbf29ce484222325u;
  std::uint64_t length_ = 0;
  std::uint64_t word_ = 0;
};

/// Compares a stream, as it comes, with the pattern from `position` on.
class StreamCheck {
 public:
  explicit StreamCheck(std::uint64_t seed, std::uint64_t position = 0)
      : seed_(seed), position_(position) {}

  void add(std::span<const std::byte> bytes);
  std::uint64_t count() const { return count_; }
  std::uint64_t digest() const { return digest_.value(); }
  /// What is wrong with the first wrong byte, or empty.
  const std::string& mismatch() const { return mismatch_; }

 private:
  std::uint64_t seed_;
  std::uint64_t position_;
  std::uint64_t count_ = 0;
  Digest digest_;
  std::string mismatch_;
};

/// The digest that an undisturbed stream of that length has.
std::uint64_t pattern_digest(std::uint64_t seed, std::uint64_t position, std::uint64_t length);

}  // namespace leat::testing
