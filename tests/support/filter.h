// System calls refused by a seccomp filter, as a container's policy refuses them.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace leat::testing {

/// Empty, or why filters cannot be used here (for GTEST_SKIP).
std::string filters_unavailable();

/// From now on and for ever the calling *thread* gets `error_number` for these calls, by their
/// kernel names ("pread64", "newfstatat"). Names that the architecture does not have are passed
/// over.
void refuse_calls(const std::vector<std::string_view>& calls, int error_number);

/// Runs `body` on a thread of its own, which is thrown away with its filter.
void on_own_thread(const std::function<void()>& body);

/// Every call but those that merely read and write: what a mechanism or a look at facts may use.
extern const std::vector<std::string_view> special_calls;
/// read, write, recv, send, and their positioned and vector forms.
extern const std::vector<std::string_view> plain_calls;

}  // namespace leat::testing
