#include "copy/advice.h"

#include <cerrno>
#include <string>
#include <string_view>

#include "os/sockets.h"

namespace leat::app::copy {
namespace {

constexpr std::string_view write_in_place = "use --in-place to write into the file itself";

bool is_denied(const Error& error) { return error.is(EACCES) || error.is(EPERM); }

std::string_view advice_for_listener(const Error& error, const EndpointAddress& address) {
  if (error.is(EADDRINUSE) && address.is_unix()) {
    return "the path exists: remove it if no program listens there, or choose another";
  }
  if (error.is(EADDRINUSE)) return "another program has this port: choose another or end it";
  if (error.is(EADDRNOTAVAIL)) return "this host has no such address: see ip addr";
  if (is_denied(error)) {
    return address.is_unix() ? "choose a folder you may write to"
                             : "choose a port from 1024 upwards";
  }
  return {};
}

std::string_view advice_for_peer(const Error& error, const EndpointAddress& address, End end) {
  if (error.is(ECONNREFUSED)) return "nothing listens there: start the other side first";
  if (error.is(ENOENT)) return "no such socket: start the other side first";
  if (error.is(ENOTSOCK)) return "not a socket: give the path without unix://";
  if (error.is(ECONNRESET)) {
    return end == End::source ? "the sender gave up before the end: see its message and copy again"
                              : "the receiver gave up before the end: see its message";
  }
  if (error.is(EPIPE)) return "the receiver closed before the end: see its message";
  if (error.is(ETIMEDOUT) || error.is(EHOSTUNREACH) || error.is(ENETUNREACH)) {
    return "check the address, the route and the firewall";
  }
  if (error.is(EAGAIN)) return "its queue is full: try again";
  if (error.code.category() == os::lookup_category()) return "check the name, or use an address";
  return address.listens() ? advice_for_listener(error, address) : std::string_view();
}

std::string_view advice_for_source_file(const Error& error) {
  if (error.is(ENOENT)) return "check the name of SRC";
  if (is_denied(error)) return "you may not read it: change its mode, or run as its owner";
  if (error.is(Errc::is_directory)) {
    return "folders are not copied yet: name a file in it, or use tar -c DIR | leat copy - DST";
  }
  if (error.is(ENXIO)) return "a UNIX socket is read through unix:///PATH";
  if (error.is(EBADF)) return "standard input is closed, or not open for reading";
  if (error.is(EIO)) return "the device fails: see dmesg";
  return {};
}

std::string_view advice_for_sink_file(const Error& error, const Request& request) {
  if (error.is(Errc::has_several_links)) return write_in_place;
  if (is_denied(error)) {
    return request.in_place ? "you may not write there: change its mode, or run as its owner"
                            : "its folder or owner does not let you replace it: choose another "
                              "place, or use --in-place to write into an existing file itself";
  }
  if (error.is(EROFS)) return "the file system is read-only: choose another place";
  if (error.is(ENOENT)) return "make its folder first";
  if (error.is(ENOSPC) || error.is(EDQUOT)) return "free some space and copy again";
  if (error.is(EFBIG)) return "larger than this file system or ulimit -f allows";
  if (error.is(EPIPE)) return "its reader has gone";
  if (error.is(EBADF)) return "standard output is closed, or not open for writing";
  if (error.is(ETXTBSY)) return "it is a running program: copy without --in-place";
  if (error.is(ENXIO)) return "a UNIX socket is written through unix:///PATH";
  if (error.is(EIO)) return "the device fails: see dmesg";
  return {};
}

/// The library's hint ends in its own word for it.
void name_the_option(std::string& hint) {
  constexpr std::string_view word = "Consistency::detect";
  if (hint.ends_with(word))
    hint.replace(hint.size() - word.size(), word.size(), "--consistency detect");
}

std::string name_of_end(const Request& request, End end) {
  const EndpointAddress& address = end == End::source ? request.source : request.sink;
  if (address.kind != EndpointAddress::Kind::standard_stream) {
    return format_endpoint_address(address);
  }
  return end == End::source ? "standard input" : "standard output";
}

}  // namespace

void advise(Error& error, const Request& request, End end) {
  const bool generic = error.subject == "source" || error.subject == "sink";
  if (error.subject.empty() || generic) error.subject = name_of_end(request, end);
  const EndpointAddress& address = end == End::source ? request.source : request.sink;
  std::string_view hint;
  if (address.is_network()) {
    hint = advice_for_peer(error, address, end);
  } else if (end == End::source) {
    hint = advice_for_source_file(error);
  } else {
    hint = advice_for_sink_file(error, request);
  }
  if (!hint.empty()) error.hint = hint;
  if (error.is(Errc::no_snapshot)) name_the_option(error.hint);
}

}  // namespace leat::app::copy
