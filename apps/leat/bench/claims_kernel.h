/// Claims 12 to 14: not how fast, but what this kernel does and what it refuses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <leat/error.h>

#include "bench/claims.h"
#include "bench/run.h"

namespace leat::app::bench {

/// One call that was really made.
struct Trial {
  std::string from;
  std::string to;
  std::uint64_t bytes = 0;          ///< moved
  std::string refused_with;         ///< "EINVAL"; empty if it was not refused
  std::optional<bool> bytes_equal;  ///< those that arrived are those that were sent

  bool worked() const { return refused_with.empty() && bytes > 0 && bytes_equal.value_or(true); }
};

/// sendfile(2) from the payload's file to ends of several kinds, and from what is no file.
Result<std::vector<Trial>> try_sendfile(const Payload& payload);
Claim answer_sendfile(const std::vector<Trial>& trials);

/// splice(2) without a pipe and with one, and from and to every kind of file system that is mounted
/// here, by a file without a name where files can be made.
struct SpliceTrials {
  std::vector<Trial> ends;
  std::vector<Trial> file_systems;
};
Result<SpliceTrials> try_splice(const Payload& payload);
Claim answer_splice(const SpliceTrials& trials);

/// What the error queue says of memory sent with MSG_ZEROCOPY over one path.
struct ZerocopyTrial {
  std::string path;       ///< "loopback", "veth"
  std::string problem{};  ///< why there is nothing else; empty if there is
  std::uint64_t sent_bytes = 0;
  std::uint64_t copied_bytes = 0;
  KnownBy known_by = KnownBy::unknown;
  /// Still lent after the peer had read everything, before and after the completions were read.
  std::uint64_t lent_unread_bytes = 0;
  std::uint64_t lent_read_bytes = 0;
};
struct ZerocopyTrials {
  std::string unavailable;   ///< why there is no MSG_ZEROCOPY here; empty if there is
  std::string of_receiving;  ///< what the plan says of it with a socket as the source
  std::vector<ZerocopyTrial> paths;
};
ZerocopyTrials try_zerocopy();
Claim answer_zerocopy(const ZerocopyTrials& trials);

}  // namespace leat::app::bench
