// What memory that is registered with the context's ring is worth (Context::register_blocks): the
// same transfers with and without it, in alternating pairs.
//
//   registered_blocks [PAIRS] [FOLDER] [MIB]     default 11 pairs, /tmp, 512 MiB a run
//
// direct_io copies a file of FOLDER to another one there; uring_send_zc sends blocks of several
// sizes to a process at the other end of TCP on the loopback that throws everything away. Each pair
// is one run of both, and who begins changes with each pair. Shown are the medians of CPU and wall
// time, the median of the pairs' ratios (without : with) with the middle half of them, and what the
// kernel has locked and pinned. What plain sends pin meanwhile counts for a user without
// CAP_IPC_LOCK, but shows in neither figure.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <leat/connection.h>
#include <leat/pool.h>
#include <leat/transfer.h>

#include "receiver.h"

namespace {

using leat::bench::connect_to_receiver;
using leat::bench::fail;
using leat::bench::Receiver;

using std::chrono::steady_clock;

constexpr std::size_t block_bytes = 1 << 20;  // direct_io's own
constexpr std::size_t blocks = 8;

[[noreturn]] void fail(const leat::Error& error) {
  std::fprintf(stderr, "%s\n", error.message().c_str());
  std::exit(1);
}

struct Cost {
  double cpu_seconds = 0;
  double wall_seconds = 0;
};

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Cost measure(const std::function<void()>& run) {
  const double cpu_before = cpu_seconds();
  const auto before = steady_clock::now();
  run();
  const std::chrono::duration<double> wall = steady_clock::now() - before;
  return {cpu_seconds() - cpu_before, wall.count()};
}

std::string locked_memory() {
  std::ifstream status("/proc/self/status");
  std::string found;
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("VmLck:") && !line.starts_with("VmPin:")) continue;
    const std::size_t number = line.find_first_of("0123456789");
    found += (found.empty() ? "" : ", ") + line.substr(0, 5) + " " + line.substr(number);
  }
  return found;
}

double quantile(std::vector<double> values, double part) {
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1) + 0.5)];
}

struct Pairs {
  std::vector<Cost> without;
  std::vector<Cost> with;
};

std::vector<double> of(const std::vector<Cost>& costs, double Cost::* figure) {
  std::vector<double> values;
  for (const Cost& cost : costs) values.push_back(cost.*figure);
  return values;
}

void show(const char* what, const Pairs& pairs, double Cost::* figure) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < pairs.with.size(); ++i)
    ratios.push_back(pairs.without[i].*figure / pairs.with[i].*figure);
  std::printf("  %s  without %.4f s  with %.4f s  ratio %.3f (%.3f to %.3f)\n", what,
              quantile(of(pairs.without, figure), 0.5), quantile(of(pairs.with, figure), 0.5),
              quantile(ratios, 0.5), quantile(ratios, 0.25), quantile(ratios, 0.75));
}

// Each way once for nothing first.
void compare(int pairs, const std::function<void()>& without, const std::function<void()>& with) {
  without();
  with();
  Pairs measured;
  for (int pair = 0; pair < pairs; ++pair) {
    const bool with_first = pair % 2 == 1;
    if (with_first) measured.with.push_back(measure(with));
    measured.without.push_back(measure(without));
    if (!with_first) measured.with.push_back(measure(with));
  }
  show("CPU ", measured, &Cost::cpu_seconds);
  show("wall", measured, &Cost::wall_seconds);
}

/// A context and a pool, which the context's ring knows or not.
struct Side {
  explicit Side(bool registered)
      : context(make_context()), pool(make_pool()), slices(), is_registered(registered) {
    if (!registered) return;
    if (auto done = context.register_blocks(pool); !done) fail(done.error());
  }
  /// All of its blocks as slices of `bytes`.
  void make_slices(std::size_t bytes) {
    slices.clear();
    for (std::size_t i = 0; i < blocks; ++i) {
      auto lease = pool.lease();
      if (!lease) fail(lease.error());
      std::ranges::fill(lease->bytes(), std::byte{'x'});
      slices.push_back(std::move(*lease).freeze(bytes));
    }
  }
  static leat::Context make_context() {
    auto made = leat::Context::create({.sigpipe = leat::Sigpipe::ignored_by_caller});
    if (!made) fail(made.error());
    return std::move(*made);
  }
  // As direct_io's own memory.
  static leat::Pool make_pool() {
    auto made = leat::Pool::create({.block_bytes = block_bytes,
                                    .most_blocks = blocks,
                                    .backing = leat::Backing::transparent_huge});
    if (!made) fail(made.error());
    return std::move(*made);
  }

  leat::Context context;
  leat::Pool pool;
  std::vector<leat::Slice> slices;
  bool is_registered;
};

// A run must not measure something else than it says.
void check_use(const Side& side, const char* what) {
  const bool used = side.context.counters().registered_operations > 0;
  if (used == side.is_registered) return;
  std::fprintf(stderr, "%s: registered memory was %s\n", what, used ? "used" : "not used");
  std::exit(1);
}

leat::OwnedFd nameless_file(const char* folder) {
  leat::OwnedFd file(::open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file.valid()) fail(folder);
  return file;
}

void copy_file(Side& side, leat::FdRef from, leat::FdRef to) {
  leat::Options options;
  options.mechanism = *leat::Mechanism::named("direct_io");
  const leat::Receipt receipt =
      leat::transfer(side.context, leat::Source::file(from, {0}), leat::Sink::file(to, 0), options);
  if (!receipt.ok()) fail(*receipt.error);
}

void compare_files(int pairs, const char* folder, std::uint64_t mib) {
  const leat::OwnedFd from = nameless_file(folder);
  const leat::OwnedFd to = nameless_file(folder);
  const std::vector<char> piece(1 << 20, 'x');
  for (std::uint64_t done = 0; done < mib; ++done) {
    if (::write(from.number(), piece.data(), piece.size()) < 0) fail("write");
  }
  ::fsync(from.number());
  ::posix_fadvise(from.number(), 0, 0, POSIX_FADV_DONTNEED);
  std::printf("direct_io, a file of %llu MiB to another in %s\n",
              static_cast<unsigned long long>(mib), folder);
  std::printf("  neither context yet: %s\n", locked_memory().c_str());
  Side without(false);
  copy_file(without, from, to);
  std::printf("  without: %s\n", locked_memory().c_str());
  Side with(true);
  std::printf("  with: %s, of which %llu KiB are registered\n", locked_memory().c_str(),
              static_cast<unsigned long long>(with.context.counters().registered_bytes >> 10));
  compare(pairs, [&] { copy_file(without, from, to); }, [&] { copy_file(with, from, to); });
  check_use(without, "direct_io without");
  check_use(with, "direct_io with");
}

// Until everything that was lent is back.
void send_slices(Side& side, leat::FdRef socket, std::uint64_t bytes) {
  leat::Options options;
  options.mechanism = *leat::Mechanism::named("uring_send_zc");
  std::size_t next = 0;
  for (std::uint64_t done = 0; done < bytes; done += side.slices[next].size()) {
    next = (next + 1) % side.slices.size();
    const leat::Receipt receipt =
        leat::transfer(side.context, side.slices[next], leat::Sink::socket(socket), options);
    if (!receipt.ok()) fail(*receipt.error);
  }
  while (side.context.counters().lent_bytes > 0) {
    pollfd wakeups{.fd = side.context.fd().number(), .events = POLLIN, .revents = 0};
    ::poll(&wakeups, 1, -1);
    side.context.poll();
  }
}

// As the kernel says itself, in a send of its own.
void tell_copies(Side& side, leat::Connection& connection) {
  leat::Options options;
  options.mechanism = *leat::Mechanism::named("uring_send_zc");
  leat::Receipt receipt = leat::transfer(side.context, side.slices[0], connection, options);
  if (!receipt.ok()) fail(*receipt.error);
  connection.settle(receipt, steady_clock::now() + std::chrono::seconds(20));
  for (const leat::Leg& leg : receipt.legs) {
    if (leg.known_by != leat::KnownBy::kernel) {
      std::printf("  the kernel does not tell whether it copies\n");
    } else {
      std::printf("  the kernel says that it copied %llu of %llu bytes after all\n",
                  static_cast<unsigned long long>(leg.cpu_copied_bytes),
                  static_cast<unsigned long long>(leg.bytes));
    }
  }
}

void compare_sends(int pairs, std::uint64_t mib) {
  Receiver receiver = connect_to_receiver();
  std::printf(
      "uring_send_zc, %llu MiB of memory to TCP on the loopback, where zero-copy sends"
      " are copied\n",
      static_cast<unsigned long long>(mib));
  Side without(false);
  Side with(true);
  std::printf("  both contexts: %s, of which %llu KiB are registered\n", locked_memory().c_str(),
              static_cast<unsigned long long>(with.context.counters().registered_bytes >> 10));
  const leat::FdRef socket = receiver.socket;
  for (std::size_t bytes = 16 << 10; bytes <= block_bytes; bytes *= 4) {
    without.make_slices(bytes);
    with.make_slices(bytes);
    std::printf("  sends of %zu KiB:\n", bytes >> 10);
    compare(
        pairs, [&] { send_slices(without, socket, mib << 20); },
        [&] { send_slices(with, socket, mib << 20); });
  }
  check_use(without, "uring_send_zc without");
  check_use(with, "uring_send_zc with");
  auto connection = leat::Connection::adopt(with.context, std::move(receiver.socket));
  if (!connection) fail(connection.error());
  tell_copies(with, *connection);
  connection->close();
  ::waitpid(receiver.child, nullptr, 0);
}

}  // namespace

int main(int argc, char** argv) {
  const int pairs = argc > 1 ? std::max(std::atoi(argv[1]), 1) : 11;
  const char* const folder = argc > 2 ? argv[2] : "/tmp";
  const std::uint64_t mib = argc > 3 ? static_cast<std::uint64_t>(std::atoll(argv[3])) : 512;
  for (const char* const name : {"direct_io", "uring_send_zc"}) {
    const auto mechanism = leat::Mechanism::named(name);
    if (!mechanism || !mechanism->unavailable().empty()) {
      std::fprintf(stderr, "%s is not to be had here\n", name);
      return 1;
    }
  }
  // Its receiver is forked first, before anything is registered.
  compare_sends(pairs, mib);
  compare_files(pairs, folder, mib);
}
