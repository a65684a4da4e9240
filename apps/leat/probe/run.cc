#include "probe/run.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <string>
#include <utility>

#include "commands.h"
#include "os/process.h"
#include "probe/file_systems.h"
#include "probe/format_json.h"
#include "probe/format_text.h"
#include "probe/hardware.h"
#include "probe/interfaces.h"
#include "probe/kernel_features.h"
#include "probe/limits.h"
#include "probe/mechanisms.h"

namespace leat::app::probe {
namespace {

void append(Findings& all, Findings more) {
  std::move(more.begin(), more.end(), std::back_inserter(all));
}

Findings ask(const Request& request) {
  const auto wants = [&](Section section) {
    return std::find(request.sections.begin(), request.sections.end(), section) !=
           request.sections.end();
  };
  Findings findings;
  // Some features of the kernel show on files only.
  FileSystemFindings file_systems;
  if (wants(Section::file_systems) || wants(Section::kernel)) file_systems = ask_file_systems();
  if (wants(Section::kernel)) append(findings, ask_kernel(std::move(file_systems.files)));
  if (wants(Section::limits)) append(findings, ask_limits());
  if (wants(Section::file_systems)) append(findings, std::move(file_systems.findings));
  if (wants(Section::interfaces)) append(findings, ask_interfaces());
  if (wants(Section::hardware)) append(findings, ask_hardware());
  return findings;
}

std::string text_of(const Request& request) {
  std::vector<MechanismAnswer> mechanisms;
  const bool wanted = std::find(request.sections.begin(), request.sections.end(),
                                Section::mechanisms) != request.sections.end();
  if (wanted) mechanisms = ask_mechanisms();
  Findings findings = ask(request);
  if (request.json) return as_json(request.sections, mechanisms, findings) + "\n";
  for (const MechanismAnswer& answer : mechanisms) findings.push_back(finding_of(answer));
  return as_text(findings);
}

}  // namespace

int run(const Request& request) {
  const std::string text = text_of(request);
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return exit_done;
  os::tell("leat probe: cannot write to standard output\n");
  return exit_failed;
}

}  // namespace leat::app::probe
