/// Transfers as coroutines of Boost.Asio.
///
///     auto adapter = leat::asio::Adapter::create(io.get_executor(), context);
///     leat::Receipt receipt =
///         co_await leat::asio::async_transfer(*adapter, std::move(source),
///         leat::Sink::socket(fd));
///
/// The io_context is run by the context's thread and by no other.
#pragma once

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
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

namespace leat::asio {
namespace detail {

/// One coroutine that waits. It is woken by cancelling its timer.
struct Waiter {
  explicit Waiter(const boost::asio::any_io_executor& executor) : timer(executor) {}
  boost::asio::steady_timer timer;
};

/// Every descriptor that a transfer of one context waits for, in one epoll(7) instance, and that
/// instance in Asio's reactor: one waiter for the context, however many transfers it has.
///
/// Descriptors are not given to Asio itself: it would set O_NONBLOCK on those that are only
/// borrowed, and it takes each number but once, while both directions of a socket wait for the same
/// one.
class Watch : public std::enable_shared_from_this<Watch> {
 public:
  Watch(const boost::asio::any_io_executor& executor, Context& context, OwnedFd epoll)
      : context_(&context), epoll_(executor, epoll.release()) {}

  Context& context() const noexcept { return *context_; }
  boost::asio::any_io_executor executor() { return epoll_.get_executor(); }

  /// False if the kernel did not take the context's descriptor; errno says why.
  bool watch_context() noexcept { return control(EPOLL_CTL_ADD, context_->fd().number(), EPOLLIN); }

  /// Wakes `waiter` when `slot` fires; until then, or until disarm(). False: look again by
  /// yourself.
  bool arm(const WaitFd& slot, Waiter& waiter) {
    Entry& entry = entries_[slot.fd.number()];
    const bool known = !entry.waiters.empty();
    entry.waiters.push_back({&waiter, static_cast<std::uint32_t>(slot.events)});
    if (control(known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, slot.fd.number(), entry.events()))
      return true;
    disarm(slot.fd.number(), waiter);
    return false;
  }

  void disarm(int fd, const Waiter& waiter) {
    const auto found = entries_.find(fd);
    if (found == entries_.end()) return;
    std::erase_if(found->second.waiters, [&](const Interest& one) { return one.who == &waiter; });
    rewatch(found);
  }

  /// Counts the transfers that live; only then is there anything to wait for in Asio.
  void enter() {
    if (transfers_++ == 0) listen();
  }
  void leave() noexcept {
    if (--transfers_ > 0) return;
    boost::system::error_code ignored;
    epoll_.cancel(ignored);
  }

 private:
  struct Interest {
    Waiter* who;
    std::uint32_t events;  // poll(2)'s bits, which epoll(7) shares
  };
  struct Entry {
    std::vector<Interest> waiters;
    std::uint32_t events() const noexcept {
      std::uint32_t all = 0;
      for (const Interest& one : waiters) all |= one.events;
      return all;
    }
  };
  using Entries = std::unordered_map<int, Entry>;

  bool control(int operation, int fd, std::uint32_t events) noexcept {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    return ::epoll_ctl(epoll_.native_handle(), operation, fd, &event) == 0;
  }

  void rewatch(Entries::iterator entry) {
    if (!entry->second.waiters.empty()) {
      control(EPOLL_CTL_MOD, entry->first, entry->second.events());
      return;
    }
    control(EPOLL_CTL_DEL, entry->first, 0);
    entries_.erase(entry);
  }

  void listen() {
    epoll_.async_wait(
        boost::asio::posix::descriptor_base::wait_read,
        [weak = weak_from_this()](const boost::system::error_code& error) {
          const auto self = weak.lock();
          if (!self || self->transfers_ == 0 || error == boost::asio::error::bad_descriptor) return;
          if (!error) self->dispatch();
          self->listen();
        });
  }

  void dispatch() {
    std::array<epoll_event, 64> fired;
    const int count = ::epoll_wait(epoll_.native_handle(), fired.data(), fired.size(), 0);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = fired[static_cast<std::size_t>(i)];
      if (event.data.fd == context_->fd().number()) {
        context_->poll();
      } else {
        wake(event.data.fd, event.events);
      }
    }
  }

  void wake(int fd, std::uint32_t happened) {
    const auto found = entries_.find(fd);
    if (found == entries_.end()) return;
    const bool everyone = (happened & (EPOLLERR | EPOLLHUP)) != 0;
    std::erase_if(found->second.waiters, [&](const Interest& one) {
      if (!everyone && (one.events & happened) == 0) return false;
      one.who->timer.cancel();
      return true;
    });
    rewatch(found);
  }

  Context* context_;
  boost::asio::posix::stream_descriptor epoll_;
  Entries entries_;
  std::uint64_t transfers_ = 0;
};

}  // namespace detail

/// Joins one Context to one io_context; kept beside the Context, and destroyed before it.
/// Move-only.
class Adapter {
 public:
  /// `executor` is of the io_context (or a strand of it) that the context's thread runs.
  /// Errors: EMFILE, ENFILE (it holds an epoll(7) instance), ENOMEM.
  static Result<Adapter> create(const boost::asio::any_io_executor& executor, Context& context) {
    OwnedFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll.valid()) return failure("epoll_create1");
    auto watch = std::make_shared<detail::Watch>(executor, context, std::move(epoll));
    if (!watch->watch_context()) return failure("epoll_ctl");
    return Adapter(std::move(watch));
  }

  const std::shared_ptr<detail::Watch>& watch() const noexcept { return watch_; }

 private:
  explicit Adapter(std::shared_ptr<detail::Watch> watch) noexcept : watch_(std::move(watch)) {}
  static std::unexpected<Error> failure(std::string_view operation) {
    return std::unexpected(Error{.code = {errno, std::generic_category()},
                                 .operation = operation,
                                 .mechanism = {},
                                 .subject = {},
                                 .hint = {}});
  }
  std::shared_ptr<detail::Watch> watch_;
};

namespace detail {

/// For as long as a transfer lives, whether its coroutine ends or is destroyed.
class Presence {
 public:
  explicit Presence(std::shared_ptr<Watch> watch) : watch_(std::move(watch)) { watch_->enter(); }
  ~Presence() { watch_->leave(); }
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

 private:
  std::shared_ptr<Watch> watch_;
};

/// The slots of one Wait, armed until the end of the scope.
class Armed {
 public:
  Armed(Watch& watch, const Wait& wait, Waiter& waiter)
      : watch_(&watch), wait_(wait), waiter_(&waiter) {
    using std::chrono::steady_clock;
    TimePoint until = wait.wake_at.value_or(TimePoint::max());
    for (const WaitFd& slot : wait.fds()) {
      // What epoll does not take is looked at again soon (a regular file, no kernel memory).
      if (!watch.arm(slot, waiter))
        until = std::min(until, steady_clock::now() + std::chrono::milliseconds(1));
    }
    waiter.timer.expires_at(until);
  }
  ~Armed() {
    for (const WaitFd& slot : wait_.fds()) watch_->disarm(slot.fd.number(), *waiter_);
  }
  Armed(const Armed&) = delete;
  Armed& operator=(const Armed&) = delete;

 private:
  Watch* watch_;
  Wait wait_;
  Waiter* waiter_;
};

inline bool has_ended(State state) noexcept {
  return state == State::done || state == State::failed || state == State::stopped;
}

}  // namespace detail

/// Moves everything from `source` to `sink`; the coroutine waits where it must, and lets others run
/// after every `step_limit` bytes. What went wrong is in the Receipt. Cancelling the coroutine
/// cancels the transfer, which then ends in an orderly way (`Ending::cancelled`); so does
/// `options.stop`, from any thread. What a transfer strands is counted by the context.
inline boost::asio::awaitable<Receipt> async_transfer(
    const Adapter& adapter, Source source, Sink sink, Options options = {},
    std::uint64_t step_limit = default_step_limit) {
  namespace net = boost::asio;
  co_await net::this_coro::reset_cancellation_state(net::enable_total_cancellation());
  co_await net::this_coro::throw_if_cancelled(false);
  const std::shared_ptr<detail::Watch> watch = adapter.watch();
  const detail::Presence presence(watch);
  detail::Waiter waiter(watch->executor());
  Transfer transfer =
      Transfer::start(watch->context(), std::move(source), std::move(sink), options);
  transfer.on_runnable([&waiter] { waiter.timer.cancel(); });
  for (;;) {
    const Step step = transfer.step(step_limit);
    if (detail::has_ended(step.state)) co_return transfer.receipt();
    if (step.state == State::progress || transfer.runnable()) {
      co_await net::post(net::use_awaitable);
    } else {
      const detail::Armed armed(*watch, step.wait, waiter);
      boost::system::error_code woken;
      co_await waiter.timer.async_wait(net::redirect_error(net::use_awaitable, woken));
    }
    const net::cancellation_state state = co_await net::this_coro::cancellation_state;
    if (state.cancelled() != net::cancellation_type::none) transfer.cancel();
  }
}

}  // namespace leat::asio
