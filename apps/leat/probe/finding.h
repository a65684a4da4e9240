/// What `leat probe` found out: one line each, to people and to scripts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace leat::app::probe {

enum class Section : std::uint8_t {
  mechanisms,
  kernel,
  limits,
  file_systems,
  interfaces,
  hardware,
};
inline constexpr Section all_sections[] = {Section::mechanisms, Section::kernel,
                                           Section::limits,     Section::file_systems,
                                           Section::interfaces, Section::hardware};

/// Whether leat can have it: all of it, none, part, or nobody says.
enum class Verdict : std::uint8_t { yes, no, limited, unknown };

/// One of the things that `detail` tells, for scripts.
struct Fact {
  std::string name;
  std::string value;

  friend bool operator==(const Fact&, const Fact&) = default;
};

struct Finding {
  Section section = Section::kernel;
  std::string name;
  Verdict verdict = Verdict::unknown;
  std::string detail;  ///< a sentence without its full stop
  std::string remedy;  ///< the command that would change it, or empty
  std::vector<Fact> facts;
};

using Findings = std::vector<Finding>;

/// "file_systems": the section's key in the JSON and its name on the command line.
std::string_view name_of(Section section) noexcept;
/// "File systems".
std::string_view title_of(Section section) noexcept;
/// "yes", "no", "limited", "unknown".
std::string_view name_of(Verdict verdict) noexcept;

}  // namespace leat::app::probe
