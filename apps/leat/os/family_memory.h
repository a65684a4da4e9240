/// Memory of this process and its children together.
#pragma once

#include <cstdint>

#include <leat/error.h>

namespace leat::app::os {

struct FamilyMemory {
  std::uint64_t pss_bytes = 0;        ///< each page counts once, however many of them map it
  std::uint64_t anonymous_bytes = 0;  ///< RssAnon; a page counts in each process that has it
};

/// Of this process and all of its living children, not of theirs; one that ends meanwhile counts
/// or does not. Pss: pages that only some of them map count in full, those that others map too in
/// part. See smaps_rollup and status in proc(5). Errors: those of open(2), among them ENOENT (the
/// kernel has no smaps_rollup); EPROTO (a file of /proc without the field).
Result<FamilyMemory> family_memory();

}  // namespace leat::app::os
