// Any facts, needs and costs, made of any bytes, and what every plan of them must keep.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "plan/plan.h"

namespace leat::testing {

/// `needs.costs` points to `costs`: it stays where it is made.
struct PlanInput {
  explicit PlanInput(std::span<const std::uint8_t> bytes);
  PlanInput(const PlanInput&) = delete;
  PlanInput& operator=(const PlanInput&) = delete;

  SourceFacts source;
  SinkFacts sink;
  Needs needs;
  Costs costs;
};

/// The first promise that the plan of `input` breaks, in words; empty if it keeps all of them.
std::string broken_promise(const PlanInput& input);

}  // namespace leat::testing
