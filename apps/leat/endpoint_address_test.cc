/// Goal: every form of DESIGN §9 is read, everything doubtful is refused with advice, and what was
/// read can be written again.
#include "endpoint_address.h"

#include <gtest/gtest.h>

namespace leat::app {
namespace {

using Kind = EndpointAddress::Kind;

EndpointAddress parsed(const char* text) {
  const auto address = parse_endpoint_address(text);
  EXPECT_TRUE(address.has_value()) << text;
  return address.value_or(EndpointAddress{});
}

TEST(EndpointAddress, ReadsEveryKind) {
  EXPECT_EQ(parsed("-").kind, Kind::standard_stream);
  EXPECT_EQ(parsed("./-").kind, Kind::path);
  EXPECT_EQ(parsed("a:b").path, "a:b");
  EXPECT_EQ(parsed("/x/http://y").path, "/x/http://y");

  const auto tcp = parsed("tcp://host.example:9000");
  EXPECT_EQ(tcp.kind, Kind::tcp_connect);
  EXPECT_EQ(tcp.host, "host.example");
  EXPECT_EQ(tcp.port, 9000);

  const auto v6 = parsed("tcp-listen://[::1]:65535");
  EXPECT_EQ(v6.kind, Kind::tcp_listen);
  EXPECT_EQ(v6.host, "::1");
  EXPECT_EQ(v6.port, 65535);

  EXPECT_EQ(parsed("tcp-listen://:0").host, "");
  EXPECT_EQ(parsed("unix:///run/x").path, "/run/x");
  EXPECT_EQ(parsed("unix-listen:///run/x y").kind, Kind::unix_listen);
}

TEST(EndpointAddress, WritesWhatItRead) {
  for (const char* text : {"-", "a/b", "tcp://h:1", "tcp-listen://:0", "tcp://[fe80::1%eth0]:80",
                           "unix:///a", "unix-listen:///a/b"}) {
    EXPECT_EQ(format_endpoint_address(parsed(text)), text);
  }
}

TEST(EndpointAddress, RefusesWithAdvice) {
  for (const char* text :
       {"", "tcp://", "tcp://host", "tcp://host:", "tcp://host:x", "tcp://host:70000",
        "tcp://host:0", "tcp://:80", "tcp://::1:80", "tcp://[::1]80", "tcp://[]:80",
        "tcp://[host]:80", "tcp://host:80/", "tcp://host:-1", "tcp:// h:80", "unix://relative",
        "unix:///", "http://host/", "tcp-listen://[::1:80"}) {
    const auto address = parse_endpoint_address(text);
    ASSERT_FALSE(address.has_value()) << text;
    EXPECT_EQ(address.error().find('\n'), std::string::npos) << text;
  }
  EXPECT_FALSE(parse_endpoint_address("unix:///" + std::string(107, 'x')).has_value());
  EXPECT_TRUE(parse_endpoint_address("unix:///" + std::string(106, 'x')).has_value());
  EXPECT_FALSE(parse_endpoint_address(std::string_view("a\0b", 3)).has_value());
}

}  // namespace
}  // namespace leat::app
