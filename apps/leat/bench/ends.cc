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
    case SourceKind::file: ends.source = Source::file(payload.file, {0, payload.size}); break;
    case SourceKind::memory: {
      Result<Slice> memory = make_memory(payload, empty);
      if (!memory) return std::unexpected(memory.error());
      ends.memory = std::move(*memory);
      ends.source = Source(ends.memory);
      break;
    }
    case SourceKind::pipe:
      ends.source_fd = std::move(meeting.source_pipe.out);
      ends.source = Source::pipe(ends.source_fd.ref(), payload.size);
      break;
    case SourceKind::tcp: {
      Result<OwnedFd> socket = os::connect_to_listener(meeting.feeder);
      if (!socket) return std::unexpected(socket.error());
      ends.source_fd = std::move(*socket);
      ends.source = Source::socket(ends.source_fd.ref(), payload.size);
      break;
    }
  }
  return {};
}

Result<void> open_socket(Context& context, Ends& ends, bool lends_memory, FdRef listener) {
  Result<OwnedFd> socket = os::connect_to_listener(listener);
  if (!socket) return std::unexpected(socket.error());
  if (!lends_memory) {
    ends.sink_fd = std::move(*socket);
    ends.sink = Sink::socket(ends.sink_fd.ref());
    return {};
  }
  Result<Connection> connection = Connection::adopt(context, std::move(*socket));
  if (!connection) return std::unexpected(connection.error());
  ends.connection.emplace(std::move(*connection));
  ends.sink = Sink(*ends.connection);
  return {};
}

void open_pipe(Ends& ends, Meeting& meeting) {
  meeting.sink_pipe.out.reset();  // else the mover would not notice that the receiver is gone
  ends.sink_fd = std::move(meeting.sink_pipe.in);
  ends.sink = Sink::pipe(ends.sink_fd.ref());
}

Result<void> open_file(Ends& ends, const Payload& payload) {
  Result<OwnedFd> file = os::nameless_file(payload.folder);
  if (!file) return std::unexpected(file.error());
  Result<OwnedFd> given = os::duplicate(*file);
  if (!given) return std::unexpected(given.error());
  ends.sink_fd = std::move(*file);
  ends.sink = Sink::file(std::move(*given));
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

}  // namespace

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
  return ends;
}

}  // namespace leat::app::bench
