/// `leat probe`: the command line.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "commands.h"
#include "probe/run.h"

namespace leat::app {
namespace {

using probe::Section;

constexpr const char* explanation =
    R"(What this host offers for moving bytes without copying, and what is in the way: one line each
with a verdict (yes, no, limited, unknown), and below it, after =>, the command that would
change it. The host is asked and nothing of it is changed: what is not available to this user in
this container need not be so for others. What is available need not fit every source and sink.

Sections:
  mechanisms     which of leat's this host has, or why not
  kernel         io_uring, MSG_ZEROCOPY, kernel TLS, ... or who denies them
  limits         of locked memory, pipes, descriptors, sampling
  file_systems   reflinks, alignment of direct I/O, holes; kinds that may hang are not asked
  interfaces     scatter-gather, checksums, segmentation, TLS
  hardware       RDMA devices, NUMA nodes, huge pages

Examples:
  leat probe
  leat probe interfaces limits
  leat probe --json
  sudo -u nobody leat probe        what an unprivileged user has

Exit status: 0 also if some are not available; 1 standard output cannot be written to; 2 wrong
usage.)";

std::vector<std::string> section_names() {
  std::vector<std::string> names;
  for (const Section section : probe::all_sections) names.emplace_back(name_of(section));
  return names;
}

/// Those that were named, or all, in the order in which they are printed.
std::vector<Section> chosen(const std::vector<std::string>& names) {
  std::vector<Section> sections;
  for (const Section section : probe::all_sections) {
    if (names.empty() || std::find(names.begin(), names.end(), name_of(section)) != names.end()) {
      sections.push_back(section);
    }
  }
  return sections;
}

void check_names(const std::vector<std::string>& names) {
  const std::vector<std::string> known = section_names();
  for (const std::string& name : names) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    throw CLI::ValidationError("SECTION",
                               "'" + name + "' is none of " + CLI::detail::join(known, ", "));
  }
}

struct Words {
  std::vector<std::string> sections;
  bool json = false;
};

}  // namespace

void add_probe(CLI::App& root, int& exit_status) {
  auto words = std::make_shared<Words>();
  CLI::App* command = root.add_subcommand("probe", "What this host offers, and what is in the way");
  command->footer(explanation);
  command->add_option("SECTION", words->sections, "Only these parts (default: all)")->type_name("");
  command->add_flag("--json", words->json, "Print one line of JSON");
  command->callback([words, &exit_status] {
    check_names(words->sections);
    exit_status = probe::run({.sections = chosen(words->sections), .json = words->json});
  });
}

}  // namespace leat::app
