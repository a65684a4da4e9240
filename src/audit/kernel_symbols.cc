#include "audit/kernel_symbols.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <optional>
#include <span>

#include "os/error.h"
#include "os/file.h"
#include "os/stream.h"

namespace leat {
namespace {

constexpr std::string_view copy_routines[] = {
#define LEAT_COPY_ROUTINE(name, first, last) #name,
#include "audit/copy_routines.def"
#undef LEAT_COPY_ROUTINE
};

struct Symbol {
  std::uint64_t address = 0;
  std::string_view name;
};

// "ffffffff81b6cc30 T _copy_to_iter", perhaps with "\t[module]" behind it; only what is code.
std::optional<Symbol> parse_line(std::string_view line) {
  Symbol symbol;
  const auto read = std::from_chars(line.data(), line.data() + line.size(), symbol.address, 16);
  if (read.ec != std::errc()) return std::nullopt;
  line.remove_prefix(static_cast<std::size_t>(read.ptr - line.data()));
  if (line.size() < 4 || line[0] != ' ' || line[2] != ' ') return std::nullopt;
  if (line[1] != 't' && line[1] != 'T' && line[1] != 'w' && line[1] != 'W') return std::nullopt;
  symbol.name = line.substr(3, line.find('\t') - 3);
  return symbol;
}

}  // namespace

bool is_copy_routine(std::string_view name) noexcept {
  name = name.substr(0, name.find('.'));
  return std::ranges::find(copy_routines, name) != std::end(copy_routines);
}

KernelSymbols KernelSymbols::parse(std::string_view text) {
  std::vector<Start> all;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (const auto symbol = parse_line(text.substr(0, end)); symbol && symbol->address != 0)
      all.push_back({symbol->address, is_copy_routine(symbol->name)});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  // Where several names share an address, one that copies is enough.
  std::ranges::sort(all, [](const Start& one, const Start& other) {
    return one.address != other.address ? one.address < other.address : one.copies > other.copies;
  });
  KernelSymbols symbols;
  for (const Start& start : all) {
    const bool alias = !symbols.starts_.empty() && symbols.starts_.back().address == start.address;
    const bool same = !symbols.starts_.empty() && symbols.starts_.back().copies == start.copies;
    if (!alias && !same) symbols.starts_.push_back(start);
  }
  return symbols;
}

Result<KernelSymbols> KernelSymbols::read() {
  const auto file = os::open_for_reading("/proc/kallsyms");
  if (!file) return std::unexpected(file.error());
  std::string text;
  std::vector<std::byte> block(1 << 20);
  for (;;) {
    const auto count = os::read(*file, block);
    if (!count) return std::unexpected(count.error());
    if (*count == 0) break;
    text.append(reinterpret_cast<const char*>(block.data()), *count);
  }
  KernelSymbols symbols = parse(text);
  if (!symbols.empty()) return symbols;
  auto hidden = os::make_error(EPERM, "read /proc/kallsyms");
  hidden.error().hint =
      "the kernel hides its addresses: run as root, or sudo sysctl kernel.kptr_restrict=0";
  return hidden;
}

bool KernelSymbols::is_copying(std::uint64_t address) const noexcept {
  const auto after = std::ranges::upper_bound(starts_, address, {}, &Start::address);
  return after != starts_.begin() && std::prev(after)->copies;
}

}  // namespace leat
