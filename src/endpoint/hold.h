// Keeping a source file as it is while its bytes are moved.
#pragma once

#include <string_view>

#include <leat/endpoint.h>
#include <leat/error.h>
#include <leat/transfer.h>

#include "endpoint/facts.h"
#include "os/lease.h"

namespace leat {

/// Lets go when it is destroyed.
struct HeldFile {
  Hold hold = Hold::none;
  OwnedFd clone{};            ///< if it is one: what to read instead
  os::ReadLease lease{};      ///< if it is one
  std::string_view unheld{};  ///< why it is none: a plain sentence without a full stop
};

/// Keeps the file `source`, from now on, as it is: in the order of `Hold`. `sink`, if it is a file,
/// is a place for the clone where the folder of the source is none. A clone is always read at
/// offsets, so a source that is read at its cursor has none. Cloning waits for the file's dirty
/// pages to be written: with Disk::never_wait there is none either.
HeldFile hold_file(const Source& source, const Sink& sink, Disk disk);
/// How hold_file would do it. Clones nothing, and takes a lease for a moment only.
HeldFile could_hold(const Source& source, const Sink& sink, Disk disk);
/// Of a source that is not held, and why.
Error no_snapshot(std::string_view unheld);

}  // namespace leat
