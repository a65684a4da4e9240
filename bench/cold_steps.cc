// How long steps take while a cold file goes through the same loop as a hundred warm ones, with
// Disk::never_wait, and with plain sendfile beside it. docs/decisions/0012 rests on it.
//
//   cold_steps [fuse|ext4] [MIB]     both disks and 256 MiB by default; needs root
//
// Two slow disks: a FUSE file system that answers each read after 50 ms, and ext4 on a loop device
// whose reads the blkio cgroup throttles to 50 MiB/s. Prints a table, and exits with 1 if a bound
// is missed (of times, and of time, without what the thread waited for a processor; p99.9wl is with
// it): p99.9 of the cold transfer's own steps and of the warm ones' at most 2 ms, none 10 ms more
// than the longest of the run without the cold file, and at least 0.9 of its throughput.
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <leat/transfer.h>

#include "support/fuse_disk.h"
#include "support/mounts.h"

namespace {

using leat::FdRef;
using leat::OwnedFd;
using Clock = std::chrono::steady_clock;

constexpr std::size_t warm_count = 100;
constexpr std::uint64_t step_limit = 256 << 10;
constexpr std::size_t warm_for_each_cold =
    10;  // steps, so that the disk is what bounds the cold one
constexpr std::uint64_t warm_bytes = 16 << 20;
constexpr std::uint64_t evict_every = 24 << 20;
constexpr std::chrono::milliseconds fuse_delay{50};
constexpr std::uint64_t disk_bytes_per_s = 50 << 20;
constexpr double bound_us = 2000;
constexpr double excess_us = 10000;
constexpr double least_throughput = 0.9;
constexpr std::size_t least_steps = 2000;
constexpr double seconds_without = 6;

[[noreturn]] void fail(const std::string& what) {
  std::perror(what.c_str());
  std::exit(2);
}

template <class Number>
Number must(Number result, const char* what) {
  if (result < 0) fail(what);
  return result;
}

// ---- receivers: one thread that throws away what comes

class Receivers {
 public:
  Receivers()
      : epoll_(must(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
        stop_(must(::eventfd(0, EFD_CLOEXEC), "eventfd")) {
    watch(stop_);
    thread_ = std::thread([this] { run(); });
  }
  ~Receivers() {
    ::eventfd_write(stop_.number(), 1);
    thread_.join();
  }
  Receivers(const Receivers&) = delete;
  Receivers& operator=(const Receivers&) = delete;

  /// The sending end of a new connection.
  OwnedFd connect() {
    const OwnedFd listener(must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    must(::bind(listener.number(), raw, length), "bind");
    must(::listen(listener.number(), 1), "listen");
    must(::getsockname(listener.number(), raw, &length), "getsockname");
    OwnedFd sender(must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    must(::connect(sender.number(), raw, length), "connect");
    must(::fcntl(sender.number(), F_SETFL, O_NONBLOCK), "fcntl");
    sockets_.emplace_back(must(
        ::accept4(listener.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK), "accept4"));
    watch(sockets_.back());
    return sender;
  }

 private:
  void watch(const OwnedFd& fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd.number()}};
    must(::epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, fd.number(), &event), "epoll_ctl");
  }
  void run() {
    std::array<epoll_event, 128> events{};
    for (;;) {
      const int count = ::epoll_wait(epoll_.number(), events.data(), events.size(), -1);
      for (int index = 0; index < count; ++index) {
        const int fd = events[static_cast<std::size_t>(index)].data.fd;
        if (fd == stop_.number()) return;
        // Nothing is copied: the bytes are only taken off the queue. See tcp(7), MSG_TRUNC.
        if (::recv(fd, nullptr, 16 << 20, MSG_TRUNC | MSG_DONTWAIT) == 0)
          ::epoll_ctl(epoll_.number(), EPOLL_CTL_DEL, fd, nullptr);
      }
    }
  }

  OwnedFd epoll_;
  OwnedFd stop_;
  std::vector<OwnedFd> sockets_;
  std::thread thread_;
};

// ---- measurements

double quantile(std::vector<float>& us, double share) {
  if (us.empty()) return 0;
  const auto at = static_cast<std::size_t>(share * static_cast<double>(us.size() - 1));
  std::nth_element(us.begin(), us.begin() + static_cast<std::ptrdiff_t>(at), us.end());
  return us[at];
}

struct Steps {
  // Less what the thread waited for a processor that others had: a wait for a disk is no such.
  std::vector<float> us;
  std::vector<float> wall_us;
  std::uint64_t slept = 0;  // steps in which the thread gave up the processor by itself

  double p999() { return quantile(us, 0.999); }
  double longest() { return quantile(us, 1); }
};

struct Run {
  Steps warm;
  Steps cold;
  double seconds = 0;
  double waited_s = 0;  // for a processor
  double warm_bytes = 0;
  std::uint64_t cold_waits = 0;
  leat::Receipt receipt;  // of the last cold transfer

  double warm_rate() const { return warm_bytes / (seconds - waited_s) / (1 << 20); }
};

long voluntary_switches() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

// The second number of schedstat: see the kernel's Documentation/scheduler/sched-stats.rst.
double waited_for_processor_us() {
  thread_local const int file = must(::open("/proc/thread-self/schedstat", O_RDONLY), "schedstat");
  std::array<char, 80> text{};
  must(::pread(file, text.data(), text.size() - 1, 0), "schedstat");
  char* rest = nullptr;
  std::strtoull(text.data(), &rest, 10);
  return static_cast<double>(std::strtoull(rest, nullptr, 10)) / 1000;
}

leat::Step timed_step(leat::Transfer& transfer, Steps& steps) {
  const long switches = voluntary_switches();
  const double waited = waited_for_processor_us();
  const auto began = Clock::now();
  const leat::Step step = transfer.step(step_limit);
  const double wall = std::chrono::duration<double, std::micro>(Clock::now() - began).count();
  steps.us.push_back(static_cast<float>(wall - (waited_for_processor_us() - waited)));
  steps.wall_us.push_back(static_cast<float>(wall));
  steps.slept += voluntary_switches() != switches ? 1 : 0;
  return step;
}

struct Lane {
  OwnedFd socket;
  std::optional<leat::Transfer> transfer;
  leat::Step last;
  std::uint64_t seen = 0;
  bool ready = true;
};

struct Cold {
  std::function<leat::Transfer(leat::Context&, FdRef)> start{};
  std::function<void(std::uint64_t)> on_taken{};
};

// One poll(2) loop over all of them.
class Loop {
 public:
  Loop(Receivers& receivers, FdRef warm_file) : warm_file_(warm_file) {
    lanes_.resize(warm_count + 1);
    for (Lane& lane : lanes_) lane.socket = receivers.connect();
  }

  /// Until the cold file was sent as often as it takes for so many steps, or for `seconds` without
  /// one.
  Run run(leat::Context& context, double seconds, const Cold& cold) {
    Run run;
    Lane& cold_lane = lanes_.back();
    cold_lane.ready = false;
    if (cold.start) {
      cold_lane.transfer = cold.start(context, cold_lane.socket);
      cold_lane.ready = true;
    }
    for (std::size_t index = 0; index < warm_count; ++index) restart(context, lanes_[index]);
    const double waited_before = waited_for_processor_us();
    const auto began = Clock::now();
    const auto until = began + std::chrono::duration<double>(seconds);
    while (cold_lane.transfer || Clock::now() < until) {
      for (std::size_t index = 0; index < warm_count; ++index) {
        step_warm(context, lanes_[index], run);
        if (index % warm_for_each_cold == 0 && cold_lane.ready)
          step_cold(context, cold_lane, run, cold);
      }
      wait(context);
    }
    run.seconds = std::chrono::duration<double>(Clock::now() - began).count();
    run.waited_s = (waited_for_processor_us() - waited_before) / 1e6;
    for (Lane& lane : lanes_) lane.transfer.reset();
    return run;
  }

 private:
  void restart(leat::Context& context, Lane& lane) {
    lane.transfer.emplace(leat::Transfer::start(
        context, leat::Source::file(warm_file_, {0, warm_bytes}),
        leat::Sink::socket(lane.socket.ref()), {.disk = leat::Disk::never_wait}));
    lane.seen = 0;
    lane.ready = true;
  }
  void step_warm(leat::Context& context, Lane& lane, Run& run) {
    if (!lane.ready) return;
    lane.last = timed_step(*lane.transfer, run.warm);
    run.warm_bytes += static_cast<double>(lane.last.delivered - lane.seen);
    lane.seen = lane.last.delivered;
    lane.ready = lane.last.state == leat::State::progress;
    if (lane.last.state == leat::State::failed) fail("a warm transfer");
    if (lane.last.state == leat::State::done) restart(context, lane);
  }
  static void step_cold(leat::Context& context, Lane& lane, Run& run, const Cold& cold) {
    lane.last = timed_step(*lane.transfer, run.cold);
    cold.on_taken(lane.last.taken);
    lane.ready = lane.last.state == leat::State::progress;
    if (lane.last.state != leat::State::done && lane.last.state != leat::State::failed) return;
    run.receipt = lane.transfer->receipt();
    run.cold_waits += run.receipt.cold_waits;
    lane.transfer.reset();
    if (!run.receipt.ok() || run.cold.us.size() >= least_steps) return;
    lane.transfer = cold.start(context, lane.socket);
    lane.ready = true;
  }
  void wait(leat::Context& context) {
    fds_.clear();
    owners_.clear();
    bool any_ready = false;
    for (Lane& lane : lanes_) {
      any_ready = any_ready || (lane.transfer && lane.ready);
      if (!lane.transfer || lane.ready) continue;
      for (const leat::WaitFd& slot : lane.last.wait.fds()) {
        if (slot.role == leat::WaitFd::Role::context) continue;
        fds_.push_back({.fd = slot.fd.number(), .events = slot.events, .revents = 0});
        owners_.push_back(&lane);
      }
    }
    fds_.push_back({.fd = context.fd().number(), .events = POLLIN, .revents = 0});
    if (::poll(fds_.data(), fds_.size(), any_ready ? 0 : 100) < 0) fail("poll");
    for (std::size_t index = 0; index < owners_.size(); ++index) {
      if (fds_[index].revents != 0) owners_[index]->ready = true;
    }
    if (fds_.back().revents == 0) return;
    context.poll();
    for (Lane& lane : lanes_) {
      if (lane.transfer && lane.transfer->runnable()) lane.ready = true;
    }
  }

  FdRef warm_file_;
  std::vector<Lane> lanes_;
  std::vector<pollfd> fds_;
  std::vector<Lane*> owners_;
};

// ---- the disks

void command(const std::string& line) {
  if (std::system((line + " >/dev/null 2>&1").c_str()) != 0) fail(line);
}

void write_line(const std::string& path, const std::string& line) {
  std::ofstream file(path);
  file << line << std::flush;
  if (!file) fail(path);
}

// ext4 on a loop device, read at most so fast by this process.
class ThrottledDisk {
 public:
  explicit ThrottledDisk(std::uint64_t file_bytes) {
    leat::testing::leave_the_common_mounts();
    std::string name = "/tmp/leat-cold-XXXXXX";
    if (!::mkdtemp(name.data())) fail("mkdtemp");
    folder_ = name;
    const std::string image = folder_ + ".image";
    command("truncate -s " + std::to_string(file_bytes + (64u << 20)) + " " + image +
            " && mkfs.ext4 -q " + image + " && mount -o loop " + image + " " + folder_);
    ::unlink(image.c_str());
    file_ = OwnedFd(must(::open((folder_ + "/file").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644),
                         "open on ext4"));
    const std::vector<char> block(1 << 20, 'c');
    for (std::uint64_t at = 0; at < file_bytes; at += block.size())
      must(::write(file_.number(), block.data(), block.size()), "write");
    must(::fsync(file_.number()), "fsync");
    throttle();
  }
  ~ThrottledDisk() {
    std::ofstream("/sys/fs/cgroup/blkio/cgroup.procs") << ::getpid() << std::flush;
    ::rmdir(group_.c_str());
    file_.reset();
    ::umount2(folder_.c_str(), MNT_DETACH);
    ::rmdir(folder_.c_str());
  }
  ThrottledDisk(const ThrottledDisk&) = delete;
  ThrottledDisk& operator=(const ThrottledDisk&) = delete;

  OwnedFd open() const {
    return OwnedFd(must(::open((folder_ + "/file").c_str(), O_RDONLY | O_CLOEXEC), "open"));
  }

 private:
  void throttle() {
    struct stat status{};
    must(::fstat(file_.number(), &status), "fstat");
    const std::string device =
        std::to_string(major(status.st_dev)) + ":" + std::to_string(minor(status.st_dev));
    group_ = "/sys/fs/cgroup/blkio/leat-cold-" + std::to_string(::getpid());
    must(::mkdir(group_.c_str(), 0755), "mkdir of a blkio cgroup (version 1)");
    write_line(group_ + "/blkio.throttle.read_bps_device",
               device + " " + std::to_string(disk_bytes_per_s));
    write_line(group_ + "/cgroup.procs", std::to_string(::getpid()));
  }

  std::string folder_;
  std::string group_;
  OwnedFd file_;
};

// ---- the rows

struct Bench {
  const char* disk;
  std::uint64_t bytes;
  FdRef warm_file;
  bool good = true;
  Run without{};                  // the last one: it and the row after it are a pair
  double longest_without_us = 0;  // of all of them

  static void print(Steps& steps) {
    std::printf(" |%8zu %6.0f %7.0f %7.0f %5lu", steps.us.size(), steps.p999(), steps.longest(),
                quantile(steps.wall_us, 0.999), static_cast<unsigned long>(steps.slept));
  }
  void print(const char* row, Run& run) const {
    std::printf("%-5s %-26s", disk, row);
    print(run.cold);
    print(run.warm);
    std::printf(" |%6.0f %6.1f %6lu\n", run.warm_rate(), run.seconds,
                static_cast<unsigned long>(run.cold_waits));
    std::fflush(stdout);
  }

  void check(bool holds, const char* row, const char* what) {
    if (holds) return;
    std::printf("      MISSED by %s: %s\n", row, what);
    good = false;
  }

  void check(const char* row, Run& run) {
    check(run.receipt.ok() && run.receipt.delivered == bytes, row, "all bytes delivered");
    check(run.cold.us.size() >= least_steps, row, "2000 steps of the cold transfer");
    check(run.cold.p999() <= bound_us, row, "p99.9 of the cold transfer's steps <= 2 ms");
    check(run.warm.p999() <= bound_us, row, "p99.9 of the warm ones' steps <= 2 ms");
    const double longest = longest_without_us + excess_us;
    check(run.cold.longest() <= longest, row, "no cold step 10 ms longer than without");
    check(run.warm.longest() <= longest, row, "no warm step 10 ms longer than without");
    check(run.warm_rate() >= least_throughput * without.warm_rate(), row,
          "0.9 of the warm ones' throughput");
  }
};

struct Row {
  const char* name;
  leat::Options options;
  bool evicts = false;
  bool stranger = false;  // the warm ones, too: what a user may have of pipes differs
};

void evict(FdRef file) { ::posix_fadvise(file.number(), 0, 0, POSIX_FADV_DONTNEED); }

// Without `file` the warm ones alone. On a thread of its own: credentials belong to threads.
Run run_row(const Row& row, FdRef warm_file, const OwnedFd* file, double seconds) {
  Run run;
  std::thread([&] {
    Receivers receivers;
    Loop loop(receivers, warm_file);
    // Of this thread: what else runs on the machine is not to be measured.
    must(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), -20), "setpriority");
    if (row.stranger) {
      must(::syscall(SYS_setresgid, 65533, 65533, 65533), "setresgid");
      must(::syscall(SYS_setresuid, 65533, 65533, 65533), "setresuid");
    }
    auto context = leat::Context::create();
    if (!context) std::exit(2);
    Cold cold;
    std::uint64_t evicted_at = 0;
    if (file) {
      cold.start = [&](leat::Context& home, FdRef socket) {
        evict(*file);
        evicted_at = 0;
        return leat::Transfer::start(home, leat::Source::file(file->ref()),
                                     leat::Sink::socket(socket), row.options);
      };
      cold.on_taken = [&](std::uint64_t taken) {
        if (!row.evicts || taken - evicted_at < evict_every) return;
        evict(*file);
        evicted_at = taken;
      };
    }
    run = loop.run(*context, seconds, cold);
  }).join();
  return run;
}

void measure(Bench& bench, const OwnedFd& file, double seconds) {
  using leat::Disk;
  const Row rows[] = {
      {.name = "never_wait", .options = {.disk = Disk::never_wait}},
      {.name = "never_wait, sendfile",
       .options = {.mechanism = *leat::Mechanism::named("sendfile"), .disk = Disk::never_wait}},
      {.name = "never_wait, pages evicted", .options = {.disk = Disk::never_wait}, .evicts = true},
      {.name = "never_wait, another's file",
       .options = {.disk = Disk::never_wait},
       .stranger = true},
      {.name = "may_wait, sendfile", .options = {.mechanism = *leat::Mechanism::named("sendfile")}},
  };
  for (const Row& row : rows) {
    bench.without = run_row(row, bench.warm_file, nullptr, seconds);
    bench.longest_without_us = std::max(bench.longest_without_us, bench.without.warm.longest());
    bench.print("without the cold file", bench.without);
    Run run = run_row(row, bench.warm_file, &file, seconds);
    bench.print(row.name, run);
    if (row.options.disk == Disk::never_wait) bench.check(row.name, run);
  }
}

OwnedFd make_warm_file() {
  OwnedFd file(must(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666), "open"));
  const std::vector<char> bytes(warm_bytes, 'w');
  must(::fchmod(file.number(), 0666), "fchmod");  // so that a stranger may see what is in memory
  must(::write(file.number(), bytes.data(), bytes.size()), "write");
  must(::fsync(file.number()), "fsync");
  return file;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string which = argc > 1 ? argv[1] : "both";
  if (which != "both" && which != "fuse" && which != "ext4") {
    std::fprintf(stderr, "usage: cold_steps [both|fuse|ext4] [MIB]\n");
    return 2;
  }
  const std::uint64_t bytes = (argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 256) << 20;
  if (const auto why = leat::testing::FuseDisk::unavailable(); !why.empty()) {
    std::fprintf(stderr, "cold_steps: %s\n", why.c_str());
    return 2;
  }
  const OwnedFd warm_file = make_warm_file();
  std::printf("%-32s |%36s |%36s | warm\n", "times in us", "steps of the cold transfer",
              "steps of the warm ones");
  const char* const columns = " |   steps  p99.9     max p99.9wl slept";
  std::printf("%-32s%s%s | MiB/s    sec  waits\n", "disk  cold transfer", columns, columns);
  bool good = true;
  if (which != "ext4") {
    const leat::testing::FuseDisk disk({.size = bytes, .delay = fuse_delay});
    Bench bench{.disk = "fuse", .bytes = bytes, .warm_file = warm_file};
    measure(bench, disk.open(), seconds_without);
    good = good && bench.good;
  }
  if (which != "fuse") {
    const ThrottledDisk disk(bytes);
    Bench bench{.disk = "ext4", .bytes = bytes, .warm_file = warm_file};
    measure(bench, disk.open(), seconds_without);
    good = good && bench.good;
  }
  std::printf(good ? "every bound holds\n" : "a bound was missed\n");
  return good ? 0 : 1;
}
