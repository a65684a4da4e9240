#include "os/mapping.h"

#include <sys/mman.h>

#include <algorithm>

#include <leat/mapping.h>

#include "os/block_memory.h"
#include "os/descriptor.h"
#include "os/error.h"
#include "os/immutable.h"
#include "os/memory.h"
#include "os/sigbus.h"

namespace leat {

struct MappingState {
  MappingState(std::span<std::byte> pages, std::span<std::byte> window, MapAccess rights)
      : whole{pages}, bytes(window), access(rights), range(pages, rights != MapAccess::read) {}
  ~MappingState() = default;
  MappingState(const MappingState&) = delete;
  MappingState& operator=(const MappingState&) = delete;

  struct Pages {
    ~Pages() { os::unmap_pages(bytes); }
    std::span<std::byte> bytes;
  };
  const Pages whole;  // first, so that it goes last: when nobody minds the range any more
  const std::span<std::byte> bytes;
  const MapAccess access;
  os::GuardedRange range;
};

namespace {

os::MapRights rights_of(MapAccess access) {
  switch (access) {
    case MapAccess::read: break;
    case MapAccess::private_copy: return os::MapRights::private_copy;
    case MapAccess::shared: return os::MapRights::shared;
  }
  return os::MapRights::read;
}

int number_of(Advice advice) {
  switch (advice) {
    case Advice::normal: break;
    case Advice::sequential: return MADV_SEQUENTIAL;
    case Advice::random: return MADV_RANDOM;
    case Advice::will_need: return MADV_WILLNEED;
    case Advice::huge_pages: return MADV_HUGEPAGE;
  }
  return MADV_NORMAL;
}

Result<void> prepare(std::span<std::byte> pages, const MappingOptions& options) {
  if (options.node) {
    if (auto put = os::put_on_node(pages, *options.node); !put) return put;
  }
  if (!options.populate) return {};
  if (options.node && options.access == MapAccess::private_copy) return os::copy_pages_in(pages);
  auto populated = os::populate_pages(pages);
  // Before Linux 5.14 there is no such advice: then faults are what it costs.
  if (!populated && populated.error().is(EINVAL)) return {};
  return populated;
}

}  // namespace

Result<Mapping> Mapping::of(FdRef file, Range window, const MappingOptions& options) {
  const auto stat = os::stat(file);
  if (!stat) return std::unexpected(stat.error());
  const std::uint64_t begin = std::min(window.offset, stat->size);
  const std::uint64_t length = std::min(window.length, stat->size - begin);
  if (length == 0) return Mapping();
  const std::uint64_t skip = begin % os::page_bytes();
  const auto pages = os::map_window(file, begin - skip, static_cast<std::size_t>(length + skip),
                                    rights_of(options.access));
  if (!pages) return std::unexpected(pages.error());
  Kept<MappingState> state(std::in_place, *pages, pages->subspan(skip), options.access);
  state.set_memory(state->bytes);
  if (auto prepared = prepare(*pages, options); !prepared)
    return std::unexpected(std::move(prepared.error()));
  return Mapping(std::move(state));
}

std::span<const std::byte> Mapping::bytes() const noexcept {
  return state_ ? state_->bytes : std::span<std::byte>();
}

std::span<std::byte> Mapping::writable() const noexcept {
  return state_ && state_->access != MapAccess::read ? state_->bytes : std::span<std::byte>();
}

Slice Mapping::slice(std::size_t offset, std::size_t length) const {
  return Slice::adopt(bytes(), state_.keeper()).subslice(offset, length);
}

Result<void> Mapping::advise(Advice advice, std::size_t offset, std::size_t length) const {
  const auto all = bytes();
  const std::size_t begin = std::min(offset, all.size());
  const auto part = all.subspan(begin, std::min(length, all.size() - begin));
  if (part.empty()) return {};
  const std::size_t skip = reinterpret_cast<std::uintptr_t>(part.data()) % os::page_bytes();
  return os::advise({part.data() - skip, part.size() + skip}, number_of(advice));
}

Result<void> Mapping::guarded_read(std::size_t offset, std::span<std::byte> into) const {
  const auto all = bytes();
  if (offset > all.size() || into.size() > all.size() - offset)
    return os::make_error(EINVAL, "guarded_read");
  while (!into.empty()) {
    const auto copied = os::copy_what_is_there(all.subspan(offset), into);
    if (!copied) return std::unexpected(copied.error());
    if (*copied == 0) {
      return std::unexpected(Error{.code = Errc::source_shrank,
                                   .operation = "guarded_read",
                                   .mechanism = {},
                                   .subject = {},
                                   .hint = {}});
    }
    offset += *copied;
    into = into.subspan(*copied);
  }
  return {};
}

bool Mapping::has_holes() const noexcept { return state_ && state_->range.has_holes(); }

bool Mapping::is_guarded() const noexcept { return state_ && state_->range.is_guarded(); }

Result<void> install_sigbus_guard() { return os::install_sigbus_handler(); }

Result<OwnedFd> sealed_file(std::span<const std::byte> bytes, const char* name) {
  return os::sealed_memfd(bytes, name);
}

}  // namespace leat
