#include "os/node.h"

#include <net/if.h>
#include <sched.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <string>
#include <system_error>

#include "os/error.h"
#include "os/host.h"

namespace leat::os {
namespace {

constexpr std::size_t longest_number = 32;

bool is_interface_name(std::string_view name) {
  return !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

}  // namespace

unsigned current_node() noexcept {
  unsigned processor = 0;
  unsigned node = 0;
  return ::getcpu(&processor, &node) == 0 ? node : 0;
}

Result<std::optional<unsigned>> node_of_interface(std::string_view interface) {
  if (!is_interface_name(interface)) return make_error(EINVAL, "node_of_interface");
  const std::string folder = "/sys/class/net/" + std::string(interface);
  if (const auto there = read_text(folder + "/ifindex", longest_number); !there) {
    if (there.error().is(ENOENT)) return make_error(ENODEV, "node_of_interface");
    return std::unexpected(there.error());
  }
  const auto text = read_text(folder + "/device/numa_node", longest_number);
  if (!text) {
    if (text.error().is(ENOENT)) return std::optional<unsigned>();
    return std::unexpected(text.error());
  }
  // "-1" is sysfs's word for none.
  unsigned node = 0;
  const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), node);
  if (failed != std::errc()) return std::optional<unsigned>();
  return std::optional(node);
}

}  // namespace leat::os
