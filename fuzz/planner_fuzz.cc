// Any facts, needs and costs: each plan keeps its promises.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>

#include "../tests/support/plan_model.cc"  // NOLINT(bugprone-suspicious-include)
#include "check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const leat::testing::PlanInput input{std::span(data, size)};
  const std::string broken = leat::testing::broken_promise(input);
  if (!broken.empty()) std::fprintf(stderr, "broken: %s\n", broken.c_str());
  FUZZ_CHECK(broken.empty());
  return 0;
}
