// Endpoint addresses from any text: what is accepted can be written and read back.

#define FMT_HEADER_ONLY

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../apps/leat/endpoint_address.cc"  // NOLINT(bugprone-suspicious-include): no library
#include "check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace leat::app;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto address = parse_endpoint_address(text);
  if (!address) {
    FUZZ_CHECK(!address.error().empty());
    return 0;
  }
  const auto again = parse_endpoint_address(format_endpoint_address(*address));
  FUZZ_CHECK(again.has_value());
  FUZZ_CHECK(*again == *address);
  if (address->is_unix()) FUZZ_CHECK(!address->path.empty() && address->path.size() <= 107);
  if (address->is_tcp()) FUZZ_CHECK(address->port != 0 || address->listens());
  if (address->kind == EndpointAddress::Kind::tcp_connect) FUZZ_CHECK(!address->host.empty());
  // A path with a NUL would name another file than the one that was written.
  FUZZ_CHECK(address->path.find('\0') == std::string::npos);
  FUZZ_CHECK(address->host.find('\0') == std::string::npos);
  return 0;
}
