/// What a `leat copy` command line asks for.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <leat/endpoint.h>
#include <leat/mechanism.h>
#include <leat/transfer.h>

#include "endpoint_address.h"

namespace leat::app::copy {

enum class Progress : std::uint8_t { on_a_terminal, anywhere, nowhere };

struct Request {
  EndpointAddress source;
  EndpointAddress sink;
  Mechanism mechanism;
  Copies copies = Copies::allow;
  Consistency consistency = Consistency::live;
  Durability durability = Durability::none;
  std::uint32_t block_bytes = 0;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
  std::uint64_t bytes_per_second = 0;
  std::optional<std::chrono::nanoseconds> timeout;
  std::chrono::nanoseconds close_timeout = std::chrono::seconds(10);
  std::string digest;  ///< its algorithm; empty: none
  bool in_place = false;
  bool preserve = false;
  bool explain = false;
  bool json = false;
  bool quiet = false;
  Progress progress = Progress::on_a_terminal;
};

}  // namespace leat::app::copy
