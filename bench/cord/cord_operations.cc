// leat_cord.so: Abseil's Cord, for `leat bench memory`.
#include "memory/cord_operations.h"

#include <absl/strings/cord.h>
#include <absl/strings/string_view.h>

#include <algorithm>
#include <vector>

#include "memory/sink.h"

namespace leat::app::memory {
namespace {

struct Cords {
  std::vector<absl::string_view> foreign;
  std::vector<absl::Cord> ready;
  absl::Cord whole;
  std::size_t part_bytes = 0;
  std::vector<absl::Cord> copies;
  std::uint64_t released = 0;

  absl::Cord take_in(absl::string_view piece) {
    return absl::MakeCordFromExternal(piece, [this](absl::string_view) { ++released; });
  }
};

Cords& of(void* cords) { return *static_cast<Cords*>(cords); }

void* create(const std::byte* memory, std::size_t piece_bytes, std::size_t pieces,
             std::size_t part_bytes) {
  auto* cords = new Cords;
  cords->part_bytes = part_bytes;
  for (std::size_t piece = 0; piece < pieces; ++piece) {
    const auto* begin = reinterpret_cast<const char*>(memory + piece * piece_bytes);
    cords->foreign.emplace_back(begin, piece_bytes);
    cords->ready.push_back(cords->take_in(cords->foreign.back()));
    cords->whole.Append(cords->ready.back());
  }
  return cords;
}

void destroy(void* cords) { delete &of(cords); }

void copy(void* cords, std::uint64_t times) { of(cords).copies.assign(times, of(cords).whole); }

std::uint64_t append_foreign(void* cords, std::uint64_t times) {
  std::uint64_t size = 0;
  for (std::uint64_t i = 0; i < times; ++i) {
    absl::Cord cord;
    for (const absl::string_view piece : of(cords).foreign) cord.Append(of(cords).take_in(piece));
    keep(&cord);
    size = cord.size();
  }
  return size;
}

std::uint64_t append_ready(void* cords, std::uint64_t times) {
  std::uint64_t size = 0;
  for (std::uint64_t i = 0; i < times; ++i) {
    absl::Cord cord;
    for (const absl::Cord& piece : of(cords).ready) cord.Append(piece);
    keep(&cord);
    size = cord.size();
  }
  return size;
}

std::uint64_t iterate(void* cords, std::uint64_t times) {
  std::uint64_t size = 0;
  for (std::uint64_t i = 0; i < times; ++i) {
    keep(cords);
    size = 0;
    for (const absl::string_view piece : of(cords).whole.Chunks()) {
      keep(piece.data());
      size += piece.size();
    }
  }
  return size;
}

std::uint64_t split(void* cords, std::uint64_t) {
  std::uint64_t parts = 0;
  for (absl::Cord& rest : of(cords).copies) {
    parts = 0;
    while (!rest.empty()) {
      const std::size_t size = std::min(of(cords).part_bytes, rest.size());
      const absl::Cord part = rest.Subcord(0, size);
      rest.RemovePrefix(size);
      keep(&part);
      ++parts;
    }
  }
  return parts;
}

constexpr CordOperations operations{.create = create,
                                    .destroy = destroy,
                                    .copy = copy,
                                    .append_foreign = append_foreign,
                                    .append_ready = append_ready,
                                    .iterate = iterate,
                                    .split = split};

}  // namespace
}  // namespace leat::app::memory

const leat::app::memory::CordOperations* leat_cord_operations() {
  return &leat::app::memory::operations;
}
