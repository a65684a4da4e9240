// What a transfer with Disk::never_wait does about files.
#include "endpoint/access.h"
#include "os/file.h"
#include "transfer/context_state.h"
#include "transfer/engine.h"

namespace leat {
namespace {

constexpr std::string_view no_ring = "io_uring_setup (ContextOptions::ring is none)";

}  // namespace

// To be called before the part is ranked: what can be seen of its file decides what fits.
Result<void> Engine::mind_disk() {
  if (facts->residency == Residency::unasked || facts->residency == Residency::always) return {};
  if (context.options.ring == RingUse::none && context.options.disk_threads == 0)
    return std::unexpected(would_wait(no_ring));
  if (!read_ahead)
    read_ahead = std::make_unique<ReadAhead>(context.reads, options.tuning.read_ahead_bytes);
  if (facts->residency != Residency::shown || facts->left == 0) return {};
  const auto position =
      facts->cursor ? os::cursor(source_fd) : Result<std::uint64_t>(facts->offset);
  if (unseen || !position || !read_ahead->begin(source_fd, *position, facts->left, place().taken))
    facts->residency = Residency::hidden;
  return {};
}

// How many of the next bytes may be taken without waiting. What a pump holds goes first.
Engine::Found Engine::find_resident(std::uint64_t bound, std::uint64_t& resident) {
  const Place& here = place();
  if (here.held() > 0) {
    resident = 0;
    return Found::some;
  }
  return found(read_ahead->look(here.taken, std::min(bound, facts->promised - here.taken)),
               resident);
}

Engine::Found Engine::found(ReadAhead::Look look, std::uint64_t& resident) {
  switch (look.answer) {
    case ReadAhead::Look::Answer::take: resident = look.bytes; return Found::some;
    case ReadAhead::Look::Answer::wait: block_on_disk(false); return Found::nothing;
    case ReadAhead::Look::Answer::again: return Found::again;
    case ReadAhead::Look::Answer::wait_for_room: block_on_disk(true); return Found::nothing;
    case ReadAhead::Look::Answer::failed: fail(*read_ahead->error()); return Found::nothing;
    case ReadAhead::Look::Answer::unseen: break;
  }
  unseen = true;
  const Moved refusal{.outcome = Moved::Outcome::refused,
                      .side = Moved::Side::source,
                      .operation = "what was read of the file does not stay in memory"};
  return next_candidate(refusal) ? Found::again : Found::nothing;
}

// A sink that is reset meanwhile would not be noticed otherwise.
void Engine::block_on_disk(bool whatever_finishes) {
  block_on_ring(whatever_finishes);
  if (sink.kind() != Kind::socket && sink.kind() != Kind::pipe) return;
  last_wait.slots[last_wait.count++] = {sink_fd, 0, WaitFd::Role::sink};
}

// A mechanism that has others read for it, as nobody can see what is in memory.
bool Engine::reads_for_itself() const {
  return read_ahead && facts && facts->kind == Kind::file && !read_ahead->active();
}

}  // namespace leat
