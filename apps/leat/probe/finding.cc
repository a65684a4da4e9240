#include "probe/finding.h"

namespace leat::app::probe {

std::string_view name_of(Section section) noexcept {
  switch (section) {
    case Section::mechanisms: return "mechanisms";
    case Section::kernel: return "kernel";
    case Section::limits: return "limits";
    case Section::file_systems: return "file_systems";
    case Section::interfaces: return "interfaces";
    case Section::hardware: return "hardware";
  }
  return {};
}

std::string_view title_of(Section section) noexcept {
  switch (section) {
    case Section::mechanisms: return "Mechanisms";
    case Section::kernel: return "Kernel features";
    case Section::limits: return "Limits";
    case Section::file_systems: return "File systems";
    case Section::interfaces: return "Network interfaces";
    case Section::hardware: return "Hardware and memory";
  }
  return {};
}

std::string_view name_of(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::yes: return "yes";
    case Verdict::no: return "no";
    case Verdict::limited: return "limited";
    case Verdict::unknown: return "unknown";
  }
  return {};
}

}  // namespace leat::app::probe
