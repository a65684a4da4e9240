// What receiving without a copy would give here: how much of a TCP stream TCP_ZEROCOPY_RECEIVE can
// map, by who sent it and over what, and what that costs beside recv(2) and splice(2); and what
// every interface answers to a registration for io_uring's zero-copy receive (zcrx).
// docs/decisions/0010 rests on it. Needs root: it makes network namespaces of its own.
//
//   zerocopy_receive [MIB [ROUNDS]]     medians of the rounds (default 1024 MiB, 5 rounds)
//
// A page can be mapped if it fills one fragment of a packet by itself: no part of a larger one
// (as send(2) fills them), none of a file's (as sendfile(2) lends them). `pages` sends pages that
// a pipe has, the best case: what a network card with header/data split would make of any stream.
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <leat/fd.h>

namespace {

using leat::OwnedFd;

constexpr std::uint64_t page_bytes = 4096;
constexpr std::uint64_t block_bytes = 256 << 10;
constexpr std::uint64_t window_bytes = 2 << 20;  // mapped at a time
constexpr int header_bytes = 52;                 // IPv4, TCP and its timestamps

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

template <class Number>
Number must(Number result, const char* what) {
  if (result < 0) fail(what);
  return result;
}

// ---- senders

enum class Sender : std::uint8_t { send, sendfile, pages };
constexpr std::array senders = {Sender::send, Sender::sendfile, Sender::pages};

const char* name_of(Sender sender) {
  switch (sender) {
    case Sender::send: return "send";
    case Sender::sendfile: return "sendfile";
    case Sender::pages: return "pages";
  }
  return "";
}

void send_blocks(int socket, std::uint64_t left) {
  const std::vector<char> block(block_bytes, 'x');
  while (left > 0) {
    left -= static_cast<std::uint64_t>(
        must(::send(socket, block.data(), std::min(left, block_bytes), MSG_NOSIGNAL), "send"));
  }
}

void send_file(int socket, std::uint64_t size) {
  const OwnedFd file(must(::memfd_create("source", 0), "memfd_create"));
  const std::vector<char> block(1 << 20, 'x');
  for (std::uint64_t at = 0; at < size; at += block.size())
    must(::write(file.number(), block.data(), block.size()), "write");
  off_t at = 0;
  while (static_cast<std::uint64_t>(at) < size) {
    const auto left = size - static_cast<std::uint64_t>(at);
    must(::sendfile(socket, file.number(), &at, std::min<std::uint64_t>(left, window_bytes)),
         "sendfile");
  }
}

void send_pages(int socket, std::uint64_t left) {
  std::array<int, 2> ends{};
  must(::pipe(ends.data()), "pipe");
  const auto capacity =
      static_cast<std::uint64_t>(must(::fcntl(ends[1], F_SETPIPE_SZ, 1 << 20), "F_SETPIPE_SZ"));
  const std::vector<char> block(capacity, 'x');
  while (left > 0) {
    auto inside = static_cast<std::uint64_t>(
        must(::write(ends[1], block.data(), std::min(left, capacity)), "write"));
    left -= inside;
    while (inside > 0) {
      inside -= static_cast<std::uint64_t>(
          must(::splice(ends[0], nullptr, socket, nullptr, inside, SPLICE_F_MORE), "splice"));
    }
  }
}

void send_all(Sender sender, int socket, std::uint64_t size) {
  switch (sender) {
    case Sender::send: return send_blocks(socket, size);
    case Sender::sendfile: return send_file(socket, size);
    case Sender::pages: return send_pages(socket, size);
  }
}

// ---- receivers

enum class Receiver : std::uint8_t { recv, map, recv_write, map_write, splice };
constexpr std::array receivers = {Receiver::recv, Receiver::map, Receiver::recv_write,
                                  Receiver::map_write, Receiver::splice};

const char* name_of(Receiver receiver) {
  switch (receiver) {
    case Receiver::recv: return "recv";
    case Receiver::map: return "map";
    case Receiver::recv_write: return "recv, write";
    case Receiver::map_write: return "map, write";
    case Receiver::splice: return "splice";
  }
  return "";
}

struct Received {
  std::uint64_t mapped = 0;
  std::uint64_t other = 0;  // copied out by recv, or spliced
  std::uint64_t calls = 0;  // that took bytes from the socket
};

void write_all(int file, const char* from, std::uint64_t count) {
  while (count > 0) {
    const auto went = static_cast<std::uint64_t>(must(::write(file, from, count), "write"));
    from += went;
    count -= went;
  }
}

Received receive_blocks(int socket, int file) {
  Received received;
  std::vector<char> block(block_bytes);
  for (;;) {
    const auto got =
        static_cast<std::uint64_t>(must(::recv(socket, block.data(), block.size(), 0), "recv"));
    if (got == 0) return received;
    received.other += got;
    ++received.calls;
    if (file >= 0) write_all(file, block.data(), got);
  }
}

Received receive_mapped(int socket, int file) {
  Received received;
  std::vector<char> block(block_bytes);
  void* const window = ::mmap(nullptr, window_bytes, PROT_READ, MAP_SHARED, socket, 0);
  if (window == MAP_FAILED) fail("mmap of a socket");
  for (;;) {
    tcp_zerocopy_receive ask{};
    ask.address = reinterpret_cast<std::uintptr_t>(window);
    ask.length = window_bytes;
    socklen_t length = sizeof ask;
    if (::getsockopt(socket, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &ask, &length) < 0) {
      if (errno != EIO) fail("TCP_ZEROCOPY_RECEIVE");
      ::munmap(window, window_bytes);  // EIO is the end of the stream
      return received;
    }
    ++received.calls;
    received.mapped += ask.length;
    if (file >= 0) write_all(file, static_cast<const char*>(window), ask.length);
    if (ask.length > 0 && ask.recv_skip_hint == 0) continue;
    if (ask.recv_skip_hint == 0) {
      pollfd entry{.fd = socket, .events = POLLIN, .revents = 0};
      must(::poll(&entry, 1, -1), "poll");
      continue;
    }
    // What cannot be mapped has to be copied before the rest is to be had.
    const auto most = std::min<std::uint64_t>(ask.recv_skip_hint, block_bytes);
    const auto got =
        static_cast<std::uint64_t>(must(::recv(socket, block.data(), most, 0), "recv"));
    ++received.calls;
    received.other += got;
    if (file >= 0) write_all(file, block.data(), got);
  }
}

Received receive_spliced(int socket, int file) {
  Received received;
  std::array<int, 2> ends{};
  must(::pipe(ends.data()), "pipe");
  const OwnedFd out(ends[0]);
  const OwnedFd in(ends[1]);
  must(::fcntl(in.number(), F_SETPIPE_SZ, 1 << 20), "F_SETPIPE_SZ");
  for (;;) {
    auto inside = static_cast<std::uint64_t>(
        must(::splice(socket, nullptr, in.number(), nullptr, 1 << 20, 0), "splice"));
    if (inside == 0) return received;
    ++received.calls;
    received.other += inside;
    while (inside > 0) {
      inside -= static_cast<std::uint64_t>(
          must(::splice(out.number(), nullptr, file, nullptr, inside, 0), "splice"));
    }
  }
}

Received receive(Receiver receiver, int socket, int file) {
  switch (receiver) {
    case Receiver::recv: return receive_blocks(socket, -1);
    case Receiver::map: return receive_mapped(socket, -1);
    case Receiver::recv_write: return receive_blocks(socket, file);
    case Receiver::map_write: return receive_mapped(socket, file);
    case Receiver::splice: return receive_spliced(socket, file);
  }
  return {};
}

// ---- paths, each in network namespaces that end with the program

struct Path {
  std::string name;
  in_addr_t address;      // of the receiver
  int senders_namespace;  // -1: the receiver's own
};

void set_mtu(const char* interface, int mtu) {
  const OwnedFd any(must(::socket(AF_INET, SOCK_DGRAM, 0), "socket"));
  ifreq request{};
  std::strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
  request.ifr_mtu = mtu;
  must(::ioctl(any.number(), SIOCSIFMTU, &request), "SIOCSIFMTU");
  must(::ioctl(any.number(), SIOCGIFFLAGS, &request), "SIOCGIFFLAGS");
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  must(::ioctl(any.number(), SIOCSIFFLAGS, &request), "SIOCSIFFLAGS");
}

int own_namespace() {
  return must(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), "open");
}

void run(const std::string& command) {
  if (std::system(command.c_str()) != 0) {  // NOLINT(cert-env33-c): iproute2, and no shell's input
    std::fprintf(stderr, "failed: %s\n", command.c_str());
    std::exit(1);
  }
}

void run_in(int net_namespace, const std::string& command) {
  const OwnedFd here(own_namespace());
  must(::setns(net_namespace, CLONE_NEWNET), "setns");
  run(command);
  must(::setns(here.number(), CLONE_NEWNET), "setns");
}

// A veth pair with room for one page of payload in a packet, to a second namespace.
Path make_veth() {
  const OwnedFd here(own_namespace());
  must(::unshare(CLONE_NEWNET), "unshare");
  const int there = own_namespace();
  must(::setns(here.number(), CLONE_NEWNET), "setns");
  const std::string mtu = std::to_string(page_bytes + header_bytes);
  const std::string peer = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(there);
  run("ip link add here mtu " + mtu + " type veth peer name there mtu " + mtu + " netns " + peer);
  run("ip addr add 10.9.8.1/30 dev here && ip link set here up");
  run_in(there, "ip addr add 10.9.8.2/30 dev there && ip link set there up");
  return {"veth, 1 page a packet", htonl(0x0a090801), there};
}

// ---- measuring

struct Row {
  double wall_s = 0;
  double cpu_s = 0;  // of the receiver
  double sender_cpu_s = 0;
  Received received;
};

double cpu_s(int who) {
  rusage usage{};
  ::getrusage(who, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

[[noreturn]] void be_sender(const Path& path, Sender sender, in_port_t port, std::uint64_t size) {
  if (path.senders_namespace >= 0) must(::setns(path.senders_namespace, CLONE_NEWNET), "setns");
  const int socket = must(::socket(AF_INET, SOCK_STREAM, 0), "socket");
  ::setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);  // which does not pace
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = port;
  address.sin_addr.s_addr = path.address;
  must(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), "connect");
  send_all(sender, socket, size);
  std::exit(0);
}

Row measure(const Path& path, Sender sender, Receiver receiver, std::uint64_t size) {
  const OwnedFd listener(must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = path.address;
  socklen_t length = sizeof address;
  auto* const name = reinterpret_cast<sockaddr*>(&address);
  must(::bind(listener.number(), name, length), "bind");
  must(::listen(listener.number(), 1), "listen");
  must(::getsockname(listener.number(), name, &length), "getsockname");
  std::fflush(stdout);  // else the child would print it again
  const pid_t child = must(::fork(), "fork");
  if (child == 0) be_sender(path, sender, address.sin_port, size);

  const OwnedFd socket(must(::accept(listener.number(), nullptr, nullptr), "accept"));
  const OwnedFd file(must(::memfd_create("sink", 0), "memfd_create"));
  Row row;
  const double children = cpu_s(RUSAGE_CHILDREN);
  const double before = cpu_s(RUSAGE_SELF);
  const auto began = std::chrono::steady_clock::now();
  row.received = receive(receiver, socket.number(), file.number());
  row.cpu_s = cpu_s(RUSAGE_SELF) - before;
  row.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  int status = 0;
  must(::waitpid(child, &status, 0), "waitpid");
  row.sender_cpu_s = cpu_s(RUSAGE_CHILDREN) - children;
  if (status != 0 || row.received.mapped + row.received.other != size) {
    std::fprintf(stderr, "not everything came\n");
    std::exit(1);
  }
  return row;
}

double median(std::vector<Row>& rows, double Row::* what) {
  std::ranges::sort(rows, {}, what);
  return rows[rows.size() / 2].*what;
}

// The receivers take turns, so that a noisy moment meets all of them.
void compare(const Path& path, Sender sender, std::uint64_t size, int rounds) {
  std::array<std::vector<Row>, receivers.size()> rows;
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < receivers.size(); ++i)
      rows[i].push_back(measure(path, sender, receivers[i], size));
  }
  for (std::size_t i = 0; i < receivers.size(); ++i) {
    const Received last = rows[i].back().received;
    const double gib = static_cast<double>(size) / (1 << 30);
    std::printf("%-22s %-9s %-12s %6.1f %9llu %8.3f %8.3f %8.3f\n", path.name.c_str(),
                name_of(sender), name_of(receivers[i]),
                100.0 * static_cast<double>(last.mapped) / static_cast<double>(size),
                static_cast<unsigned long long>(last.calls), median(rows[i], &Row::wall_s) / gib,
                median(rows[i], &Row::cpu_s) / gib, median(rows[i], &Row::sender_cpu_s) / gib);
    std::fflush(stdout);
  }
}

// ---- io_uring's zero-copy receive, as <linux/io_uring.h> of Linux 6.15 has it (older headers do
// not)

constexpr unsigned register_zcrx_ifq = 32;
constexpr std::uint32_t memory_is_the_callers = 1;

struct ZcrxArea {
  std::uint64_t address, length, token;
  std::uint32_t flags, dmabuf;
  std::uint64_t reserved[2];
};
struct RingRegion {
  std::uint64_t address, size;
  std::uint32_t flags, id;
  std::uint64_t mmap_offset, reserved[4];
};
struct ZcrxQueue {
  std::uint32_t interface, queue, entries, flags;
  std::uint64_t area, region;
  std::uint32_t head, tail, rqes, reserved1;
  std::uint64_t reserved2[2];
  std::uint32_t id, reserved3;
  std::uint64_t reserved4[3];
};
static_assert(sizeof(ZcrxArea) == 48 && sizeof(RingRegion) == 64 && sizeof(ZcrxQueue) == 96);

void* memory(std::size_t bytes) {
  void* const place =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (place == MAP_FAILED) fail("mmap");
  return place;
}

// 0, or the errno of the kernel's answer. What was registered ends with the ring.
int try_zcrx(unsigned interface) {
  io_uring_params parameters{};
  parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQE32;
  const OwnedFd ring(static_cast<int>(::syscall(SYS_io_uring_setup, 8, &parameters)));
  if (!ring.valid()) return errno;
  constexpr std::size_t area_bytes = 1 << 20;
  constexpr std::size_t region_bytes = 64 << 10;
  ZcrxArea area{};
  area.address = reinterpret_cast<std::uintptr_t>(memory(area_bytes));
  area.length = area_bytes;
  RingRegion region{};
  region.address = reinterpret_cast<std::uintptr_t>(memory(region_bytes));
  region.size = region_bytes;
  region.flags = memory_is_the_callers;
  ZcrxQueue queue{};
  queue.interface = interface;
  queue.entries = 256;
  queue.area = reinterpret_cast<std::uintptr_t>(&area);
  queue.region = reinterpret_cast<std::uintptr_t>(&region);
  const long result = ::syscall(SYS_io_uring_register, ring.number(), register_zcrx_ifq, &queue, 1);
  return result < 0 ? errno : 0;
}

void ask_every_interface() {
  struct if_nameindex* const list = ::if_nameindex();
  for (const struct if_nameindex* one = list; one && one->if_index != 0; ++one) {
    const int answer = try_zcrx(one->if_index);
    std::printf("zcrx on %-8s %s\n", one->if_name,
                answer ? ::strerrorname_np(answer) : "registers");
  }
  ::if_freenameindex(list);
  // So that it is the interface that refuses, and not the call.
  std::printf("zcrx on no interface: %s\n", ::strerrorname_np(try_zcrx(1u << 30)));
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** words) {
  const std::uint64_t size = (count > 1 ? std::strtoull(words[1], nullptr, 10) : 1024) << 20;
  const int rounds = count > 2 ? std::atoi(words[2]) : 5;
  if (size == 0 || rounds < 1) {
    std::fprintf(stderr, "usage: zerocopy_receive [MIB [ROUNDS]]\n");
    return 2;
  }
  utsname host{};
  ::uname(&host);
  std::printf("Linux %s\n", host.release);
  ask_every_interface();
  must(::unshare(CLONE_NEWNET), "unshare: needs root");

  std::printf("%-22s %-9s %-12s %6s %9s %8s %8s %8s\n", "path", "sender", "receiver", "mapped",
              "calls", "wall", "cpu", "sender");
  std::printf("%-22s %-9s %-12s %6s %9s %8s %8s %8s\n", "", "", "", "%", "", "s/GiB", "s/GiB",
              "cpu");
  set_mtu("lo", 65536);
  const Path loopback{"loopback, MTU 65536", htonl(INADDR_LOOPBACK), -1};
  for (const Sender sender : senders) compare(loopback, sender, size, rounds);
  set_mtu("lo", 15 * page_bytes + header_bytes);
  const Path aligned{"loopback, 15 pages", htonl(INADDR_LOOPBACK), -1};
  for (const Sender sender : senders) compare(aligned, sender, size, rounds);
  const Path veth = make_veth();
  ask_every_interface();
  for (const Sender sender : senders) compare(veth, sender, size, rounds);
  return 0;
}
