/// `leat probe`: which mechanisms this host has, and why it does not have the others.
#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <leat/mechanism.h>

#include "commands.h"
#include "os/process.h"

namespace leat::app {
namespace {

using Json = nlohmann::ordered_json;

struct Answer {
  Mechanism mechanism;
  std::string_view reason;  ///< empty if it is available

  bool available() const { return reason.empty(); }
};

/// Each mechanism is asked once: the answer may cost system calls.
std::vector<Answer> ask_all() {
  std::vector<Answer> answers;
  answers.reserve(Mechanism::count());
  for (std::size_t i = 0; i < Mechanism::count(); ++i) {
    const Mechanism mechanism = Mechanism::at(i);
    answers.push_back({mechanism, mechanism.unavailable()});
  }
  return answers;
}

std::string as_lines(const std::vector<Answer>& answers) {
  std::string text;
  for (const Answer& answer : answers) {
    text += fmt::format("{:<16} {:<3}  {}{}{}\n", answer.mechanism.name(),
                        answer.available() ? "yes" : "no", answer.mechanism.summary(),
                        answer.available() ? "" : ": ", answer.reason);
  }
  return text;
}

std::string as_json(const std::vector<Answer>& answers) {
  Json list = Json::array();
  for (const Answer& answer : answers) {
    list.push_back({{"mechanism", answer.mechanism.name()},
                    {"available", answer.available()},
                    {"reason", answer.available() ? Json() : Json(answer.reason)},
                    {"summary", answer.mechanism.summary()}});
  }
  return Json{{"mechanisms", list}}.dump() + "\n";
}

int probe(bool json) {
  const std::vector<Answer> answers = ask_all();
  const std::string text = json ? as_json(answers) : as_lines(answers);
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return exit_done;
  os::tell("leat probe: cannot write to standard output\n");
  return exit_failed;
}

constexpr const char* explanation =
    R"(One line for each mechanism: its name, yes or no, what it does, and, if it is not available,
why not: the kernel is asked, nothing is moved or changed. A seccomp filter, a sysctl or a limit
may deny a mechanism to this user and this container only. What is available need not fit every
source and sink.

Examples:
  leat probe
  leat probe --json
  sudo -u nobody leat probe        what an unprivileged user has

Exit status: 0 also if some are not available; 1 standard output cannot be written to; 2 wrong
usage.)";

}  // namespace

void add_probe(CLI::App& root, int& exit_status) {
  auto json = std::make_shared<bool>(false);
  CLI::App* command = root.add_subcommand("probe", "Which mechanisms this host has");
  command->footer(explanation);
  command->add_flag("--json", *json, "Print one line of JSON");
  command->callback([json, &exit_status] { exit_status = probe(*json); });
}

}  // namespace leat::app
