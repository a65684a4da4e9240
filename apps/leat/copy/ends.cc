#include "copy/ends.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "os/process.h"
#include "os/sockets.h"

namespace leat::app::copy {
namespace {

using AddressKind = EndpointAddress::Kind;

constexpr FdRef standard_input{0};
constexpr FdRef standard_output{1};
constexpr FdRef standard_error{2};

/// The error as a setback of one end, with advice.
std::unexpected<Setback> fail(Error error, const Request& request, End end) {
  advise(error, request, end);
  return std::unexpected(Setback(std::move(error)));
}

std::unexpected<Setback> fail(Setback setback, const Request& request, End end) {
  if (setback.ending == Ending::failed) advise(setback.error, request, end);
  return std::unexpected(std::move(setback));
}

std::unexpected<Setback> refuse(std::error_code code, std::string subject, std::string hint) {
  Error error;
  error.code = code;
  error.operation = "open";
  error.subject = std::move(subject);
  error.hint = std::move(hint);
  return std::unexpected(Setback(std::move(error)));
}

std::unexpected<Setback> refuse(std::errc code, std::string subject, std::string hint) {
  return refuse(std::make_error_code(code), std::move(subject), std::move(hint));
}

/// The last name of a path: "b" of "a/b".
std::string last_name(const std::string& path) {
  const auto end = path.find_last_not_of('/');
  if (end == std::string::npos) return {};
  const auto slash = path.find_last_of('/', end);
  const auto begin = slash == std::string::npos ? 0 : slash + 1;
  return path.substr(begin, end - begin + 1);
}

}  // namespace

Attempt<void> Ends::open() {
  auto done = open_local_source();
  if (done) done = find_destination();
  if (done) done = check_destination();
  if (done) done = begin_replacement();
  if (done) done = connect_source();
  if (done) done = open_local_sink();
  if (done) done = connect_sink();
  return done;
}

Attempt<void> Ends::open_local_source() {
  if (request_.source.is_network()) return {};
  const bool standard = request_.source.kind == AddressKind::standard_stream;
  const std::uint64_t length = request_.length.value_or(to_end);
  if (standard) {
    const auto readable = os::require_access(standard_input, os::Access::read);
    if (!readable) return fail(readable.error(), request_, End::source);
  }
  auto opened = standard ? Source::descriptor(standard_input, length)
                         : Source::open(request_.source.path, {request_.offset, length});
  if (!opened) return fail(opened.error(), request_, End::source);
  const auto facts = os::look_at(opened->fd(), {});
  if (!facts) return fail(facts.error(), request_, End::source);
  source_ = std::move(*opened);
  source_facts_ = *facts;
  if (request_.preserve && !facts->is_regular()) {
    return refuse(std::errc::invalid_argument, request_.source.path,
                  "--preserve needs a regular file as SRC: copy without it");
  }
  return {};
}

Attempt<void> Ends::find_destination() {
  if (request_.sink.is_network()) return {};
  if (request_.sink.kind == AddressKind::standard_stream) {
    const auto writable = os::require_access(standard_output, os::Access::write);
    if (!writable) return fail(writable.error(), request_, End::sink);
    const auto facts = os::look_at(standard_output, {});
    if (!facts) return fail(facts.error(), request_, End::sink);
    destination_facts_ = *facts;
    return {};
  }
  destination_ = request_.sink.path;
  for (bool inside_folder = false;; inside_folder = true) {
    const auto facts = os::look_at(destination_);
    if (!facts && !facts.error().is(ENOENT)) return fail(facts.error(), request_, End::sink);
    if (!facts) {
      if (destination_.back() != '/') return {};
      return refuse(std::errc::no_such_file_or_directory, destination_,
                    "make the folder first, or leave out the slash at the end");
    }
    destination_facts_ = *facts;
    if (!facts->is_directory()) return {};
    destination_facts_.reset();
    if (inside_folder) {
      return refuse(make_error_code(Errc::is_directory), destination_,
                    "a folder has SRC's name there: name a file as DST");
    }
    if (request_.source.kind != AddressKind::path) {
      return refuse(make_error_code(Errc::is_directory), destination_,
                    "SRC has no name to take over: name the file in the folder");
    }
    if (destination_.back() != '/') destination_ += '/';
    destination_ += last_name(request_.source.path);
  }
}

Attempt<void> Ends::check_destination() const {
  if (!destination_facts_) return {};
  if (source_facts_ && source_facts_->same_storage(*destination_facts_)) {
    const std::string subject = destination_.empty() ? "standard output" : destination_;
    return refuse(std::errc::invalid_argument, subject,
                  "SRC and DST are the same file: name another DST");
  }
  if (!destination_.empty() && destination_facts_->is_socket()) {
    return refuse(std::errc::no_such_device_or_address, destination_,
                  "a UNIX socket is written through unix:///PATH");
  }
  if (request_.preserve && !destination_facts_->is_regular()) {
    return refuse(std::errc::invalid_argument, destination_,
                  "--preserve needs a regular file as DST: copy without it");
  }
  return {};
}

Attempt<void> Ends::begin_replacement() {
  const bool regular = !destination_facts_ || destination_facts_->is_regular();
  if (destination_.empty() || request_.in_place || !regular) return {};
  auto begun = replace_file(destination_, std::nullopt, request_.durability);
  if (!begun) return fail(begun.error(), request_, End::sink);
  replacement_ = std::move(*begun);
  return {};
}

Attempt<void> Ends::open_local_sink() {
  if (request_.sink.is_network() || replacement_) return {};
  auto opened = [&]() -> Attempt<Result<Sink>> {
    if (destination_.empty()) return Sink::descriptor(standard_output);
    if (destination_facts_ && destination_facts_->is_fifo()) {
      auto fifo = os::open_fifo_for_writing(destination_, patience_);
      if (!fifo) return std::unexpected(fifo.error());
      return Sink::descriptor(std::move(*fifo));
    }
    const bool regular = !destination_facts_ || destination_facts_->is_regular();
    return Sink::open(destination_, regular ? OpenMode::truncate : OpenMode::existing);
  }();
  if (!opened) return fail(opened.error(), request_, End::sink);
  if (!*opened) return fail((*opened).error(), request_, End::sink);
  sink_ = std::move(**opened);
  return {};
}

void Ends::announce(const EndpointAddress& address, std::uint16_t port) const {
  // Needed where the kernel chose the port; else only a person waiting at a terminal wants it.
  const bool wanted = address.is_tcp() && address.port == 0;
  if (request_.quiet || (!wanted && (request_.json || !os::is_terminal(standard_error)))) return;
  EndpointAddress bound = address;
  bound.port = port;
  const std::string text = format_endpoint_address(bound);
  if (request_.json) {
    os::tell(nlohmann::ordered_json{{"listening", text}}.dump() + "\n");
  } else {
    os::tell("leat copy: listening: " + text + "\n");
  }
}

Attempt<OwnedFd> Ends::accept_tcp(const EndpointAddress& address) {
  auto addresses = os::look_up(address.host, address.port, true, patience_);
  if (!addresses) return std::unexpected(addresses.error());
  auto listener = os::Listener::on_tcp(std::move(*addresses), format_endpoint_address(address));
  if (!listener) return std::unexpected(Setback(listener.error()));
  announce(address, listener->port());
  return listener->accept_one(patience_);
}

Attempt<OwnedFd> Ends::open_socket(const EndpointAddress& address, End end) {
  auto socket = [&]() -> Attempt<OwnedFd> {
    if (address.kind == AddressKind::tcp_listen) return accept_tcp(address);
    if (address.kind == AddressKind::unix_connect) {
      return os::connect_unix(address.path, patience_);
    }
    if (address.kind == AddressKind::unix_listen) {
      auto listener = os::Listener::on_unix(address.path);
      if (!listener) return std::unexpected(Setback(listener.error()));
      announce(address, 0);
      return listener->accept_one(patience_);
    }
    auto addresses = os::look_up(address.host, address.port, false, patience_);
    if (!addresses) return std::unexpected(addresses.error());
    return os::connect_tcp(*addresses, format_endpoint_address(address), patience_);
  }();
  if (!socket) return fail(socket.error(), request_, end);
  return socket;
}

Attempt<void> Ends::connect_source() {
  if (!request_.source.is_network()) return {};
  auto socket = open_socket(request_.source, End::source);
  if (!socket) return std::unexpected(socket.error());
  // A receiver that dies before the copy has its name must not look to the sender like one that
  // has everything. With a length the sender may have more to say, and a plain close with unread
  // bytes resets the connection by itself.
  const ConnectionOptions options{.reset_unless_ended = !request_.length};
  auto connection = Connection::adopt(context_, std::move(*socket), options);
  if (!connection) return fail(connection.error(), request_, End::source);
  source_connection_ = std::move(*connection);
  source_.emplace(*source_connection_, request_.length.value_or(to_end));
  return {};
}

Attempt<void> Ends::connect_sink() {
  if (!request_.sink.is_network()) return {};
  auto socket = open_socket(request_.sink, End::sink);
  if (!socket) return std::unexpected(socket.error());
  auto connection = Connection::adopt(context_, std::move(*socket), {.reset_unless_ended = true});
  if (!connection) return fail(connection.error(), request_, End::sink);
  sink_connection_ = std::move(*connection);
  sink_.emplace(*sink_connection_);
  return {};
}

Source Ends::take_source() { return std::move(*source_); }

Sink Ends::take_sink() {
  if (replacement_) return replacement_->sink();
  // An own file stays open here: its attributes are set after the last byte.
  if (sink_->owned() && sink_->kind() == Kind::file) return Sink::file(sink_->fd(), 0);
  return std::move(*sink_);
}

std::optional<std::uint64_t> Ends::expected_bytes() const {
  if (request_.length) return request_.length;
  if (!source_facts_ || !source_facts_->is_regular()) return std::nullopt;
  const std::uint64_t size = source_facts_->size();
  return size > request_.offset ? size - request_.offset : 0;
}

End Ends::end_at_fault(const Error& error) const {
  if (error.subject == "source") return End::source;
  if (error.subject == "sink") return End::sink;
  const bool between_peers = source_connection_ && sink_connection_;
  if (between_peers) {
    return os::is_hung_up(source_connection_->fd()) && !os::is_hung_up(sink_connection_->fd())
               ? End::source
               : End::sink;
  }
  // A file or pipe that is read does not answer with these.
  const bool of_a_peer = error.is(ECONNRESET) || error.is(ETIMEDOUT) || error.is(EHOSTUNREACH);
  return of_a_peer && source_connection_ ? End::source : End::sink;
}

Result<void> Ends::keep_attributes() {
  if (!request_.preserve) return {};
  const FdRef fd = replacement_ ? replacement_->fd() : sink_->fd();
  if (auto given = os::give_attributes(fd, *source_facts_, destination_); !given) return given;
  // In place the transfer has synced already, before these attributes.
  if (replacement_ || request_.durability != Durability::full) return {};
  return os::sync_file(fd, destination_);
}

std::chrono::steady_clock::time_point Ends::farewell_deadline() const {
  const auto own = std::chrono::steady_clock::now() + request_.close_timeout;
  return patience_.deadline ? std::min(own, *patience_.deadline) : own;
}

Result<Ends::Finish> Ends::finish() {
  Finish result;
  if (auto kept = keep_attributes(); !kept) return std::unexpected(kept.error());
  if (replacement_) {
    if (auto committed = replacement_->commit(); !committed) {
      return std::unexpected(committed.error());
    }
  } else if (request_.durability == Durability::full && !destination_.empty() &&
             !destination_facts_) {
    // Made in place: its name is new.
    if (auto synced = os::sync_folder_of(destination_); !synced)
      return std::unexpected(synced.error());
  }
  if (sink_connection_) {
    const auto farewell = sink_connection_->end(farewell_deadline(), patience_.stop);
    if (!farewell) return std::unexpected(farewell.error());
    result.acknowledged = farewell->acknowledged;
    result.unanswered = !farewell->acknowledged && !patience_.stop.stop_requested();
  }
  if (source_connection_ && !request_.length) {
    // The stream has ended and everything is kept: how the sender takes our end changes nothing,
    // so it is not waited for.
    [[maybe_unused]] const auto farewell =
        source_connection_->end(std::chrono::steady_clock::now(), patience_.stop);
  }
  return result;
}

}  // namespace leat::app::copy
