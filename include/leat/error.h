/// What went wrong, where, and what the caller can do about it.
#pragma once

#include <cerrno>
#include <expected>
#include <string>
#include <string_view>
#include <system_error>

#include <leat/mechanism.h>

namespace leat {

/// Errors of leat itself; errors of the kernel keep their errno in the generic category.
enum class Errc {
  nothing_fits = 1,   ///< no mechanism fits this source, this sink and these options
  does_not_fit,       ///< the forced mechanism does not fit; `hint` says why
  would_copy,         ///< `Copies::forbid` cannot be kept on this pair
  is_directory,       ///< a folder was given where bytes were expected
  not_owned,          ///< `AtEnd::close` on a borrowed descriptor
  descriptor_blocks,  ///< the descriptor must be non-blocking for this
  has_several_links,  ///< replacing the file would part it from its other names
  unsupported_kind,   ///< the descriptor is of a kind that carries no bytes
  source_shrank,      ///< the source ended before its promised length; see Ending
  copied_after_all,   ///< `Copies::forbid`, and the kernel reports that it copied
  bad_costs,          ///< the file of `Costs` is damaged, or of another version of leat
  stale_costs,        ///< the file of `Costs` was measured on another kernel or processor
  would_wait,         ///< `Disk::never_wait`, and nobody else may wait for the disk
  no_snapshot,        ///< `Consistency::snapshot` of a file that nothing can keep as it is
  source_changed,     ///< somebody changed the source, or wants to; see Consistency
  too_long,           ///< a length that a peer sent is more than what was allowed
  wrong_layout,       ///< memory that cannot be looked at as the type that was asked for
};

const std::error_category& error_category() noexcept;
std::error_code make_error_code(Errc code) noexcept;

/// An operating error: never thrown, always returned.
struct Error {
  std::error_code code;
  std::string_view operation;  ///< the system call, or what leat was doing; static storage
  Mechanism mechanism;         ///< none unless a mechanism was at work
  std::string subject;         ///< what it was acting on: a path, "source", "sink"
  std::string hint;            ///< the limit or setting to change, or empty

  /// True if the kernel answered with this errno.
  bool is(int error_number) const noexcept {
    return code.value() == error_number && code.category() == std::generic_category();
  }
  bool is(Errc leat_code) const noexcept { return code == make_error_code(leat_code); }

  /// "EPIPE", "EINVAL", …, or the leat code's name ("does_not_fit").
  std::string_view name() const noexcept;
  /// One line: operation, subject, the message and the hint.
  std::string message() const;
};

template <class T>
using Result = std::expected<T, Error>;

}  // namespace leat

template <>
struct std::is_error_code_enum<leat::Errc> : std::true_type {};
