#include "os/node.h"

#include <leat/node.h>

namespace leat {

unsigned current_node() noexcept { return os::current_node(); }

Result<std::optional<unsigned>> node_of_interface(std::string_view interface) {
  return os::node_of_interface(interface);
}

}  // namespace leat
