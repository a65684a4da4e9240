/// The two ends of one `leat copy`: opening them in an order that harms nothing if one fails, and
/// ending them.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>

#include <leat/connection.h>
#include <leat/context.h>
#include <leat/endpoint.h>

#include "copy/advice.h"
#include "copy/request.h"
#include "os/files.h"
#include "os/wait.h"
#include "setback.h"

namespace leat::app::copy {

/// Destroying it without `finish` discards a replacement and resets connections.
class Ends {
 public:
  Ends(Context& context, const Request& request, const os::Patience& patience)
      : context_(context), request_(request), patience_(patience) {}
  Ends(const Ends&) = delete;
  Ends& operator=(const Ends&) = delete;

  /// Opens both. Files are looked at first, then the network is waited for, and only then is
  /// anything opened that would be changed by it.
  Attempt<void> open();

  /// To be called once each, after `open`. They must not outlive this.
  Source take_source();
  Sink take_sink();

  /// The bytes that are to come, where that is known beforehand.
  std::optional<std::uint64_t> expected_bytes() const;
  /// The end that an error of the transfer is about.
  End end_at_fault(const Error& error) const;
  /// True if a failed copy leaves what DST was.
  bool discards_on_failure() const { return replacement_.has_value(); }

  /// After everything was delivered: attributes, the new name, the end of the streams. An error
  /// means that the copy failed. `acknowledged` and `unanswered` say how the peer took the end.
  struct Finish {
    bool acknowledged = false;
    bool unanswered = false;
  };
  Result<Finish> finish();

 private:
  Attempt<void> open_local_source();
  Attempt<void> find_destination();
  Attempt<void> check_destination() const;
  Attempt<void> begin_replacement();
  Attempt<void> open_local_sink();
  Attempt<OwnedFd> open_socket(const EndpointAddress& address, End end);
  Attempt<OwnedFd> accept_tcp(const EndpointAddress& address);
  Attempt<void> connect_source();
  Attempt<void> connect_sink();
  Result<void> keep_attributes();
  void announce(const EndpointAddress& address, std::uint16_t port) const;
  std::chrono::steady_clock::time_point farewell_deadline() const;

  Context& context_;
  const Request& request_;
  const os::Patience& patience_;

  // Before the endpoints made of them.
  std::optional<Connection> source_connection_;
  std::optional<Connection> sink_connection_;
  std::optional<Source> source_;
  std::optional<Sink> sink_;
  std::optional<os::FileFacts> source_facts_;
  std::string destination_;  // DST, or DST/name if it is a folder
  std::optional<os::FileFacts> destination_facts_;
  std::optional<FileReplacement> replacement_;
};

}  // namespace leat::app::copy
