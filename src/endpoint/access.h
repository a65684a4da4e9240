// The members of endpoints that the library itself needs.
#pragma once

#include <cstddef>
#include <utility>

#include <leat/endpoint.h>

namespace leat {

struct EndpointAccess {
  static Source source(Kind kind, FdRef fd, OwnedFd owned, std::uint64_t offset,
                       std::uint64_t length) {
    return Source(kind, fd, std::move(owned), offset, length);
  }
  /// Memory that lives as long as the source does.
  static Source kept_memory(std::span<const std::byte> bytes, Keeper keeper) {
    Source source(bytes);
    source.keeper_ = std::move(keeper);
    return source;
  }
  static bool is_composite(const Source& source) {
    return source.parts_ && !source.parts().empty();
  }
  static void set_length(Source& source, std::uint64_t length) { source.length_ = length; }

  /// Reads from another descriptor; the one it has stays open with it.
  static void redirect(Source& source, FdRef other) { source.fd_ = other; }

  /// What keeps a memory source's bytes alive; null if they are borrowed.
  static const Keeper& keeper(const Source& source) { return source.keeper_; }
  static bool is_never_reused(const Source& source) { return source.keeper_.is_never_reused(); }

  static ConnectionState* connection(const Source& source) { return source.connection_; }
  static ConnectionState* connection(const Sink& sink) { return sink.connection_; }
  static bool is_lendable(const Sink& sink) { return sink.lendable_; }
  static OwnedFd take_owned(Sink& sink) { return std::move(sink.owned_); }
  static OwnedFd take_owned(Source& source) { return std::move(source.owned_); }
};

}  // namespace leat
