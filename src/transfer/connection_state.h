// What a Connection holds.
#pragma once

#include <cstdint>

#include <leat/connection.h>

#include "buffer/loans.h"
#include "endpoint/access.h"
#include "endpoint/facts.h"
#include "mechanism/mechanism.h"
#include "plan/ranking_table.h"
#include "transfer/lending_trial.h"

namespace leat {

struct ContextState;

/// Longer memory has ways of its own: its pages may be handed over.
inline constexpr std::uint64_t longest_message = 64u << 10;

struct alignas(64) ConnectionState {
  explicit ConnectionState(ContextState& home);
  ~ConnectionState();
  ConnectionState(const ConnectionState&) = delete;
  ConnectionState& operator=(const ConnectionState&) = delete;

  /// Memory that leaves by one call without a pump, if nothing is asked for but its bytes.
  struct Messages {
    decltype(AtOnce::send) send = nullptr;
    std::uint32_t size_classes = 0;  ///< bit i: the class i is planned, and goes that way
    Mechanism mechanism;
    Cost cost;
  };

  // What each small message needs is together.
  ContextState* context;
  std::uint64_t lends_from = to_end;  // slices of this length on; to_end: never unasked
  Messages messages;
  FdRef fd;
  SinkFacts facts;
  Loans loans;  // what its MSG_ZEROCOPY sends have lent

  OwnedFd owned;
  bool reset_unless_ended = false;
  bool close_when_idle = false;
  int broken = 0;               // the errno that broke the stream, which the kernel tells only once
  std::uint32_t transfers = 0;  // that use it now, in either direction
  std::uint32_t closed_ways = 0;  // bit i: mechanism i refused as a way out of a file, memory, …
  LendingTrial trial;             // of lending unasked
  bool is_route_known = false;    // `lends_from` has been thought over
  std::uint64_t releases = 0;     // of sends, taken from the error queue
  std::uint32_t awaiting_release = 0;  // transfers; whoever takes one tells them

  /// The ranking for plain memory, or for a stretch of known length of a file, without wishes.
  /// Planned once for each class of lengths; anew after a way was closed. The reference holds until
  /// the next call.
  const Ranking& ranking_for(Kind source, std::uint64_t length);
  /// The same for memory whose pages may be handed over: see hands_over_pages().
  const Ranking& ranking_for_pages(std::uint64_t length);
  /// The first of ranking_for(); none if nothing fits.
  Mechanism first_choice(Kind source, std::uint64_t length) {
    const RankingTable& table = source == Kind::memory ? memory_rankings_ : file_rankings_;
    if (const Mechanism first = table.first(length)) [[likely]]
      return first;
    const Ranking& ranking = ranking_for(source, length);
    return ranking.count > 0 ? ranking.order[0] : Mechanism();
  }
  bool is_message(const Source& source) const noexcept {
    return source.length() <= longest_message && source.kind() == Kind::memory &&
           (messages.size_classes >> size_class(source.length()) & 1u) != 0 &&
           source.length() < lends_from && source.length() != 0 &&
           !EndpointAccess::is_composite(source);
  }

  void begin_transfer() noexcept;
  void end_transfer() noexcept;
  /// Closes the socket; one that has lent memory is shut down, and closed once it is all back.
  void close_now() noexcept;
  /// True for memory that is to be lent though nobody asked for that: whoever needs it keeps it,
  /// and the way to the peer promises that the kernel will not copy it. Asks for the route once.
  /// Whether now is the time is for `trial` to say.
  bool lends_unasked(const SourceFacts& source, const SinkFacts& sink, const Needs& needs) noexcept;
  /// Lets go of what the error queue names. Never waits.
  void take_releases() noexcept {
    if (loans.outstanding() > 0) [[unlikely]]
      take_what_came_back();
  }
  /// The stream has come to an orderly end: closing is no longer a reset.
  void ended_orderly() noexcept;
  /// `mechanism` refused: it is not tried again on this connection.
  void close_way(Mechanism mechanism) noexcept;

 private:
  void take_what_came_back() noexcept;
  bool has_promising_route() noexcept;
  Ranking rank_plain(const SourceFacts& plain) const;

  RankingTable memory_rankings_;
  RankingTable page_rankings_;
  RankingTable file_rankings_;
};

/// The facts of what `ranking_for` is about.
inline SourceFacts plain_facts(const Source& source) {
  return {.kind = source.kind(),
          .regular = true,
          .owned = source.owned(),
          .true_size = true,
          .promised = source.length(),
          .offset = source.offset(),
          .left = source.length()};
}
/// Memory, or a stretch of known length of a file that is not read at the cursor.
inline bool is_plain(const Source& source) {
  return source.kind() == Kind::memory ||
         (source.kind() == Kind::file && source.offset() != at_cursor && source.length() != to_end);
}

/// Memory that the connection would rather lend than copy, if the way to the peer promises well.
inline bool is_to_be_lent(const Source& source, const ConnectionState& connection) {
  return source.length() >= connection.lends_from && source.kind() == Kind::memory &&
         EndpointAccess::keeper(source);
}

/// Memory that is never written again, and enough of it that vmsplice(2) may be worth while: it has
/// one way more than other memory.
inline bool hands_over_pages(const Source& source) {
  return source.kind() == Kind::memory && EndpointAccess::is_never_reused(source) &&
         source.length() > longest_message;
}

struct ConnectionAccess {
  static ConnectionState& state(Connection& connection) noexcept { return *connection.state_; }
};

}  // namespace leat
