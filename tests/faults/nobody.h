// A child process without rights, and with limits of its own.
#pragma once

#include <sys/resource.h>

#include <functional>
#include <string>

namespace leat::testing {

/// Runs `body` in a child, which may give up its rights; returns what it says. Empty is well.
std::string in_child(const std::function<std::string()>& body);
/// For good; false if this process has no rights to give up.
bool become_nobody();
void limit(__rlimit_resource resource, rlim_t to);

}  // namespace leat::testing
