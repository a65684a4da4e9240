// The witness of a transfer: what was delivered is looked at, wherever it can be seen.
#include <algorithm>
#include <utility>

#include "os/stream.h"
#include "transfer/context_state.h"
#include "transfer/engine.h"

namespace leat {

// Memory is seen where it lies, whoever moves it.
bool Engine::is_shown_by_pump() const {
  return options.witness && facts->kind != Kind::memory && sink.kind() != Kind::memory &&
         MechanismAccess::entry(mechanism()).shows_bytes;
}

// What is about to be counted.
void Engine::show(std::uint64_t newly_delivered) {
  if (!options.witness || newly_delivered == 0 || is_shown_by_pump()) return;
  if (sink.kind() == Kind::memory)
    return options.witness(sink.bytes().subspan(delivered, newly_delivered));
  if (facts->kind == Kind::memory) return show_memory(newly_delivered);
  show_again(current().offset() + place().delivered, newly_delivered);
}

void Engine::show_memory(std::uint64_t count) {
  auto bytes = current().bytes().subspan(place().delivered);
  for (std::size_t index = part;;) {
    const auto seen = bytes.first(std::min<std::uint64_t>(count, bytes.size()));
    if (!seen.empty()) options.witness(seen);
    count -= seen.size();
    if (count == 0) return;
    bytes = parts()[++index].bytes();
  }
}

void Engine::show_hole(std::uint64_t count) {
  if (!options.witness) return;
  Block zeros = context.blocks.lease(default_block_bytes);
  std::ranges::fill(zeros.bytes(), std::byte{});
  for (std::uint64_t seen = 0; count > 0; count -= seen) {
    seen = std::min<std::uint64_t>(count, zeros.bytes().size());
    options.witness(zeros.bytes().first(seen));
  }
  context.blocks.give_back(std::move(zeros));
}

// Not through a mapping: one of a file that somebody cuts off raises SIGBUS, and filling its page
// tables costs more than the copy (docs/decisions/0014-a-witness-beside-the-fast-path.md).
void Engine::show_again(std::uint64_t offset, std::uint64_t count) {
  Block block = context.blocks.lease(default_block_bytes);
  while (count > 0) {
    const std::size_t wanted = std::min<std::uint64_t>(count, block.bytes().size());
    const auto read = os::pread(source_fd, block.bytes().first(wanted), offset);
    if (!read || *read == 0) {
      unwitnessed = true;
      break;
    }
    options.witness(block.bytes().first(*read));
    offset += *read;
    count -= *read;
  }
  context.blocks.give_back(std::move(block));
}

}  // namespace leat
