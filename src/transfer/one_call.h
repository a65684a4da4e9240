// The short way: what one system call moves needs no Transfer.
#pragma once

#include <leat/transfer.h>

namespace leat {

struct ContextState;

/// If source, sink and options ask for nothing but bytes over a kept Connection, and that
/// connection has its mechanism chosen already, makes that mechanism's one move. Returns true if
/// everything was moved and `receipt` is final; else `receipt` holds what was delivered so far, to
/// be carried on.
bool try_one_call(ContextState& context, Source& source, Sink& sink, const Options& options,
                  Receipt& receipt);

}  // namespace leat
