#include "support/bounds.h"

#include <cstdlib>

namespace leat::testing {
namespace {

/// The number in the environment, or `otherwise` if it is not there. Nonsense must not look like a
/// bound of nothing, which would skip every test.
std::uint64_t number_in(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  if (text == nullptr || *text == '\0') return otherwise;
  char* end = nullptr;
  const std::uint64_t number = std::strtoull(text, &end, 10);
  EXPECT_TRUE(*end == '\0' && number > 0) << variable << " is not a number over 0: " << text;
  return *end == '\0' && number > 0 ? number : otherwise;
}

}  // namespace

std::uint64_t max_payload_bytes() { return number_in("LEAT_TEST_MAX_BYTES", UINT64_MAX); }

unsigned time_factor() { return static_cast<unsigned>(number_in("LEAT_TEST_TIME_FACTOR", 1)); }

std::string over_the_bound(std::uint64_t bytes) {
  return std::to_string(bytes) + " bytes are over LEAT_TEST_MAX_BYTES (" +
         std::to_string(max_payload_bytes()) + ")";
}

}  // namespace leat::testing
