#include "explain/ends.h"

#include <utility>

#include "endpoint_address.h"
#include "os/files.h"
#include "os/loopback.h"
#include "os/pipe.h"
#include "os/single_calls.h"

namespace leat::app::explain {
namespace {

using AddressKind = EndpointAddress::Kind;

constexpr FdRef standard_input{0};
constexpr FdRef standard_output{1};

std::string stand_in_name(const EndpointAddress& address, const char* what) {
  return format_endpoint_address(address) + " (" + what + " stands in for it)";
}

/// The name that copy gives a file in the folder `path`.
std::string inside(const std::string& path, const EndpointAddress& source) {
  const std::size_t slash = source.path.find_last_of('/');
  const std::string name = slash == std::string::npos ? source.path : source.path.substr(slash + 1);
  return path + (path.ends_with('/') ? "" : "/") + (name.empty() ? "file" : name);
}

}  // namespace

Result<Ends> Ends::open(const copy::Request& request) {
  Ends ends;
  auto context = Context::create({});
  if (!context) return std::unexpected(context.error());
  ends.context_ = std::move(*context);
  if (auto opened = ends.open_source(request); !opened) return std::unexpected(opened.error());
  if (auto opened = ends.open_sink(request); !opened) return std::unexpected(opened.error());
  return ends;
}

Result<OwnedFd> Ends::stand_in_socket(bool tcp) {
  if (!tcp) {
    auto pair = os::unix_socket_pair();
    if (!pair) return std::unexpected(pair.error());
    far_ends_.push_back(std::move(pair->other));
    return std::move(pair->one);
  }
  auto pair = os::tcp_pair();
  if (!pair) return std::unexpected(pair.error());
  far_ends_.push_back(std::move(pair->far));
  return std::move(pair->near);
}

Result<void> Ends::open_source(const copy::Request& request) {
  const EndpointAddress& address = request.source;
  const std::uint64_t length = request.length.value_or(to_end);
  source_name_ = format_endpoint_address(address);
  if (address.is_network()) {
    source_name_ = stand_in_name(address, "a connection of its own");
    auto socket = stand_in_socket(address.is_tcp());
    if (!socket) return std::unexpected(socket.error());
    auto connection = Connection::adopt(*context_, std::move(*socket));
    if (!connection) return std::unexpected(connection.error());
    source_connection_ = std::move(*connection);
    source_.emplace(*source_connection_, length);
    return {};
  }
  Result<Source> opened = std::unexpected(Error());
  if (address.kind == AddressKind::standard_stream) {
    opened = Source::descriptor(standard_input, length);
  } else {
    const auto facts = os::look_at(address.path);
    if (!facts) return std::unexpected(facts.error());
    if (facts->is_fifo()) {
      source_name_ = stand_in_name(address, "a pipe of its own");
      auto pipe = os::make_pipe();
      if (!pipe) return std::unexpected(pipe.error());
      far_ends_.push_back(std::move(pipe->in));
      source_ = Source::pipe(std::move(pipe->out), length);
      return {};
    }
    opened = Source::open(address.path, {request.offset, length});
  }
  if (!opened) return std::unexpected(opened.error());
  source_ = std::move(*opened);
  return {};
}

Result<void> Ends::open_sink(const copy::Request& request) {
  const EndpointAddress& address = request.sink;
  sink_name_ = format_endpoint_address(address);
  if (address.is_network()) {
    sink_is_stand_in_ = true;
    sink_name_ = stand_in_name(address, "a connection of its own");
    auto socket = stand_in_socket(address.is_tcp());
    if (!socket) return std::unexpected(socket.error());
    auto connection = Connection::adopt(*context_, std::move(*socket));
    if (!connection) return std::unexpected(connection.error());
    sink_connection_ = std::move(*connection);
    sink_.emplace(*sink_connection_);
    return {};
  }
  if (address.kind == AddressKind::standard_stream) {
    auto opened = Sink::descriptor(standard_output);
    if (!opened) return std::unexpected(opened.error());
    sink_ = std::move(*opened);
    return {};
  }
  std::string path = address.path;
  const auto facts = os::look_at(path);
  if (!facts && !facts.error().is(ENOENT)) return std::unexpected(facts.error());
  if (facts && facts->is_fifo()) {
    sink_is_stand_in_ = true;
    sink_name_ = stand_in_name(address, "a pipe of its own");
    auto pipe = os::make_pipe();
    if (!pipe) return std::unexpected(pipe.error());
    far_ends_.push_back(std::move(pipe->out));
    sink_ = Sink::pipe(std::move(pipe->in));
    return {};
  }
  if (facts && !facts->is_regular() && !facts->is_directory()) {
    auto opened = Sink::open(path, OpenMode::existing);
    if (!opened) return std::unexpected(opened.error());
    sink_ = std::move(*opened);
    return {};
  }
  if (facts && facts->is_directory()) path = inside(path, request.source);
  auto begun = replace_file(path);
  if (!begun) return std::unexpected(begun.error());
  replacement_ = std::move(*begun);
  sink_ = replacement_->sink();
  return {};
}

}  // namespace leat::app::explain
