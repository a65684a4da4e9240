/// One measured run: a child that moves the payload once, and others that feed it and receive from
/// it.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <leat/costs.h>
#include <leat/fd.h>
#include <leat/mechanism.h>
#include <leat/receipt.h>

#include "os/veth.h"

namespace leat::app::bench {

enum class SourceKind : std::uint8_t { file, memory, pipe, tcp };
enum class SinkKind : std::uint8_t { tcp, unix_socket, pipe, file };
/// What the bytes of a TCP end pass.
enum class Path : std::uint8_t { loopback, veth };
/// How the process behind a sink gets rid of what it receives.
enum class Receiver : std::uint8_t {
  truncate,  ///< by what the kernel has for that kind of sink, without a copy to user memory
  copy,      ///< by reading it into a buffer of 1 MiB, as a program that needs the bytes does
};
/// Where the file is when a run begins.
enum class Cache : std::uint8_t { warm, cold };

/// "tcp", "file", …: as in the JSON and after --source, --sink and --receiver.
std::string_view name_of(SourceKind source) noexcept;
std::string_view name_of(SinkKind sink) noexcept;
std::string_view name_of(Receiver receiver) noexcept;
std::string_view name_of(Cache cache) noexcept;

/// From where to where, and under which conditions.
struct Pair {
  SourceKind source = SourceKind::file;
  SinkKind sink = SinkKind::tcp;
  Path path = Path::loopback;              ///< means nothing unless over_tcp()
  Receiver receiver = Receiver::truncate;  ///< means nothing unless is_received()
  Cache cache = Cache::warm;               ///< cold: from a file only
  bool brief = false;  ///< runs of a quarter of the bytes, and a sixteenth of the requests
  /// The mover keeps a processor for itself; who feeds it and who receives share another. Where the
  /// scheduler puts them makes more of a difference, from run to run, than the mechanism does.
  bool placed = false;

  bool over_tcp() const noexcept { return source == SourceKind::tcp || sink == SinkKind::tcp; }
  /// True if a process of its own feeds the mover.
  bool is_fed() const noexcept { return source == SourceKind::pipe || source == SourceKind::tcp; }
  /// True if a process of its own receives what the mover sends.
  bool is_received() const noexcept { return sink != SinkKind::file; }
  friend bool operator==(const Pair&, const Pair&) noexcept = default;
};

/// "loopback", "veth", or the sink's name if no network takes part: as in the JSON.
std::string_view path_of(const Pair& pair) noexcept;
/// "file to tcp", "memory to tcp over veth", "file to unix, receiver copy, cold": for messages.
std::string describe(const Pair& pair);

/// What is moved, where a file to write to is made, and the network to move it over.
struct Payload {
  FdRef file;
  std::uint64_t size = 0;
  std::string folder;
  const os::VethPair* veth = nullptr;    ///< for Path::veth
  std::shared_ptr<const Costs> costs{};  ///< that leat's own choice ranks by; null: as shipped
};

/// What a good program written without leat calls for a small answer.
enum class ByHand : std::uint8_t {
  none,
  send,
  write,
  sendmsg,
  sendfile,
  splice,
  read_send,
  read_write
};
/// "send(2)", "pread+send", …
std::string_view name_of(ByHand by_hand) noexcept;

/// How it is moved: no mechanism leaves the choice to the planner; a block of 0 is leat's default.
struct Way {
  Mechanism mechanism;
  std::uint32_t block_bytes = 0;
  ByHand by_hand = ByHand::none;  ///< anything else: leat has no part in it
};

/// One run. Where it makes more than one transfer of the payload, figures are for each of them;
/// counts can then be fractions.
struct Sample {
  double wall_s = 0;  ///< of requests: latency_p50_s
  double user_s = 0;
  double system_s = 0;
  std::optional<double> receiver_cpu_s;  ///< from its first byte to the end of the stream
  std::optional<double> feeder_cpu_s;
  /// Shares of the run's time in which the mover, the receiver and the feeder stood ready and
  /// waited for a processor that others had.
  double waited_share = 0;
  std::optional<double> receiver_waited_share;
  std::optional<double> feeder_waited_share;
  /// From the request to the last byte of its answer, of the requests of one run.
  std::optional<double> latency_p50_s;
  std::optional<double> latency_p99_s;
  double voluntary_switches = 0;
  double involuntary_switches = 0;
  double calls = 0;  ///< system calls that moved bytes or waited
  std::uint64_t cpu_copied_bytes = 0;
  KnownBy known_by = KnownBy::unknown;
  Mechanism picked;                   ///< the one that moved most
  std::uint64_t disk_read_bytes = 0;  ///< not 0: the file was not (all) in the page cache
  /// Also what was only made dirty in the page cache: the kernel counts it when that happens.
  std::uint64_t disk_written_bytes = 0;
  /// Of the new file what is resident in the end, and by how much more of the source is.
  std::uint64_t page_cache_growth_bytes = 0;
  std::uint64_t rss_anon_bytes = 0;
  std::uint64_t peak_rss_bytes = 0;

  double cpu_s() const { return user_s + system_s; }
};

/// How many transfers of the payload a run makes, one after the other over the same ends: as many
/// as move about 64 MiB, so that runs are long enough to be told apart; one of larger payloads, of
/// requests, and of a cold file, which is warm afterwards.
std::uint64_t repeats_of(const Pair& pair, std::uint64_t size) noexcept;

struct Failure {
  std::string message;
  bool refused = false;  ///< the mechanism declined; nothing is wrong
};

/// Told the mover's process once it stands ready, before the clock starts.
using WhenReady = std::function<void(int process)>;

/// Moves the payload, as often as `repeats_of` says, or request by request (bench/requests.h). What
/// arrived is checked against the payload's size. To be called while the program has one thread.
std::expected<Sample, Failure> measure(const Payload& payload, const Pair& pair, const Way& way,
                                       const WhenReady& when_ready = {});

}  // namespace leat::app::bench
