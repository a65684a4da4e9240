/// NUMA nodes as seen from processors and network cards: where to have memory lie.
#pragma once

#include <optional>
#include <string_view>

#include <leat/error.h>

namespace leat {

/// The node of the processor that runs the calling thread at this moment: for
/// `PoolOptions::node` of memory that this thread uses, if it is kept there. See getcpu(2).
unsigned current_node() noexcept;

/// The node that a network card is attached to, by the name of its interface: for memory that the
/// card is to read. Nothing: it is attached to none in particular, as on a host with one node, or
/// is no device (lo, veth, …). Errors: ENODEV (there is no such interface), EINVAL (no such name).
Result<std::optional<unsigned>> node_of_interface(std::string_view interface);

}  // namespace leat
