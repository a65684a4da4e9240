#include "memory/cord.h"

#include <fmt/core.h>

#include "os/shared_library.h"

namespace leat::app::memory {

Expected<CordPeer> CordPeer::of(std::span<const std::byte> memory, std::size_t piece_bytes,
                                std::size_t part_bytes) {
  const auto library = os::SharedLibrary::open("$ORIGIN/leat_cord.so");
  if (!library) {
    return std::unexpected(
        fmt::format("not built: scripts/bench memory installs it ({})", library.error()));
  }
  auto* const look_up = library->function<decltype(leat_cord_operations)>("leat_cord_operations");
  if (!look_up) return std::unexpected("leat_cord.so is none of leat's: build it anew");
  const CordOperations* operations = look_up();
  const std::shared_ptr<void> cords(
      operations->create(memory.data(), piece_bytes, memory.size() / piece_bytes, part_bytes),
      operations->destroy);
  return CordPeer(operations, cords);
}

}  // namespace leat::app::memory
