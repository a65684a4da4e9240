#include <fcntl.h>
#include <poll.h>

#include <cerrno>
#include <utility>

#include <leat/opening.h>

#include "os/error.h"
#include "os/file.h"
#include "transfer/opening_state.h"
#include "transfer/read_ahead.h"

namespace leat {
namespace {

// Somebody's lease on the file is EAGAIN with O_NONBLOCK, and a wait without.
constexpr int patiently = O_RDONLY | O_CLOEXEC | O_NOCTTY;
constexpr int at_once = patiently | O_NONBLOCK;

}  // namespace

OpeningState::OpeningState(ContextState& home, std::string name)
    : context(home), next(home.first_opening), path_(std::in_place, std::move(name)) {
  if (next) next->previous = this;
  context.first_opening = this;
}

OpeningState::~OpeningState() {
  if (operation_ && operation_->has_result() && operation_->result >= 0)
    OwnedFd(operation_->result).reset();
  let_go();
  (previous ? previous->next : context.first_opening) = next;
  if (next) next->previous = previous;
}

void OpeningState::let_go() noexcept {
  if (operation_) context.reads.end(*std::exchange(operation_, nullptr));
}

bool OpeningState::runnable() const noexcept {
  if (operation_) return operation_->has_result();
  return awaits_room_ && *awaits_room_ != context.reads.finished();
}

Result<std::optional<OwnedFd>> OpeningState::take() {
  if (operation_) return take_answer();
  if (awaits_room_) return ask(at_once);
  auto opened = os::open_without_waiting(*path_);
  if (opened) return std::optional(std::move(*opened));
  if (!opened.error().is(EAGAIN)) return std::unexpected(std::move(opened.error()));
  return ask(at_once);
}

Result<std::optional<OwnedFd>> OpeningState::ask(int flags) {
  const auto begun = context.reads.begin();
  if (!begun && begun.error().is(EAGAIN)) {
    awaits_room_ = context.reads.finished();
    return std::nullopt;
  }
  if (!begun) return std::unexpected(would_wait(begun.error().operation));
  operation_ = *begun;
  operation_->number = static_cast<std::uint64_t>(flags);
  context.reads.open(*operation_, path_, flags);
  if (const auto submitted = context.reads.submit(); !submitted) {
    let_go();
    return std::unexpected(would_wait(submitted.error().operation));
  }
  return std::nullopt;
}

Result<std::optional<OwnedFd>> OpeningState::take_answer() {
  if (!operation_->has_result()) return std::nullopt;
  const int result = operation_->result;
  const bool was_patient = operation_->number == patiently;
  let_go();
  if (result >= 0) return std::optional(OwnedFd(result));
  if (result == -EAGAIN && !was_patient) return ask(patiently);
  return os::make_error(-result, "open");
}

Opening Opening::start(Context& context, std::string path) {
  return Opening(std::make_unique<OpeningState>(ContextAccess::state(context), std::move(path)));
}

Opening::Opening(std::unique_ptr<OpeningState> state) noexcept : state_(std::move(state)) {}
Opening::Opening(Opening&&) noexcept = default;
Opening& Opening::operator=(Opening&&) noexcept = default;
Opening::~Opening() = default;

Result<std::optional<OwnedFd>> Opening::take() { return state_->take(); }

Wait Opening::wait() const noexcept {
  Wait wait;
  wait.slots[0] = {state_->context.wakeups, POLLIN, WaitFd::Role::context};
  wait.count = 1;
  return wait;
}

bool Opening::runnable() const noexcept { return state_->runnable(); }

void Opening::on_runnable(std::function<void()> callback) {
  state_->on_runnable = std::move(callback);
}

}  // namespace leat
