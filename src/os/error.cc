#include "os/error.h"

#include <cstring>
#include <string>

namespace leat {
namespace {

class LeatCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "leat"; }

  std::string message(int code) const override {
    switch (static_cast<Errc>(code)) {
      case Errc::nothing_fits: return "no mechanism fits";
      case Errc::does_not_fit: return "the forced mechanism does not fit";
      case Errc::would_copy: return "the bytes cannot be moved without copying them";
      case Errc::is_directory: return "is a folder";
      case Errc::not_owned: return "a borrowed descriptor cannot be closed";
      case Errc::descriptor_blocks: return "the descriptor is blocking";
      case Errc::has_several_links: return "has several links";
      case Errc::unsupported_kind: return "carries no stream of bytes";
      case Errc::source_shrank: return "the source ended before its promised length";
      case Errc::copied_after_all: return "the kernel copied the bytes after all";
      case Errc::bad_costs: return "is no whole file of measured costs";
      case Errc::stale_costs: return "was measured on another host";
      case Errc::would_wait: return "it would wait for a disk";
      case Errc::no_snapshot: return "no snapshot of it can be had";
      case Errc::source_changed: return "the source was changed during the transfer";
      case Errc::too_long: return "is more than what is allowed";
      case Errc::wrong_layout: return "the memory does not hold such an object";
    }
    return "unknown error";
  }
};

std::string_view errc_name(int code) {
  switch (static_cast<Errc>(code)) {
    case Errc::nothing_fits: return "nothing_fits";
    case Errc::does_not_fit: return "does_not_fit";
    case Errc::would_copy: return "would_copy";
    case Errc::is_directory: return "is_directory";
    case Errc::not_owned: return "not_owned";
    case Errc::descriptor_blocks: return "descriptor_blocks";
    case Errc::has_several_links: return "has_several_links";
    case Errc::unsupported_kind: return "unsupported_kind";
    case Errc::source_shrank: return "source_shrank";
    case Errc::copied_after_all: return "copied_after_all";
    case Errc::bad_costs: return "bad_costs";
    case Errc::stale_costs: return "stale_costs";
    case Errc::would_wait: return "would_wait";
    case Errc::no_snapshot: return "no_snapshot";
    case Errc::source_changed: return "source_changed";
    case Errc::too_long: return "too_long";
    case Errc::wrong_layout: return "wrong_layout";
  }
  return "unknown";
}

}  // namespace

const std::error_category& error_category() noexcept {
  static const LeatCategory category;
  return category;
}

std::error_code make_error_code(Errc code) noexcept {
  return {static_cast<int>(code), error_category()};
}

std::string_view Error::name() const noexcept {
  if (code.category() == error_category()) return errc_name(code.value());
  if (code.category() != std::generic_category()) return "unknown";
  const char* name = ::strerrorname_np(code.value());
  return name ? name : "unknown";
}

std::string Error::message() const {
  std::string text(operation);
  if (!subject.empty()) text += (text.empty() ? "" : " ") + subject;
  if (!text.empty()) text += ": ";
  text += code.message();
  if (!hint.empty()) text += " (" + hint + ")";
  return text;
}

}  // namespace leat

namespace leat::os {

std::unexpected<Error> make_error(int error_number, std::string_view operation) {
  return std::unexpected(Error{.code = {error_number, std::generic_category()},
                               .operation = operation,
                               .mechanism = {},
                               .subject = {},
                               .hint = {}});
}

std::unexpected<Error> last_error(std::string_view operation) {
  return make_error(errno, operation);
}

}  // namespace leat::os
