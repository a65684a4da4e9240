/// What the transfers of one thread share: pipes, buffers, wake-ups and counters.
#pragma once

#include <cstdint>
#include <memory>

#include <leat/costs.h>
#include <leat/error.h>
#include <leat/fd.h>

namespace leat {

struct ContextState;
class Pool;

/// How calls that may raise SIGPIPE are kept from killing the program. See signal(7).
enum class Sigpipe : std::uint8_t {
  guarded,            ///< blocked around each step that needs it and taken back; 0.4–0.6 µs a step
  ignored_by_caller,  ///< the caller promises that SIGPIPE is ignored, as servers have it
};

/// How a context uses io_uring(7). Nothing is opened before a mechanism needs it.
enum class RingUse : std::uint8_t {
  thread_bound,  ///< for the thread that first needs it, and cheapest (IORING_SETUP_DEFER_TASKRUN);
                 ///< on another thread the mechanisms that need a ring refuse
  movable,       ///< the context may pass from thread to thread
  none,          ///< mechanisms that need a ring refuse
};

struct ContextOptions {
  Sigpipe sigpipe = Sigpipe::guarded;
  RingUse ring = RingUse::thread_bound;
  /// Helper threads that wait for disks where io_uring is denied, for transfers with
  /// Disk::never_wait. They start when one is first needed.
  unsigned disk_threads = 0;
  /// All pipes of this context together, in bytes of capacity; when used up, splice refuses.
  std::uint64_t pipe_budget_bytes = 64ull << 20;
  /// All memory lent to the kernel by zero-copy sends of this context; beyond it they wait. 0:
  /// nothing is lent, and zerocopy_send and uring_send_zc refuse.
  std::uint64_t lent_budget_bytes = 64ull << 20;
  /// What plans rank by; null: Costs::shipped(). Empty Costs keep them to their fixed order.
  std::shared_ptr<const Costs> costs{};
};

struct ContextCounters {
  std::uint64_t stranded_bytes = 0;     ///< of transfers destroyed with stranded bytes
  std::uint64_t transfers = 0;          ///< alive now
  std::uint64_t pipes_open = 0;         ///< kept or in use
  std::uint64_t pipe_bytes = 0;         ///< their capacity
  std::uint64_t lent_bytes = 0;         ///< memory that the kernel may still read
  std::uint64_t quarantined_bytes = 0;  ///< part of `lent_bytes`: of connections that are closed
  std::uint64_t abandoned_bytes = 0;    ///< never freed, as the kernel did not let go in time
  std::uint64_t operations = 0;         ///< in flight on the ring, or with helper threads
  std::uint64_t registered_bytes = 0;   ///< pinned for the ring: see Context::register_blocks
  /// Reads, writes and sends that were begun in registered memory, ever.
  std::uint64_t registered_operations = 0;
};

/// One per thread that moves bytes. Its destructor waits, at most a second, until the kernel has
/// let go of the memory that it was lent. Made by the caller, outlives its transfers and
/// connections, and is used by one thread at a time; only `wake` may be called from any thread.
/// Move-only.
class Context {
 public:
  /// Errors: EMFILE, ENFILE (it holds an eventfd).
  static Result<Context> create(ContextOptions options = {});
  Context(Context&&) noexcept;
  Context& operator=(Context&&) noexcept;
  ~Context();

  /// Readable while any transfer of this context is runnable for a reason that its own Wait does
  /// not show (a stop token fired, a ring completed). Watch it beside the Waits. See eventfd(2).
  FdRef fd() const noexcept;
  /// Takes what the ring completed and what closed sockets gave back, finds out which transfers
  /// became runnable and calls their `on_runnable`. Never waits.
  void poll();
  /// Makes `fd()` readable. From any thread, also from a signal handler.
  void wake() const noexcept;

  ContextCounters counters() const noexcept;

  /// Maps every block that `pool` may have and has the kernel pin them for this context's ring,
  /// once for all instead of for each operation. They stay pinned and mapped until the context is
  /// gone, also if the pool goes before. From now on
  ///  - `uring_send_zc` sends what lies in one piece in a block of it without pinning it, and
  ///    without RLIMIT_MEMLOCK being asked each time;
  ///  - `direct_io` leases blocks of it while it runs, if at least two of its own size (1 MiB, or
  ///    `Tuning::block_bytes`) are free in them, and reads and writes without pinning those.
  /// All else is as before. `counters()` tell what is registered and how often it was used.
  ///
  /// All of it is in memory from now on, and counts against RLIMIT_MEMLOCK of users without
  /// CAP_IPC_LOCK, for each context that it is registered with. A child of fork(2) gets copies at
  /// once, unless PoolOptions::not_in_children. Opens the ring: one that is thread_bound is bound
  /// to this thread. Several pools may be registered; one that is already stays so.
  ///
  /// Errors, with nothing registered: what io_uring_setup(2) says, the operation naming who denies
  /// it (EPERM, ENOSYS, ENOMEM, EMFILE); EEXIST (the ring is bound to another thread); ENOBUFS
  /// (the pool's budget, or more than 4096 stretches of 2 MiB or one larger block); ENOMEM, with
  /// RLIMIT_MEMLOCK as the hint; EFAULT (blocks of more than 1 GiB); EOPNOTSUPP (before Linux 5.19,
  /// or leat was built without liburing); those of Pool::lease. See io_uring_register(2).
  Result<void> register_blocks(Pool& pool);

 private:
  friend struct ContextAccess;
  explicit Context(std::unique_ptr<ContextState> state) noexcept;
  std::unique_ptr<ContextState> state_;
};

}  // namespace leat
