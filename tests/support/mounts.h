// Mounts that nobody else sees.
#pragma once

namespace leat::testing {

/// From now on mounts of this thread, and of what it starts, are seen by nobody else and end with
/// it. Aborts if that is denied.
void leave_the_common_mounts();

/// Only a mount can be taken out of the common namespace, and the root of a chroot(2) need not be
/// one.
bool root_is_a_mount();

}  // namespace leat::testing
