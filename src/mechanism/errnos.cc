#include "mechanism/errnos.h"

#include <algorithm>

namespace leat {
namespace {

// Limits do strike in mid-file: ENOBUFS and ENOMEM when kernel memory for this way is used up,
// EMFILE and ENFILE when it needs a pipe. EPERM and EACCES are how filters and modules say no.
constexpr int refusals[] = {EINVAL,  ENOSYS, EOPNOTSUPP, EXDEV,  EPERM,  EACCES,
                            ENOBUFS, ENOMEM, ETXTBSY,    EMFILE, ENFILE, ESPIPE};

Moved ended(Moved so_far, const Error& error, Moved::Outcome outcome) {
  so_far.outcome = outcome;
  so_far.error_number = error.code.value();
  so_far.operation = error.operation;
  return so_far;
}

}  // namespace

Moved ending_for(Moved so_far, const Error& error, std::initializer_list<int> also_refuses) {
  const auto is_this = [&error](int number) { return error.is(number); };
  const bool refused =
      std::ranges::any_of(refusals, is_this) || std::ranges::any_of(also_refuses, is_this);
  return ended(so_far, error, refused ? Moved::Outcome::refused : Moved::Outcome::failed);
}

Moved failing_for(Moved so_far, const Error& error) {
  return ended(so_far, error, Moved::Outcome::failed);
}

}  // namespace leat
