#include <algorithm>
#include <iterator>

#include <leat/endpoint.h>

#include "endpoint/access.h"
#include "os/descriptor.h"
#include "os/file.h"
#include "os/socket.h"

namespace leat {
namespace {

std::unexpected<Error> wrong_kind(Errc code, std::string hint) {
  return std::unexpected(Error{.code = make_error_code(code),
                               .operation = "open",
                               .mechanism = {},
                               .subject = {},
                               .hint = std::move(hint)});
}

Result<Kind> kind_of(FdRef fd) {
  const auto stat = os::stat(fd);
  if (!stat) return std::unexpected(stat.error());
  switch (stat->type) {
    case os::FileType::regular:
    case os::FileType::block_device: return Kind::file;
    case os::FileType::pipe: return Kind::pipe;
    case os::FileType::character_device: return Kind::device;
    case os::FileType::directory: return wrong_kind(Errc::is_directory, "name a file in it");
    case os::FileType::other: return wrong_kind(Errc::unsupported_kind, "");
    case os::FileType::socket: break;
  }
  const auto facts = os::socket_facts(fd);
  if (!facts) return std::unexpected(facts.error());
  if (!facts->stream) return wrong_kind(Errc::unsupported_kind, "only stream sockets are");
  if (facts->listening) return wrong_kind(Errc::unsupported_kind, "accept(2) a connection first");
  return Kind::socket;
}

Result<OwnedFd> with_subject(Result<OwnedFd> opened, const std::string& path) {
  if (!opened) opened.error().subject = path;
  return opened;
}

}  // namespace

std::string_view name_of(Kind kind) noexcept {
  switch (kind) {
    case Kind::file: return "file";
    case Kind::socket: return "socket";
    case Kind::pipe: return "pipe";
    case Kind::memory: return "memory";
    case Kind::device: return "device";
  }
  return "";
}

Source::Source(Kind kind, FdRef fd, OwnedFd owned, std::uint64_t offset,
               std::uint64_t length) noexcept
    : length_(length), offset_(offset), fd_(fd), owned_(std::move(owned)), kind_(kind) {}

Source Source::file(FdRef fd, Range range) noexcept {
  return Source(Kind::file, fd, {}, range.offset, range.length);
}
Source Source::file(OwnedFd fd, Range range) noexcept {
  const FdRef ref = fd;
  return Source(Kind::file, ref, std::move(fd), range.offset, range.length);
}
Source Source::socket(FdRef fd, std::uint64_t length) noexcept {
  return Source(Kind::socket, fd, {}, 0, length);
}
Source Source::socket(OwnedFd fd, std::uint64_t length) noexcept {
  const FdRef ref = fd;
  return Source(Kind::socket, ref, std::move(fd), 0, length);
}
Source Source::pipe(FdRef fd, std::uint64_t length) noexcept {
  return Source(Kind::pipe, fd, {}, 0, length);
}
Source Source::pipe(OwnedFd fd, std::uint64_t length) noexcept {
  const FdRef ref = fd;
  return Source(Kind::pipe, ref, std::move(fd), 0, length);
}

Result<Source> Source::descriptor(FdRef fd, std::uint64_t length) {
  const auto kind = kind_of(fd);
  if (!kind) return std::unexpected(kind.error());
  return Source(*kind, fd, {}, *kind == Kind::file ? at_cursor : 0, length);
}

Result<Source> Source::descriptor(OwnedFd fd, std::uint64_t length) {
  auto source = descriptor(fd.ref(), length);
  if (source) source->owned_ = std::move(fd);
  return source;
}

Result<Source> Source::open(const std::string& path, Range range) {
  auto fd = with_subject(os::open_for_reading(path), path);
  if (!fd) return std::unexpected(fd.error());
  auto source = descriptor(std::move(*fd), range.length);
  if (!source) {
    source.error().subject = path;
    return source;
  }
  if (source->kind_ == Kind::file) {
    source->offset_ = range.offset;
  } else if (range.offset != 0) {
    Error error{.code = {ESPIPE, std::generic_category()},
                .operation = "open",
                .mechanism = {},
                .subject = path,
                .hint = "an offset needs a file"};
    return std::unexpected(std::move(error));
  }
  return source;
}

std::span<Source> Source::parts() const noexcept {
  return parts_ && keeper_ ? std::span(*parts_) : std::span<Source>();
}

Source make_parts(std::vector<Source> list) {
  Source source;
  Kept<std::vector<Source>> flat(std::in_place);
  for (Source& part : list) {
    const bool open_ended = source.length_ == to_end || part.length() == to_end;
    source.length_ = open_ended ? to_end : source.length_ + part.length();
    // Composites of composites are one list: whoever walks it meets only parts that hold bytes.
    if (part.parts_) {
      std::ranges::move(part.parts(), std::back_inserter(*flat));
    } else {
      flat->push_back(std::move(part));
    }
  }
  source.parts_ = flat.get();
  source.keeper_ = std::move(flat).keeper();
  return source;
}

Source::Source(const Chain& chain) {
  std::vector<Source> list;
  list.reserve(chain.slices().size());
  for (const Slice& slice : chain.slices()) list.emplace_back(slice);
  *this = make_parts(std::move(list));
}

Sink::Sink(Kind kind, FdRef fd, OwnedFd owned, std::uint64_t offset) noexcept
    : offset_(offset), fd_(fd), owned_(std::move(owned)), kind_(kind) {}

Sink Sink::file(FdRef fd, std::uint64_t offset) noexcept {
  return Sink(Kind::file, fd, {}, offset);
}
Sink Sink::file(OwnedFd fd, std::uint64_t offset) noexcept {
  const FdRef ref = fd;
  return Sink(Kind::file, ref, std::move(fd), offset);
}
Sink Sink::socket(FdRef fd) noexcept { return Sink(Kind::socket, fd, {}, 0); }
Sink Sink::socket(OwnedFd fd) noexcept {
  const FdRef ref = fd;
  return Sink(Kind::socket, ref, std::move(fd), 0);
}
Sink Sink::pipe(FdRef fd) noexcept { return Sink(Kind::pipe, fd, {}, 0); }
Sink Sink::pipe(OwnedFd fd) noexcept {
  const FdRef ref = fd;
  return Sink(Kind::pipe, ref, std::move(fd), 0);
}

Result<Sink> Sink::descriptor(FdRef fd) {
  const auto kind = kind_of(fd);
  if (!kind) return std::unexpected(kind.error());
  return Sink(*kind, fd, {}, *kind == Kind::file ? at_cursor : 0);
}

Result<Sink> Sink::descriptor(OwnedFd fd) {
  auto sink = descriptor(fd.ref());
  if (sink) sink->owned_ = std::move(fd);
  return sink;
}

Result<Sink> Sink::open(const std::string& path, OpenMode mode, std::uint64_t offset) {
  auto fd = with_subject(os::open_for_writing(path, {.create = mode != OpenMode::existing,
                                                     .truncate = mode == OpenMode::truncate}),
                         path);
  if (!fd) return std::unexpected(fd.error());
  auto sink = descriptor(std::move(*fd));
  if (!sink) {
    sink.error().subject = path;
  } else if (sink->kind_ == Kind::file) {
    sink->offset_ = offset;
  }
  return sink;
}

}  // namespace leat
