// Which mechanisms have refused for which pairs of ends, so that they are not tried each time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "endpoint/facts.h"

namespace leat {

/// Of one context. It holds for pairs of volumes (or a volume and a kind): copy_file_range between
/// two file systems, sendfile from one that cannot. The pair that was refused longest ago makes
/// room. Not for ever: device numbers are used again.
class RefusedPairs {
 public:
  /// What was refused, to be asked for by the next that begins. Bit i: mechanism i.
  std::uint32_t closed(const SourceFacts& source, const SinkFacts& sink) noexcept {
    Entry* const entry = find(source, sink);
    if (!entry) return 0;
    const std::uint32_t ways = entry->ways;
    if (--entry->left == 0) *entry = {};
    return ways;
  }

  /// `mechanism` is its index. Pairs that nobody looked at are not remembered.
  void add(const SourceFacts& source, const SinkFacts& sink, std::size_t mechanism) noexcept {
    if (!is_known(source, sink)) return;
    Entry* entry = find(source, sink);
    if (!entry) {
      entry = &entries_[next_++ % entries_.size()];
      *entry = {.source = key_of(source), .sink = key_of(sink)};
    }
    entry->ways |= 1u << mechanism;
    entry->left = remembered_for;
  }

  /// Transfers that go by a memory before it is tried again.
  static constexpr std::uint32_t remembered_for = 256;

 private:
  struct Key {
    Kind kind = Kind::memory;
    std::uint64_t device = 0;
    friend bool operator==(const Key&, const Key&) noexcept = default;
  };
  struct Entry {
    Key source;
    Key sink;
    std::uint32_t ways = 0;
    std::uint32_t left = 0;  // 0: unused
  };

  template <class Facts>
  static Key key_of(const Facts& facts) noexcept {
    return {facts.kind, facts.kind == Kind::file ? facts.volume.device : 0};
  }
  static bool is_known(const SourceFacts& source, const SinkFacts& sink) noexcept {
    const bool source_known = source.kind != Kind::file || source.volume.device != 0;
    const bool sink_known = sink.kind != Kind::file || sink.volume.device != 0;
    return source_known && sink_known;
  }
  Entry* find(const SourceFacts& source, const SinkFacts& sink) noexcept {
    const Key from = key_of(source);
    const Key to = key_of(sink);
    for (Entry& entry : entries_) {
      if (entry.left > 0 && entry.source == from && entry.sink == to) return &entry;
    }
    return nullptr;
  }

  std::array<Entry, 16> entries_{};
  std::size_t next_ = 0;
};

}  // namespace leat
