#include "probe/mechanisms.h"

#include <cstddef>

#include <fmt/core.h>

namespace leat::app::probe {

std::vector<MechanismAnswer> ask_mechanisms() {
  std::vector<MechanismAnswer> answers;
  answers.reserve(Mechanism::count());
  for (std::size_t i = 0; i < Mechanism::count(); ++i) {
    const Mechanism mechanism = Mechanism::at(i);
    answers.push_back({mechanism, mechanism.unavailable()});
  }
  return answers;
}

Finding finding_of(const MechanismAnswer& answer) {
  return {.section = Section::mechanisms,
          .name = std::string(answer.mechanism.name()),
          .verdict = answer.available() ? Verdict::yes : Verdict::no,
          .detail = fmt::format("{}{}{}", answer.mechanism.summary(),
                                answer.available() ? "" : ": ", answer.reason),
          .remedy = {},
          .facts = {}};
}

}  // namespace leat::app::probe
