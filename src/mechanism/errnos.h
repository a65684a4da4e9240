// What an errno means for a mechanism. Each page in docs/mechanisms/ shows its table.
#pragma once

#include <initializer_list>

#include <leat/error.h>

#include "mechanism/mechanism.h"

namespace leat {

/// The end of a step that a call answered with `error`; not for EAGAIN, whose side the pump knows.
///
/// A capability errno (this call is closed for this pair, or a limit of it is used up) is a refusal
/// at any byte: another mechanism goes on from `delivered`. A data errno ends the transfer: the
/// bytes would not move by another way either. `also_refuses` adds to the common capability errnos.
Moved ending_for(Moved so_far, const Error& error, std::initializer_list<int> also_refuses = {});

/// For the floor, below which there is no other way: every errno ends the transfer.
Moved failing_for(Moved so_far, const Error& error);

}  // namespace leat
