#include "endpoint/facts.h"

#include <algorithm>

#include "endpoint/access.h"
#include "os/descriptor.h"
#include "os/file.h"
#include "os/residency.h"
#include "os/socket.h"

namespace leat {
namespace {

// A question that a filter does not let through leaves its fact at the careful value; only a
// descriptor that is none is an error.
template <class T>
Result<std::optional<T>> answer(Result<T> asked) {
  if (asked) return std::optional<T>(std::move(*asked));
  if (asked.error().is(EBADF)) return std::unexpected(std::move(asked.error()));
  return std::nullopt;
}

Result<Waiting> waiting_of(Kind kind, FdRef fd) {
  if (kind == Kind::memory || kind == Kind::file) return Waiting::never;
  const auto flags = answer(os::status_flags(fd));
  if (!flags) return std::unexpected(flags.error());
  if (*flags && (*flags)->nonblocking) return Waiting::never;
  return kind == Kind::socket ? Waiting::flagged : Waiting::polled;
}

Volume volume_of(const os::FileStat& stat, const os::FileSystem& system) {
  return {.device = stat.device,
          .block_bytes = system.block_bytes,
          .type = system.type,
          .shares_extents = system.shares_extents,
          .copies_by_pages = system.copies_by_pages,
          .has_several_devices = system.has_several_devices};
}

os::FileSystem system_of(FdRef file, bool may_wait) {
  if (!may_wait) {
    if (const auto system = os::file_system_without_waiting(file)) return *system;
  }
  return os::file_system(file).value_or(os::FileSystem());
}

Residency residency_of(FdRef file, const SourceFacts& facts) {
  const auto flags = os::status_flags(file);
  if (flags && flags->direct) return Residency::uncached;
  if (facts.regular && os::has_no_disk(facts.volume.type)) return Residency::always;
  if (facts.promised == to_end) return Residency::hidden;
  const auto told = os::tells_residency(file, facts.size);
  return told && *told ? Residency::shown : Residency::hidden;
}

// Of a file whose length is not given, or is not to be trusted.
Result<void> look_at_file(const Source& source, SourceFacts& facts, bool may_wait) {
  const auto stat =
      answer(may_wait ? os::stat(source.fd()) : os::stat_without_waiting(source.fd()));
  if (!stat) return std::unexpected(stat.error());
  if (!*stat) return {};
  const std::uint64_t size = facts.size = (*stat)->size;
  facts.regular = (*stat)->type == os::FileType::regular;
  const auto system = system_of(source.fd(), may_wait);
  facts.volume = volume_of(**stat, system);
  facts.true_size = system.size_trust == os::SizeTrust::always ||
                    (system.size_trust == os::SizeTrust::unless_zero && size > 0);
  if (!facts.regular && size == 0) facts.true_size = false;  // a device that does not tell
  facts.sparse = facts.regular && facts.true_size && (*stat)->allocated < size;
  const bool is_given = facts.promised != to_end;
  if (!facts.true_size || (is_given && facts.cursor)) return {};

  const auto offset = facts.cursor ? os::cursor(source.fd()) : source.offset();
  if (!offset) return {};
  if (!is_given) facts.promised = facts.left = size > *offset ? size - *offset : 0;
  if (facts.regular) facts.cached = look_at_cache(source.fd(), *offset, facts.promised);
  return {};
}

Result<void> look_at_file(const Sink& sink, SinkFacts& facts) {
  const auto stat = answer(os::stat(sink.fd()));
  const auto flags = answer(os::status_flags(sink.fd()));
  if (!stat) return std::unexpected(stat.error());
  if (!flags) return std::unexpected(flags.error());
  facts.append = *flags && (*flags)->append;
  if (!*stat || !*flags) return {};
  facts.regular = (*stat)->type == os::FileType::regular;
  facts.size = (*stat)->size;
  if (facts.regular)
    facts.volume = volume_of(**stat, os::file_system(sink.fd()).value_or(os::FileSystem()));
  facts.keeps_holes =
      facts.regular && !facts.append && !facts.cursor && sink.offset() >= (*stat)->size;
  return {};
}

MemoryTenure tenure_of(const Source& source) {
  const bool empty = source.length() == 0;  // nobody can write what is not there
  if (empty || EndpointAccess::is_never_reused(source)) return MemoryTenure::never_reused;
  return EndpointAccess::keeper(source) ? MemoryTenure::shared : MemoryTenure::borrowed;
}

}  // namespace

// To ask for the whole of a large one takes longer than to begin with it.
Cached look_at_cache(FdRef file, std::uint64_t offset, std::uint64_t length) {
  constexpr std::uint64_t beginning = 256 << 10;
  if (length < worth_asking_if_cached) return Cached::unknown;
  const auto cached = os::cached_bytes(file, offset, beginning);
  if (!cached) return Cached::unknown;
  return *cached < beginning / 2 ? Cached::little : Cached::mostly;
}

Result<SourceFacts> facts_of(const Source& source, bool trust_length, Disk disk,
                             std::optional<Cached> cached) {
  SourceFacts facts{.kind = source.kind(),
                    .cursor = source.kind() == Kind::file && source.offset() == at_cursor,
                    .owned = source.owned(),
                    .promised = source.length(),
                    .offset = source.offset(),
                    .left = source.length()};
  if (facts.kind == Kind::memory) {
    facts.tenure = tenure_of(source);
    return facts;
  }
  const bool may_wait = disk == Disk::may_wait;
  if (facts.kind == Kind::file && trust_length && may_wait && facts.promised != to_end) {
    facts.regular = facts.true_size = true;
    if (cached) {
      facts.cached = *cached;
    } else if (!facts.cursor) {
      facts.cached = look_at_cache(source.fd(), facts.offset, facts.promised);
    }
    return facts;
  }
  if (facts.kind == Kind::file) {
    if (auto looked = look_at_file(source, facts, may_wait); !looked)
      return std::unexpected(looked.error());
    if (!may_wait) facts.residency = residency_of(source.fd(), facts);
    return facts;
  }
  if (EndpointAccess::connection(source)) return facts;
  const auto waiting = waiting_of(facts.kind, source.fd());
  if (!waiting) return std::unexpected(waiting.error());
  facts.waiting = *waiting;
  return facts;
}

std::size_t join_run(SourceFacts& facts, std::span<const Source> parts, std::size_t first) {
  constexpr std::size_t most = 1024;
  const std::size_t last = std::min(parts.size(), first + most);
  std::size_t index = first + 1;
  for (; index < last && parts[index].kind() == Kind::memory; ++index) {
    if (parts[index].length() == 0) continue;
    facts.scattered = true;
    facts.tenure = std::min(facts.tenure, tenure_of(parts[index]));
  }
  return index;
}

Result<SinkFacts> facts_of(const Sink& sink) {
  SinkFacts facts{.kind = sink.kind(),
                  .cursor = sink.kind() == Kind::file && sink.offset() == at_cursor,
                  .owned = sink.owned(),
                  .is_connection = EndpointAccess::connection(sink) != nullptr,
                  .lendable = EndpointAccess::is_lendable(sink),
                  .offset = sink.offset()};
  if (facts.kind == Kind::memory) return facts;
  const auto waiting = waiting_of(facts.kind, sink.fd());
  if (!waiting) return std::unexpected(waiting.error());
  facts.waiting = *waiting;
  if (facts.kind == Kind::socket) {
    const auto socket = answer(os::socket_facts(sink.fd()));
    if (!socket) return std::unexpected(socket.error());
    facts.tcp = !*socket || (*socket)->tcp;  // careful: TCP may hold bytes back
    facts.nodelay = facts.tcp && os::has_nodelay(sink.fd());
  }
  if (facts.kind == Kind::file) {
    if (auto looked = look_at_file(sink, facts); !looked) return std::unexpected(looked.error());
  }
  return facts;
}

std::optional<OwnedFd> own_description(Kind kind, Waiting waiting, FdRef fd, bool for_reading) {
  if (waiting != Waiting::polled) return std::nullopt;
  // Other devices may clone: opening the master of a terminal makes a new terminal.
  const bool reopens = kind == Kind::pipe || (kind == Kind::device && os::is_terminal(fd));
  if (!reopens) return std::nullopt;
  auto reopened = os::reopen_nonblocking(fd, for_reading ? os::Access::read : os::Access::write);
  if (!reopened) return std::nullopt;
  return std::move(*reopened);
}

}  // namespace leat
