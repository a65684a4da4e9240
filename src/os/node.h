// Which NUMA node things are on: getcpu(2), sysfs.
#pragma once

#include <optional>
#include <string_view>

#include <leat/error.h>

namespace leat::os {

unsigned current_node() noexcept;
/// Nothing: on none in particular. Errors: ENODEV, EINVAL.
Result<std::optional<unsigned>> node_of_interface(std::string_view interface);

}  // namespace leat::os
