/// For event loops that want one descriptor instead of many: what the transfers of a context wait
/// for.
#pragma once

#include <memory>

#include <leat/context.h>
#include <leat/error.h>
#include <leat/fd.h>
#include <leat/transfer.h>

namespace leat {

/// Gathers the Waits of any number of transfers of one context, and the context's own descriptor,
/// in one epoll(7) instance. Loops that know each descriptor once, or change the flags of those
/// they know (Boost.Asio does both), watch `fd()` instead and leave borrowed descriptors alone. On
/// the context's thread only; destroyed before its context. Move-only.
class Watch {
 public:
  /// Who waits. `wake` is called by dispatch(); it must not arm or disarm anything itself.
  class Waiter {
   public:
    virtual void wake() noexcept = 0;

   protected:
    ~Waiter() = default;
  };

  /// Errors: EMFILE, ENFILE, ENOMEM (it holds an epoll(7) instance).
  static Result<Watch> create(Context& context);
  Watch(Watch&&) noexcept;
  Watch& operator=(Watch&&) noexcept;
  ~Watch();

  /// Readable while there is something to dispatch.
  FdRef fd() const noexcept;

  /// `waiter` is woken once something that `wait` names has happened, until it is disarmed. False
  /// if the kernel does not watch one of the descriptors (a regular file, no memory): step again
  /// soon. Time is the caller's: `wait.wake_at` is not looked at. Nor is the context's own
  /// descriptor: dispatch() polls the context, and `Transfer::on_runnable` tells who may go on.
  [[nodiscard]] bool arm(const Wait& wait, Waiter& waiter);
  /// To be called before the next step, with the same Wait, whatever woke the waiter.
  void disarm(const Wait& wait, Waiter& waiter) noexcept;

  /// Wakes whom something happened to, and polls the context. Never waits.
  void dispatch();

 private:
  struct State;
  explicit Watch(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

}  // namespace leat
