#include "support/fuse_disk.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mutex>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "support/mounts.h"
#include "support/pattern.h"

namespace leat::testing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t file_node = 2;
constexpr std::uint64_t valid_s = 3600;  // nobody asks again for names and attributes
constexpr std::size_t request_bytes = 256 << 10;
constexpr std::uint16_t most_at_once = 256;

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::abort();
}

// What follows the header of a request.
template <class T>
T argument_of(std::span<const std::byte> request) {
  T value{};
  const auto rest = request.subspan(sizeof(fuse_in_header));
  std::memcpy(&value, rest.data(), std::min(sizeof value, rest.size()));
  return value;
}

}  // namespace

struct FuseDisk::Server {
  explicit Server(const FuseOptions& wishes) : options(wishes), holds(wishes.holds) {}

  struct Request {
    std::uint64_t unique;
    std::uint64_t offset = 0;
    std::uint32_t size = 0;
    Clock::time_point due;
    bool is_open = false;
  };

  FuseOptions options;
  OwnedFd device;
  OwnedFd wake;
  OwnedFd timer;
  mutable std::mutex mutex;
  std::condition_variable more_held;
  std::deque<Request> waiting;  // in the order of `due`
  bool holds;
  bool holds_opens = false;
  bool ending = false;
  std::uint64_t reads = 0;
  std::uint64_t bytes_read = 0;
  std::thread thread;

  void run();
  void take_request(std::span<std::byte> room);
  void handle(const fuse_in_header& header, std::span<const std::byte> request);
  void look_up(const fuse_in_header& header, std::span<const std::byte> request);
  void initialise(const fuse_in_header& header, std::span<const std::byte> request);
  void queue(const fuse_in_header& header, std::span<const std::byte> request);
  void open(const fuse_in_header& header);
  void answer_open(std::uint64_t unique) const;
  void interrupt(std::uint64_t unique);
  void answer_due();
  void answer(const Request& read);
  fuse_attr attributes(std::uint64_t node) const;
  void reply(std::uint64_t unique, int error_number, std::span<const std::byte> body = {}) const;
  template <class T>
  void reply_with(std::uint64_t unique, const T& body) const {
    reply(unique, 0, std::as_bytes(std::span(&body, 1)));
  }
};

// A request that was aborted meanwhile is ENOENT.
void FuseDisk::Server::reply(std::uint64_t unique, int error_number,
                             std::span<const std::byte> body) const {
  fuse_out_header header{.len = static_cast<std::uint32_t>(sizeof(fuse_out_header) + body.size()),
                         .error = -error_number,
                         .unique = unique};
  const iovec pieces[] = {{&header, sizeof header},
                          {const_cast<std::byte*>(body.data()), body.size()}};
  [[maybe_unused]] const auto ignored = ::writev(device.number(), pieces, 2);
}

fuse_attr FuseDisk::Server::attributes(std::uint64_t node) const {
  fuse_attr attributes{};
  attributes.ino = node;
  attributes.mode = node == file_node ? S_IFREG | 0644u : S_IFDIR | 0755u;
  attributes.size = node == file_node ? options.size : 0;
  attributes.blocks = (attributes.size + 511) / 512;
  attributes.nlink = 1;
  attributes.blksize = 4096;
  return attributes;
}

void FuseDisk::Server::initialise(const fuse_in_header& header,
                                  std::span<const std::byte> request) {
  const auto asked = argument_of<fuse_init_in>(request);
  fuse_init_out out{};
  out.major = FUSE_KERNEL_VERSION;
  out.minor = std::min<std::uint32_t>(asked.minor, FUSE_KERNEL_MINOR_VERSION);
  out.max_readahead = asked.max_readahead;
  out.flags = asked.flags & (FUSE_ASYNC_READ | FUSE_MAX_PAGES);
  out.max_background = out.congestion_threshold = most_at_once;
  out.max_write = 128 << 10;
  out.time_gran = 1;
  out.max_pages = 256;
  reply_with(header.unique, out);
}

void FuseDisk::Server::look_up(const fuse_in_header& header, std::span<const std::byte> request) {
  const auto name = request.subspan(sizeof(fuse_in_header));
  if (std::string_view(reinterpret_cast<const char*>(name.data())) != "file")
    return reply(header.unique, ENOENT);
  fuse_entry_out entry{};
  entry.nodeid = file_node;
  entry.entry_valid = entry.attr_valid = valid_s;
  entry.attr = attributes(file_node);
  reply_with(header.unique, entry);
}

void FuseDisk::Server::queue(const fuse_in_header& header, std::span<const std::byte> request) {
  const auto asked = argument_of<fuse_read_in>(request);
  const std::lock_guard lock(mutex);
  waiting.push_back({.unique = header.unique,
                     .offset = asked.offset,
                     .size = asked.size,
                     .due = Clock::now() + options.delay});
  ++reads;
  bytes_read += asked.size;
  more_held.notify_all();
}

void FuseDisk::Server::open(const fuse_in_header& header) {
  const std::lock_guard lock(mutex);
  if (!holds || !holds_opens) return answer_open(header.unique);
  waiting.push_back({.unique = header.unique, .due = Clock::now(), .is_open = true});
  more_held.notify_all();
}

void FuseDisk::Server::answer_open(std::uint64_t unique) const {
  fuse_open_out out{};
  out.open_flags = FOPEN_KEEP_CACHE;
  reply_with(unique, out);
}

void FuseDisk::Server::interrupt(std::uint64_t unique) {
  const std::lock_guard lock(mutex);
  if (std::erase_if(waiting, [unique](const Request& read) { return read.unique == unique; }) > 0)
    reply(unique, EINTR);
}

void FuseDisk::Server::handle(const fuse_in_header& header, std::span<const std::byte> request) {
  switch (header.opcode) {
    case FUSE_INIT: return initialise(header, request);
    case FUSE_LOOKUP: return look_up(header, request);
    case FUSE_GETATTR: {
      fuse_attr_out out{};
      out.attr_valid = valid_s;
      out.attr = attributes(header.nodeid);
      return reply_with(header.unique, out);
    }
    case FUSE_OPEN: return open(header);
    case FUSE_READ: return queue(header, request);
    case FUSE_STATFS: return reply_with(header.unique, fuse_statfs_out{});
    case FUSE_INTERRUPT: return interrupt(argument_of<fuse_interrupt_in>(request).unique);
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET: return;
    case FUSE_RELEASE: return reply(header.unique, 0);
    default: return reply(header.unique, ENOSYS);
  }
}

void FuseDisk::Server::answer(const Request& read) {
  if (read.is_open) return answer_open(read.unique);
  const std::uint64_t begin = std::min(read.offset, options.size);
  const std::uint64_t end = std::min(read.offset + read.size, options.size);
  if (begin <= options.fails_at && options.fails_at < end) return reply(read.unique, EIO);
  std::vector<std::byte> bytes(end - begin);
  fill_pattern(options.seed, begin, bytes);
  reply(read.unique, 0, bytes);
}

// Sets the timer for the next one.
void FuseDisk::Server::answer_due() {
  const std::lock_guard lock(mutex);
  if (holds) return;
  const auto now = Clock::now();
  while (!waiting.empty() && waiting.front().due <= now) {
    answer(waiting.front());
    waiting.pop_front();
  }
  if (waiting.empty()) return;
  const auto left = std::chrono::nanoseconds(waiting.front().due - now).count();
  const itimerspec when{
      .it_interval = {},
      .it_value = {.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000}};
  ::timerfd_settime(timer.number(), 0, &when, nullptr);
}

void FuseDisk::Server::take_request(std::span<std::byte> room) {
  const ssize_t count = ::read(device.number(), room.data(), room.size());
  if (count < static_cast<ssize_t>(sizeof(fuse_in_header))) return;  // interrupted, or unmounted
  fuse_in_header header{};
  std::memcpy(&header, room.data(), sizeof header);
  handle(header, room.first(static_cast<std::size_t>(count)));
}

void FuseDisk::Server::run() {
  std::vector<std::byte> room(request_bytes);
  std::array<pollfd, 3> fds{pollfd{device.number(), POLLIN, 0}, pollfd{wake.number(), POLLIN, 0},
                            pollfd{timer.number(), POLLIN, 0}};
  for (;;) {
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) give_up("poll");
    std::uint64_t ignored = 0;
    if (fds[1].revents != 0 && ::read(wake.number(), &ignored, sizeof ignored) > 0) {
      const std::lock_guard lock(mutex);
      if (ending) return;
    }
    if (fds[2].revents != 0 && ::read(timer.number(), &ignored, sizeof ignored) < 0) continue;
    if ((fds[0].revents & POLLERR) != 0) fds[0].fd = -1;  // unmounted
    if ((fds[0].revents & POLLIN) != 0) take_request(room);
    answer_due();
  }
}

std::string FuseDisk::unavailable() {
  if (::geteuid() != 0) return "needs root, to mount a FUSE file system";
  if (::access("/dev/fuse", R_OK | W_OK) != 0) return "this host has no /dev/fuse";
  if (!root_is_a_mount()) return "the root of this chroot is no mount point";
  return {};
}

FuseDisk::FuseDisk(const FuseOptions& options) : server_(std::make_unique<Server>(options)) {
  leave_the_common_mounts();
  std::string name = "/tmp/leat-fuse-XXXXXX";
  if (!::mkdtemp(name.data())) give_up("mkdtemp");
  folder_ = name;
  server_->device = OwnedFd(::open("/dev/fuse", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  server_->wake = OwnedFd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  server_->timer = OwnedFd(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  const std::string wishes = "fd=" + std::to_string(server_->device.number()) +
                             ",rootmode=40000,user_id=0,group_id=0,allow_other,"
                             "default_permissions";
  if (::mount("leat", folder_.c_str(), "fuse", MS_NOSUID | MS_NODEV, wishes.c_str()) != 0)
    give_up("mount of fuse");
  server_->thread = std::thread([server = server_.get()] { server->run(); });
  // The kernel learns that closing needs no answer: else a program that is killed would wait for
  // its own.
  open().reset();
  const std::lock_guard lock(server_->mutex);
  server_->holds_opens = options.holds_opens;
}

FuseDisk::~FuseDisk() {
  release();
  ::umount2(folder_.c_str(), MNT_DETACH);
  {
    const std::lock_guard lock(server_->mutex);
    server_->ending = true;
  }
  ::eventfd_write(server_->wake.number(), 1);
  server_->thread.join();
  server_.reset();  // what still asks is told that the connection is gone
  ::rmdir(folder_.c_str());
}

OwnedFd FuseDisk::open() const {
  OwnedFd file(::open((folder_ + "/file").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) give_up("open on fuse");
  return file;
}

void FuseDisk::release() {
  const std::lock_guard lock(server_->mutex);
  server_->holds = false;
  ::eventfd_write(server_->wake.number(), 1);
}

void FuseDisk::wait_until_held(std::uint64_t count) {
  std::unique_lock lock(server_->mutex);
  server_->more_held.wait(lock, [&] { return server_->waiting.size() >= count; });
}

std::uint64_t FuseDisk::reads() const {
  const std::lock_guard lock(server_->mutex);
  return server_->reads;
}

std::uint64_t FuseDisk::bytes_read() const {
  const std::lock_guard lock(server_->mutex);
  return server_->bytes_read;
}

}  // namespace leat::testing
