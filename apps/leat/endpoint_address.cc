#include "endpoint_address.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/core.h>

namespace leat::app {
namespace {

using Kind = EndpointAddress::Kind;
using Parsed = std::expected<EndpointAddress, std::string>;

struct Scheme {
  std::string_view prefix;
  Kind kind;
};
constexpr std::array<Scheme, 4> schemes{{{"tcp://", Kind::tcp_connect},
                                         {"tcp-listen://", Kind::tcp_listen},
                                         {"unix://", Kind::unix_connect},
                                         {"unix-listen://", Kind::unix_listen}}};

// sockaddr_un holds 108 bytes, one of which ends the path. See unix(7).
constexpr std::size_t longest_unix_path = 107;

Parsed refuse(std::string_view text, std::string_view why) {
  return std::unexpected(fmt::format("'{}': {}", text, why));
}

bool is_host(std::string_view text) {
  return text.find_first_of("[]/ \t\n") == std::string_view::npos;
}

/// "host:port" or "[v6]:port" into its two halves; false if it is neither.
bool split_host_port(std::string_view rest, std::string_view& host, std::string_view& port) {
  if (!rest.empty() && rest.front() == '[') {
    const auto close = rest.find(']');
    if (close == std::string_view::npos || close == 1) return false;
    host = rest.substr(1, close - 1);
    rest.remove_prefix(close + 1);
    if (rest.empty() || rest.front() != ':') return false;
    port = rest.substr(1);
    return host.find(':') != std::string_view::npos && is_host(host);
  }
  const auto colon = rest.find(':');
  if (colon == std::string_view::npos || rest.find(':', colon + 1) != std::string_view::npos) {
    return false;  // two colons: an IPv6 address without its brackets
  }
  host = rest.substr(0, colon);
  port = rest.substr(colon + 1);
  return is_host(host);
}

Parsed parse_tcp(std::string_view text, const Scheme& scheme) {
  std::string_view host;
  std::string_view digits;
  if (!split_host_port(text.substr(scheme.prefix.size()), host, digits)) {
    return refuse(text, "write HOST:PORT after the //, an IPv6 address in brackets: [::1]:9000");
  }
  EndpointAddress address{.kind = scheme.kind, .path = {}, .host = std::string(host)};
  if (host.empty() && scheme.kind == Kind::tcp_connect) return refuse(text, "name a host");
  const auto* end = digits.data() + digits.size();
  const auto result = std::from_chars(digits.data(), end, address.port);
  if (digits.empty() || result.ec != std::errc() || result.ptr != end) {
    return refuse(text, "the port is a number from 1 to 65535");
  }
  if (address.port == 0 && scheme.kind == Kind::tcp_connect) {
    return refuse(text, "port 0 cannot be connected to; it only serves to listen on a free port");
  }
  return address;
}

Parsed parse_unix(std::string_view text, const Scheme& scheme) {
  const auto path = text.substr(scheme.prefix.size());
  if (path.size() < 2 || path.front() != '/') {
    return refuse(text, "write an absolute path with three slashes: unix:///run/peer.socket");
  }
  if (path.size() > longest_unix_path) {
    return refuse(text, "the path of a UNIX socket has at most 107 bytes");
  }
  return EndpointAddress{.kind = scheme.kind, .path = std::string(path), .host = {}};
}

}  // namespace

Parsed parse_endpoint_address(std::string_view text) {
  if (text.empty()) return refuse(text, "an endpoint is a path, -, or an address such as tcp://…");
  if (text.find('\0') != std::string_view::npos) {
    return std::unexpected("an endpoint holds no NUL byte");
  }
  if (text == "-") return EndpointAddress{.kind = Kind::standard_stream, .path = {}, .host = {}};
  for (const Scheme& scheme : schemes) {
    if (!text.starts_with(scheme.prefix)) continue;
    const bool tcp = scheme.kind == Kind::tcp_connect || scheme.kind == Kind::tcp_listen;
    return tcp ? parse_tcp(text, scheme) : parse_unix(text, scheme);
  }
  const auto mark = text.find("://");
  if (mark != std::string_view::npos && text.find('/') == mark + 1) {
    return refuse(text,
                  "unknown kind of address: use tcp://, tcp-listen://, unix:// or unix-listen://; "
                  "put ./ before the name of a file");
  }
  return EndpointAddress{.kind = Kind::path, .path = std::string(text), .host = {}};
}

std::string format_endpoint_address(const EndpointAddress& address) {
  if (address.kind == Kind::standard_stream) return "-";
  if (address.kind == Kind::path) return address.path;
  const auto scheme = std::find_if(schemes.begin(), schemes.end(),
                                   [&](const Scheme& one) { return one.kind == address.kind; });
  if (address.is_unix()) return fmt::format("{}{}", scheme->prefix, address.path);
  const bool v6 = address.host.find(':') != std::string::npos;
  return v6 ? fmt::format("{}[{}]:{}", scheme->prefix, address.host, address.port)
            : fmt::format("{}{}:{}", scheme->prefix, address.host, address.port);
}

}  // namespace leat::app
