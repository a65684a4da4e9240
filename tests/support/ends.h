// Endpoints of every kind, filled with a pattern before a transfer and examined after it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>

#include <leat/context.h>
#include <leat/endpoint.h>
#include <leat/pool.h>
#include <leat/receipt.h>

#include "support/streams.h"

namespace leat::testing {

/// `connection` is a TCP socket as an adopted Connection; `slice` is memory that may be lent, in
/// pages of its own; `chain` is ragged pieces of such memory. The last two are only sources.
enum class EndKind : std::uint8_t {
  file,
  tmpfs_file,
  pipe,
  unix_socket,
  tcp_socket,
  connection,
  memory,
  slice,
  chain
};
inline constexpr std::array sink_kinds = {
    EndKind::file,       EndKind::tmpfs_file, EndKind::pipe,  EndKind::unix_socket,
    EndKind::tcp_socket, EndKind::connection, EndKind::memory};
inline constexpr std::array source_kinds = {
    EndKind::file,        EndKind::tmpfs_file, EndKind::pipe,
    EndKind::unix_socket, EndKind::tcp_socket, EndKind::connection,
    EndKind::memory,      EndKind::slice,      EndKind::chain};
std::string_view name_of(EndKind kind);
bool is_file(EndKind kind);
bool is_socket(EndKind kind);  ///< a connection too
bool is_stream(EndKind kind);  ///< a pipe or a socket
bool is_memory(EndKind kind);
void PrintTo(EndKind kind, std::ostream* out);

/// How an endpoint is handed over, and where in it the bytes are.
struct EndOptions {
  std::uint64_t size = 0;    ///< of the payload
  std::uint64_t offset = 0;  ///< where it begins in a file; what is around it is something else
  std::uint64_t tail = 0;    ///< bytes after it, which must be left alone
  bool promised = false;     ///< a source says its length; else it is `to_end`
  bool owned = false;
  Blocking blocking = Blocking::no;
  std::uint64_t seed = 1;
  bool small_buffers = false;  ///< of sockets
  DrainOptions drain{};        ///< of a stream sink; its seed is taken from here
  Context* context = nullptr;  ///< of a connection, which needs one and goes before it
  Pool* pool = nullptr;        ///< of a slice or chain, which then lies in a block of it
};

/// Something to read from. Its payload is the pattern [0, size) of the seed, its tail goes on with
/// it.
class SourceEnd {
 public:
  static std::unique_ptr<SourceEnd> make(EndKind kind, const EndOptions& options);
  virtual ~SourceEnd() = default;

  /// The endpoint, to be asked for once.
  virtual Source source() = 0;
  /// To be called after the transfer is destroyed: what is wrong if everything up to `position` was
  /// taken from it and nothing more (borrowed ones only), or if its flags or options changed.
  virtual std::string examine(std::uint64_t position) = 0;
};

/// Something to write to.
class SinkEnd {
 public:
  static std::unique_ptr<SinkEnd> make(EndKind kind, const EndOptions& options);
  virtual ~SinkEnd() = default;

  virtual Sink sink() = 0;
  /// To be called after the transfer is destroyed: waits until the kernel has let go of what was
  /// lent and fills in its verdicts; what is wrong with them.
  virtual std::string settle(Receipt&) { return {}; }
  /// To be called after the transfer is destroyed: what is wrong if the pattern [0, delivered) is
  /// what should be here and nothing else, or if its flags or options changed. With `ahead` a file
  /// may hold more of the payload: operations complete in any order.
  virtual std::string examine(std::uint64_t delivered, bool ahead = false) = 0;
};

}  // namespace leat::testing
