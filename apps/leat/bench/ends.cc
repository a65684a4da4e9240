#include "bench/ends.h"

#include <span>
#include <utility>

#include "os/loopback.h"
#include "os/payload_file.h"

namespace leat::app::bench {
namespace {

Result<OwnedFd> listen_for(const Payload& payload, const Pair& pair) {
  return pair.path == Path::veth ? payload.veth->listen() : os::listen_on_loopback();
}

/// Pages of its own: only these may be lent in every way that leat has.
Result<Slice> make_memory(const Payload& payload, bool empty) {
  Result<Buffer> pages = Buffer::pages(payload.size);
  if (!pages) return std::unexpected(pages.error());
  if (!empty) {
    if (const auto read = os::read_into(payload.file, pages->bytes()); !read) {
      return std::unexpected(read.error());
    }
  }
  return std::move(*pages).freeze(payload.size);
}

Result<void> open_source(Ends& ends, const Payload& payload, SourceKind kind, Meeting& meeting,
                         bool empty) {
  switch (kind) {
    case SourceKind::file: break;
    case SourceKind::memory: {
      Result<Slice> memory = make_memory(payload, empty);
      if (!memory) return std::unexpected(memory.error());
      ends.memory = std::move(*memory);
      break;
    }
    case SourceKind::pipe: ends.source_fd = std::move(meeting.source_pipe.out); break;
    case SourceKind::tcp: {
      Result<OwnedFd> socket = os::connect_to_listener(meeting.feeder);
      if (!socket) return std::unexpected(socket.error());
      ends.source_fd = std::move(*socket);
      break;
    }
  }
  return {};
}

Source source_of(const Ends& ends, const Payload& payload, SourceKind kind) {
  switch (kind) {
    case SourceKind::file: break;
    case SourceKind::memory: return ends.memory;
    case SourceKind::pipe: return Source::pipe(ends.source_fd.ref(), payload.size);
    case SourceKind::tcp: return Source::socket(ends.source_fd.ref(), payload.size);
  }
  return Source::file(payload.file, {0, payload.size});
}

Result<void> open_socket(Context& context, Ends& ends, bool lends_memory, FdRef listener) {
  Result<OwnedFd> socket = os::connect_to_listener(listener);
  if (!socket) return std::unexpected(socket.error());
  if (!lends_memory) {
    ends.sink_fd = std::move(*socket);
    return {};
  }
  Result<Connection> connection = Connection::adopt(context, std::move(*socket));
  if (!connection) return std::unexpected(connection.error());
  ends.connection.emplace(std::move(*connection));
  return {};
}

void open_pipe(Ends& ends, Meeting& meeting) {
  meeting.sink_pipe.out.reset();  // else the mover would not notice that the receiver is gone
  ends.sink_fd = std::move(meeting.sink_pipe.in);
}

Result<void> open_file(Ends& ends, const Payload& payload) {
  Result<OwnedFd> file = os::nameless_file(payload.folder);
  if (!file) return std::unexpected(file.error());
  ends.sink_fd = std::move(*file);
  return {};
}

Result<void> open_sink(Context& context, Ends& ends, const Payload& payload, const Pair& pair,
                       Meeting& meeting) {
  switch (pair.sink) {
    case SinkKind::tcp:
    case SinkKind::unix_socket:
      return open_socket(context, ends, pair.source == SourceKind::memory, meeting.receiver);
    case SinkKind::pipe: open_pipe(ends, meeting); break;
    case SinkKind::file: return open_file(ends, payload);
  }
  return {};
}

Result<Sink> sink_of(Ends& ends, SinkKind kind, std::uint64_t offset) {
  switch (kind) {
    case SinkKind::tcp:
    case SinkKind::unix_socket:
      return ends.connection ? Sink(*ends.connection) : Sink::socket(ends.sink_fd.ref());
    case SinkKind::pipe: return Sink::pipe(ends.sink_fd.ref());
    case SinkKind::file: break;
  }
  Result<OwnedFd> given = os::duplicate(ends.sink_fd);
  if (!given) return std::unexpected(given.error());
  return Sink::file(std::move(*given), offset);
}

}  // namespace

std::uint64_t stride_of(std::uint64_t size) noexcept {
  constexpr std::uint64_t alignment = 64u << 10;
  return (size + alignment - 1) / alignment * alignment;
}

void Ends::close_sink() {
  connection.reset();
  sink_fd.reset();
}

Result<Meeting> arrange(const Payload& payload, const Pair& pair) {
  Meeting meeting;
  if (pair.sink == SinkKind::tcp || pair.sink == SinkKind::unix_socket) {
    Result<OwnedFd> listener =
        pair.sink == SinkKind::tcp ? listen_for(payload, pair) : os::listen_on_abstract_name();
    if (!listener) return std::unexpected(listener.error());
    meeting.receiver = std::move(*listener);
  }
  if (pair.source == SourceKind::tcp) {
    Result<OwnedFd> listener = listen_for(payload, pair);
    if (!listener) return std::unexpected(listener.error());
    meeting.feeder = std::move(*listener);
  }
  if (pair.source == SourceKind::pipe) {
    Result<os::Pipe> pipe = os::make_large_pipe();
    if (!pipe) return std::unexpected(pipe.error());
    meeting.source_pipe = std::move(*pipe);
  }
  if (pair.sink == SinkKind::pipe) {
    Result<os::Pipe> pipe = os::make_large_pipe();
    if (!pipe) return std::unexpected(pipe.error());
    meeting.sink_pipe = std::move(*pipe);
  }
  return meeting;
}

Result<Ends> open_ends(Context& context, const Payload& payload, const Pair& pair, Meeting& meeting,
                       bool empty) {
  Ends ends;
  if (const auto opened = open_source(ends, payload, pair.source, meeting, empty); !opened) {
    return std::unexpected(opened.error());
  }
  if (const auto opened = open_sink(context, ends, payload, pair, meeting); !opened) {
    return std::unexpected(opened.error());
  }
  const std::uint64_t repeats = empty ? 1 : repeats_of(pair, payload.size);
  ends.moves.reserve(repeats);
  for (std::uint64_t i = 0; i < repeats; ++i) {
    Result<Sink> sink = sink_of(ends, pair.sink, i * stride_of(payload.size));
    if (!sink) return std::unexpected(sink.error());
    ends.moves.push_back({source_of(ends, payload, pair.source), std::move(*sink)});
  }
  return ends;
}

}  // namespace leat::app::bench
