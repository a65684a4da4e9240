// A poll(2) loop over one Transfer that watches the promises of every step.
#pragma once

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>

#include <leat/transfer.h>

namespace leat::testing {

struct Drive {
  Step last;
  std::uint64_t steps = 0;
  std::uint64_t idle_steps = 0;  ///< that moved nothing and did not end it
  std::string trouble;           ///< the first promise that a step broke
};

/// Steps `transfer` to its end (or until `enough` says so), waiting as its Wait says.
Drive drive(Context& context, Transfer& transfer, std::uint64_t limit = default_step_limit,
            const std::function<bool(const Step&)>& enough = {});

/// Waits as `wait` says, and for the context, which is polled if it says so; tells what broke the
/// contract of a Wait, or nothing.
std::string wait_as_told(Context& context, const Wait& wait);

/// What does not add up in a receipt by itself, or nothing.
std::string inconsistency(const Receipt& receipt);
/// For failure messages: all of it in one line.
std::string describe(const Receipt& receipt);

/// True if `mechanism` alone moved all of it.
bool moved_by_alone(const Receipt& receipt, Mechanism mechanism);

Context make_context(ContextOptions options = {});

}  // namespace leat::testing

namespace leat {
void PrintTo(const Receipt& receipt, std::ostream* out);
void PrintTo(Ending ending, std::ostream* out);
}  // namespace leat
