/// Transfers as coroutines of Boost.Asio.
///
///     auto adapter = leat::asio::Adapter::create(io.get_executor(), context);
///     leat::Receipt receipt =
///         co_await leat::asio::async_transfer(*adapter, std::move(source),
///         leat::Sink::socket(fd));
///
/// The io_context is run by the context's thread and by no other.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <leat/context.h>
#include <leat/endpoint.h>
#include <leat/error.h>
#include <leat/receipt.h>
#include <leat/transfer.h>
#include <leat/watch.h>

namespace leat::asio {
namespace detail {

/// The one waiter of a context in Asio's reactor, however many transfers there are. Descriptors are
/// not given to Asio itself: it would set O_NONBLOCK on those that are only borrowed, and it takes
/// each of them but once, while both directions of a socket wait for the same one.
class Reactor : public std::enable_shared_from_this<Reactor> {
 public:
  Reactor(const boost::asio::any_io_executor& executor, Context& context, Watch watch)
      : context_(&context), watch_(std::move(watch)), descriptor_(executor, watch_.fd().number()) {}
  ~Reactor() { descriptor_.release(); }  // the Watch closes it
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  Context& context() const noexcept { return *context_; }
  Watch& watch() noexcept { return watch_; }
  boost::asio::any_io_executor executor() { return descriptor_.get_executor(); }

  /// Only while a transfer lives is there anything to wait for: io_context::run can return else.
  void enter() {
    if (transfers_++ == 0 && !listening_) listen();
  }
  void leave() {
    if (--transfers_ > 0) return;
    boost::system::error_code ignored;
    descriptor_.cancel(ignored);
  }

 private:
  void listen() {
    listening_ = true;
    descriptor_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                           [weak = weak_from_this()](const boost::system::error_code& error) {
                             if (const auto self = weak.lock()) self->heard(error);
                           });
  }
  void heard(const boost::system::error_code& error) {
    listening_ = false;
    if (!error) watch_.dispatch();
    if (transfers_ > 0) listen();
  }

  Context* context_;
  Watch watch_;
  boost::asio::posix::stream_descriptor descriptor_;
  std::uint64_t transfers_ = 0;
  bool listening_ = false;
};

/// What a coroutine waits for; woken by cancelling it.
class Bell final : public Watch::Waiter {
 public:
  explicit Bell(const boost::asio::any_io_executor& executor) : timer(executor) {}
  void wake() noexcept override {
    timer.expires_at(TimePoint::min());  // cancels the wait, also one that has yet to begin
  }
  boost::asio::steady_timer timer;
};

/// For as long as a transfer lives, whether its coroutine ends or is destroyed.
class Presence {
 public:
  explicit Presence(Reactor& reactor) : reactor_(&reactor) { reactor.enter(); }
  ~Presence() { reactor_->leave(); }
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

 private:
  Reactor* reactor_;
};

/// One Wait, armed until the end of the scope.
class Armed {
 public:
  Armed(Watch& watch, const Wait& wait, Bell& bell) : watch_(&watch), wait_(wait), bell_(&bell) {
    TimePoint until = wait.wake_at.value_or(TimePoint::max());
    if (!watch.arm(wait, bell))
      until = std::min(until, std::chrono::steady_clock::now() + std::chrono::milliseconds(1));
    bell.timer.expires_at(until);
  }
  ~Armed() { watch_->disarm(wait_, *bell_); }
  Armed(const Armed&) = delete;
  Armed& operator=(const Armed&) = delete;

 private:
  Watch* watch_;
  Wait wait_;
  Bell* bell_;
};

inline bool has_ended(State state) noexcept {
  return state == State::done || state == State::failed || state == State::stopped;
}

}  // namespace detail

/// Joins one Context to one io_context; kept beside the Context, destroyed before it. Move-only.
class Adapter {
 public:
  /// `executor` is of the io_context that the context's thread runs. Errors: those of
  /// Watch::create.
  static Result<Adapter> create(const boost::asio::any_io_executor& executor, Context& context) {
    Result<Watch> watch = Watch::create(context);
    if (!watch) return std::unexpected(watch.error());
    return Adapter(std::make_shared<detail::Reactor>(executor, context, std::move(*watch)));
  }
  Adapter(Adapter&&) noexcept = default;
  Adapter& operator=(Adapter&&) noexcept = default;
  ~Adapter() = default;

 private:
  friend boost::asio::awaitable<Receipt> async_transfer(Adapter&, Source, Sink, Options,
                                                        std::uint64_t);
  explicit Adapter(std::shared_ptr<detail::Reactor> reactor) noexcept
      : reactor_(std::move(reactor)) {}
  std::shared_ptr<detail::Reactor> reactor_;
};

// GCC 12 takes the frame's two inlined allocation functions, which are Asio's, for a mismatch.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

/// Moves everything from `source` to `sink`. The coroutine waits where it must, and lets others run
/// after every step of at most `step_limit` bytes. What went wrong is in the Receipt. Cancelling
/// the coroutine cancels the transfer, which then ends in an orderly way (`Ending::cancelled`); so
/// does `options.stop`, from any thread. What a transfer strands is counted by the context.
inline boost::asio::awaitable<Receipt> async_transfer(
    Adapter& adapter, Source source, Sink sink, Options options = {},
    std::uint64_t step_limit = default_step_limit) {
  namespace net = boost::asio;
  co_await net::this_coro::reset_cancellation_state(net::enable_total_cancellation());
  co_await net::this_coro::throw_if_cancelled(false);
  const std::shared_ptr<detail::Reactor> reactor = adapter.reactor_;
  const detail::Presence presence(*reactor);
  detail::Bell bell(reactor->executor());
  Transfer transfer =
      Transfer::start(reactor->context(), std::move(source), std::move(sink), options);
  for (;;) {
    transfer.on_runnable([&bell] { bell.wake(); });  // it is called once
    const Step step = transfer.step(step_limit);
    if (detail::has_ended(step.state)) co_return transfer.receipt();
    if (step.state == State::progress || transfer.runnable()) {
      co_await net::post(net::use_awaitable);
    } else {
      const detail::Armed armed(reactor->watch(), step.wait, bell);
      boost::system::error_code woken;
      co_await bell.timer.async_wait(net::redirect_error(net::use_awaitable, woken));
    }
    const net::cancellation_state state = co_await net::this_coro::cancellation_state;
    if (state.cancelled() != net::cancellation_type::none) transfer.cancel();
  }
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

}  // namespace leat::asio
