// What a slow machine, such as an emulated one (docs/lab.md), sets to get through the tests.
#pragma once

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

namespace leat::testing {

/// The largest payload that a test may move: LEAT_TEST_MAX_BYTES, or no bound if it is not set.
std::uint64_t max_payload_bytes();
/// How much longer everything may take: LEAT_TEST_TIME_FACTOR, or 1.
unsigned time_factor();

/// Why a payload is left out.
std::string over_the_bound(std::uint64_t bytes);

}  // namespace leat::testing

/// Leaves out the rest of the test if a payload of `bytes` is over LEAT_TEST_MAX_BYTES. A macro,
/// because it returns.
#define LEAT_SKIP_IF_OVER_BOUND(bytes)                \
  if ((bytes) > ::leat::testing::max_payload_bytes()) \
  GTEST_SKIP() << ::leat::testing::over_the_bound(bytes)
