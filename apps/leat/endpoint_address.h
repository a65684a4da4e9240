/// What SRC and DST say on the command line. Pure text: nothing here asks the system.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace leat::app {

/// One end of a copy as it was written.
struct EndpointAddress {
  enum class Kind : std::uint8_t {
    standard_stream,  ///< "-"
    path,
    tcp_connect,   ///< tcp://HOST:PORT
    tcp_listen,    ///< tcp-listen://HOST:PORT
    unix_connect,  ///< unix:///PATH
    unix_listen,   ///< unix-listen:///PATH
  };

  Kind kind = Kind::path;
  std::string path;        ///< of `path` and of the UNIX kinds
  std::string host;        ///< without brackets; empty means every address of this host (listen)
  std::uint16_t port = 0;  ///< 0 only for tcp_listen: the kernel picks one

  bool is_tcp() const noexcept { return kind == Kind::tcp_connect || kind == Kind::tcp_listen; }
  bool is_unix() const noexcept { return kind == Kind::unix_connect || kind == Kind::unix_listen; }
  bool is_network() const noexcept { return is_tcp() || is_unix(); }
  bool listens() const noexcept { return kind == Kind::tcp_listen || kind == Kind::unix_listen; }

  friend bool operator==(const EndpointAddress&, const EndpointAddress&) = default;
};

/// Reads an endpoint. A file whose name looks like an address or is "-" is written with "./".
/// The error is a sentence that says what is accepted.
std::expected<EndpointAddress, std::string> parse_endpoint_address(std::string_view text);

/// The endpoint as it would be written; parses back to the same value.
std::string format_endpoint_address(const EndpointAddress& address);

}  // namespace leat::app
