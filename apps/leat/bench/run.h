/// One measured run: a child that moves the payload once, and others that feed it and receive from
/// it.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include <leat/fd.h>
#include <leat/mechanism.h>
#include <leat/receipt.h>

#include "os/veth.h"

namespace leat::app::bench {

enum class SourceKind : std::uint8_t { file, memory, pipe, tcp };
enum class SinkKind : std::uint8_t { tcp, file };
/// What the bytes of a TCP end pass.
enum class Path : std::uint8_t { loopback, veth };

/// "tcp", "file", …: as in the JSON and after --source and --sink.
std::string_view name_of(SourceKind source) noexcept;
std::string_view name_of(SinkKind sink) noexcept;

/// From where to where.
struct Pair {
  SourceKind source = SourceKind::file;
  SinkKind sink = SinkKind::tcp;
  Path path = Path::loopback;  ///< means nothing unless over_tcp()

  bool over_tcp() const noexcept { return source == SourceKind::tcp || sink == SinkKind::tcp; }
  /// True if a process of its own feeds the mover.
  bool is_fed() const noexcept { return source == SourceKind::pipe || source == SourceKind::tcp; }
  friend bool operator==(const Pair&, const Pair&) noexcept = default;
};

/// "loopback", "veth", or "file" if no network takes part: as in the JSON.
std::string_view path_of(const Pair& pair) noexcept;
/// "file to tcp", "memory to tcp over veth": for messages.
std::string describe(const Pair& pair);

/// What is moved, where a file to write to is made, and the network to move it over.
struct Payload {
  FdRef file;
  std::uint64_t size = 0;
  std::string folder;
  const os::VethPair* veth = nullptr;  ///< for Path::veth
};

/// How it is moved: no mechanism leaves the choice to the planner; a block of 0 is leat's default.
struct Way {
  Mechanism mechanism;
  std::uint32_t block_bytes = 0;
};

struct Sample {
  double wall_s = 0;
  double user_s = 0;
  double system_s = 0;
  std::optional<double> receiver_cpu_s;
  std::optional<double> feeder_cpu_s;
  std::uint64_t voluntary_switches = 0;
  std::uint64_t involuntary_switches = 0;
  std::uint64_t calls = 0;  ///< system calls that moved bytes or waited
  std::uint64_t cpu_copied_bytes = 0;
  KnownBy known_by = KnownBy::unknown;
  Mechanism picked;                   ///< the one that moved most
  std::uint64_t disk_read_bytes = 0;  ///< not 0: the file was not (all) in the page cache
  std::uint64_t rss_anon_bytes = 0;
  std::uint64_t peak_rss_bytes = 0;

  double cpu_s() const { return user_s + system_s; }
};

struct Failure {
  std::string message;
  bool refused = false;  ///< the mechanism declined; nothing is wrong
};

/// Moves the payload once. What arrived is checked against the payload's size. To be called while
/// the program has one thread.
std::expected<Sample, Failure> measure(const Payload& payload, const Pair& pair, const Way& way);

}  // namespace leat::app::bench
