/// The two ends that `leat explain` asks a plan for, without a byte moved or a peer disturbed.
#pragma once

#include <optional>
#include <string>

#include <leat/connection.h>
#include <leat/context.h>
#include <leat/endpoint.h>
#include <leat/error.h>

#include "copy/request.h"

namespace leat::app::explain {

/// Files are opened for reading, or as a replacement that is thrown away. A peer would notice a
/// connection, and a FIFO's reader that it was opened: a socket or pipe of this process stands in
/// for those.
class Ends {
 public:
  /// Errors: those of open(2) in SRC, and in the folder of DST.
  static Result<Ends> open(const copy::Request& request);

  const Source& source() const { return *source_; }
  const Sink& sink() const { return *sink_; }
  /// As it was written, and what stands in for it.
  const std::string& source_name() const { return source_name_; }
  const std::string& sink_name() const { return sink_name_; }
  bool is_sink_stand_in() const { return sink_is_stand_in_; }

 private:
  Result<void> open_source(const copy::Request& request);
  Result<void> open_sink(const copy::Request& request);
  Result<OwnedFd> stand_in_socket(bool tcp);

  // Before the endpoints made of them.
  std::optional<Context> context_;
  std::vector<OwnedFd> far_ends_;
  std::optional<Connection> source_connection_;
  std::optional<Connection> sink_connection_;
  std::optional<FileReplacement> replacement_;
  std::optional<Source> source_;
  std::optional<Sink> sink_;
  std::string source_name_;
  std::string sink_name_;
  bool sink_is_stand_in_ = false;
};

}  // namespace leat::app::explain
