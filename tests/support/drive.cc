#include "support/drive.h"

#include <poll.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace leat::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::string check_step(const Step& before, const Step& now, std::uint64_t limit) {
  if (now.taken < before.taken && now.state != State::stopped && now.state != State::failed)
    return "`taken` went back";
  if (now.delivered < before.delivered) return "`delivered` went back";
  if (now.delivered - before.delivered > limit) return "a step delivered more than its limit";
  if (now.taken > before.taken && now.taken - before.taken > limit)
    return "a step took more than its limit";
  if (now.taken < now.delivered) return "more was delivered than taken";
  if ((now.state == State::failed) != static_cast<bool>(now.error))
    return "`error` is set if and only if it failed";
  return {};
}

}  // namespace

std::string wait_as_told(Context& context, const Wait& wait) {
  if (wait.count > wait.slots.size()) return "a Wait names more than two descriptors";
  if (wait.count == 0 && !wait.wake_at) return "a Wait that nothing can end";
  std::array<pollfd, 3> entries{};
  nfds_t count = 0;
  for (const WaitFd& one : wait.fds()) {
    if (!one.fd.valid()) return "a Wait names no descriptor";
    entries[count++] = {.fd = one.fd.number(), .events = one.events, .revents = 0};
  }
  entries[count++] = {.fd = context.fd().number(), .events = POLLIN, .revents = 0};
  int timeout_ms = -1;
  if (wait.wake_at) {
    const auto left = std::chrono::ceil<milliseconds>(*wait.wake_at - steady_clock::now());
    timeout_ms = static_cast<int>(std::max<milliseconds::rep>(left.count(), 0));
  }
  const int ready = ::poll(entries.data(), count, timeout_ms);
  if (ready > 0 && entries[count - 1].revents != 0) context.poll();
  return {};
}

Drive drive(Context& context, Transfer& transfer, std::uint64_t limit,
            const std::function<bool(const Step&)>& enough) {
  Drive log;
  for (;;) {
    const Step before = log.last;
    log.last = transfer.step(limit);
    ++log.steps;
    const bool moved = log.last.taken != before.taken || log.last.delivered != before.delivered;
    if (log.trouble.empty()) log.trouble = check_step(before, log.last, limit);
    if (enough && enough(log.last)) return log;
    const State state = log.last.state;
    if (state == State::stopped || state == State::done || state == State::failed) return log;
    if (!moved) ++log.idle_steps;
    if (state != State::blocked) continue;
    const std::string trouble = wait_as_told(context, log.last.wait);
    if (log.trouble.empty()) log.trouble = trouble;
  }
}

std::string inconsistency(const Receipt& receipt) {
  std::uint64_t bytes = receipt.holes;
  for (const Leg& leg : receipt.legs) {
    if (!leg.mechanism) return "a leg names no mechanism";
    bytes += leg.bytes;
    if ((leg.known_by == KnownBy::pending) != (leg.ticket != 0))
      return "a leg has a ticket if and only if its verdict is pending";
    if (leg.known_by == KnownBy::kernel && leg.cpu_copied_bytes > leg.bytes)
      return "the kernel is said to have copied more than was delivered";
  }
  if (bytes != receipt.delivered) return "the legs do not sum to `delivered`";
  for (const Refusal& refusal : receipt.refusals) {
    if (!refusal.mechanism) return "a refusal names no mechanism";
    const bool passed_over = refusal.count == 0 && refusal.error_number == 0;
    if (refusal.count == 0 && !passed_over) return "a refusal that never happened";
    if (refusal.at > receipt.delivered) return "a refusal beyond `delivered`";
  }
  if ((receipt.ending == Ending::failed) != receipt.error.has_value())
    return "`error` is set if and only if it failed";
  return {};
}

std::string describe(const Receipt& receipt) {
  std::string text = std::string(name_of(receipt.ending)) + ", " +
                     std::to_string(receipt.delivered) + " delivered, " +
                     std::to_string(receipt.stranded) + " stranded; legs:";
  for (const Leg& leg : receipt.legs)
    text += " " + std::string(leg.mechanism.name()) + " " + std::to_string(leg.bytes) + " in " +
            std::to_string(leg.calls) + " (" + std::string(name_of(leg.known_by)) + ")";
  text += "; refusals:";
  for (const Refusal& refusal : receipt.refusals)
    text += " " + std::string(refusal.mechanism.name()) + " errno " +
            std::to_string(refusal.error_number) + " at " + std::to_string(refusal.at) + " (" +
            std::string(refusal.reason) + ")";
  if (receipt.error) text += "; error: " + receipt.error->message();
  return text;
}

bool moved_by_alone(const Receipt& receipt, Mechanism mechanism) {
  for (const Leg& leg : receipt.legs)
    if (leg.mechanism != mechanism && leg.bytes > 0) return false;
  if (receipt.delivered == receipt.holes) return true;
  for (const Leg& leg : receipt.legs)
    if (leg.mechanism == mechanism) return leg.bytes + receipt.holes == receipt.delivered;
  return false;
}

Context make_context(ContextOptions options) {
  // Tests name mechanisms: they count on the fixed order, whatever was measured.
  if (!options.costs) options.costs = std::make_shared<const Costs>();
  Result<Context> context = Context::create(options);
  if (!context) {
    std::fprintf(stderr, "no context: %s\n", context.error().message().c_str());
    std::abort();
  }
  return std::move(*context);
}

}  // namespace leat::testing

namespace leat {
void PrintTo(const Receipt& receipt, std::ostream* out) { *out << testing::describe(receipt); }
void PrintTo(Ending ending, std::ostream* out) { *out << name_of(ending); }
}  // namespace leat
