// Sizes and durations from any text: no crash, no overflow, and what is read is what was written.

#define FMT_HEADER_ONLY

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "../apps/leat/sizes.cc"  // NOLINT(bugprone-suspicious-include): the program is no library
#include "check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace leat::app;
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  const auto bytes = parse_size(text);
  if (bytes) {
    FUZZ_CHECK(parse_size(std::to_string(*bytes)) == *bytes);
    FUZZ_CHECK(!format_size(*bytes).empty());
  } else {
    FUZZ_CHECK(!bytes.error().empty());
  }
  // A plain number is itself, and nothing that is too large for 64 bits is taken.
  std::uint64_t plain = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), plain);
  if (!text.empty() && read.ptr == text.data() + text.size())
    FUZZ_CHECK((read.ec == std::errc()) == bytes.has_value() && (!bytes || *bytes == plain));

  if (const auto duration = parse_duration(text)) {
    FUZZ_CHECK(duration->count() > 0);
  } else {
    FUZZ_CHECK(!duration.error().empty());
  }
  return 0;
}
