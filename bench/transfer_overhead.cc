// What leat costs on top of the system call in small transfers over a kept Connection: 1 KiB of
// memory and 16 KiB of a file, against send(2) and sendfile(2) by hand.
//
//   transfer_overhead [--socket tcp|unix]                nanoseconds, paired, printed
//   transfer_overhead --case NAME --count N              N transfers of one case, for strace and
//   callgrind
//
// A plain program and not google-benchmark: instructions and system calls per transfer have to come
// out of (count of 2N − count of N) / N without anything in between.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <leat/connection.h>
#include <leat/context.h>
#include <leat/endpoint.h>
#include <leat/transfer.h>

namespace {

std::uint64_t allocations = 0;

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  void* memory = std::malloc(size ? size : 1);
  if (!memory) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

constexpr std::size_t memory_bytes = 1024;
constexpr std::size_t file_bytes = 16 << 10;
// As much as goes to the socket before the receiver takes it: less than the sender's buffer holds,
// so that no call ever finds it full and each case makes the same calls in every run.
constexpr std::size_t batch_bytes = 64 << 10;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

void require(bool condition, const char* what) {
  if (!condition) fail(what);
}

struct Pair {
  int sender = -1;
  int receiver = -1;
};

Pair unix_pair() {
  int ends[2];
  require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
  return {ends[0], ends[1]};
}

Pair tcp_pair() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  require(listener >= 0 && ::bind(listener, generic, length) == 0, "bind");
  require(::listen(listener, 1) == 0, "listen");
  require(::getsockname(listener, generic, &length) == 0, "getsockname");
  Pair pair;
  pair.sender = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  require(::connect(pair.sender, generic, length) == 0, "connect");
  pair.receiver = ::accept(listener, nullptr, nullptr);
  require(pair.receiver >= 0, "accept");
  ::close(listener);
  // Else Nagle's algorithm and delayed acknowledgements now and then stretch a batch to seconds.
  const int on = 1;
  require(::setsockopt(pair.sender, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "setsockopt");
  return pair;
}

/// The child that reads each batch once it is told to, and says when it has it. It sleeps until
/// then: a receiver that wakes in between costs the sender more than leat does.
class Receiver {
 public:
  explicit Receiver(const Pair& sockets) {
    int orders[2];
    int answers[2];
    require(::pipe2(orders, O_CLOEXEC) == 0 && ::pipe2(answers, O_CLOEXEC) == 0, "pipe2");
    child_ = ::fork();
    require(child_ >= 0, "fork");
    if (child_ == 0) {
      ::close(sockets.sender);
      ::close(orders[1]);
      receive(sockets.receiver, orders[0], answers[1]);
    }
    ::close(sockets.receiver);
    ::close(orders[0]);
    ::close(answers[1]);
    orders_ = orders[1];
    answers_ = answers[0];
  }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  ~Receiver() {
    ::close(orders_);
    ::close(answers_);
    ::waitpid(child_, nullptr, 0);
  }

  void take_batch() const {
    char byte = 0;
    require(::write(orders_, &byte, 1) == 1, "receiver");
    require(::read(answers_, &byte, 1) == 1, "receiver");
  }

 private:
  [[noreturn]] static void receive(int socket, int orders, int answers) {
    std::vector<char> buffer(batch_bytes);
    char byte;
    while (::read(orders, &byte, 1) == 1) {
      const ssize_t count = ::recv(socket, buffer.data(), batch_bytes, MSG_WAITALL);
      if (count != static_cast<ssize_t>(batch_bytes)) ::_exit(1);
      if (::write(answers, &byte, 1) != 1) ::_exit(1);
    }
    ::_exit(0);
  }

  pid_t child_ = -1;
  int orders_ = -1;
  int answers_ = -1;
};

int make_file() {
  std::FILE* file = std::tmpfile();
  require(file != nullptr, "tmpfile");
  const std::vector<char> bytes(file_bytes, 'f');
  const int number = ::fcntl(::fileno(file), F_DUPFD_CLOEXEC, 3);
  require(::write(number, bytes.data(), bytes.size()) == static_cast<ssize_t>(file_bytes), "write");
  std::fclose(file);
  return number;
}

/// What all cases share: both ways of sending use one and the same socket.
struct Bench {
  leat::Context context;
  leat::Connection connection;
  int socket;
  int file;
  std::vector<std::byte> memory = std::vector<std::byte>(memory_bytes, std::byte{'m'});

  leat::Source file_source() const {
    return leat::Source::file(leat::FdRef(file), {0, file_bytes});
  }
  leat::Source memory_source() const { return {std::span<const std::byte>(memory)}; }
};

void memory_by_hand(Bench& bench) {
  const ssize_t count =
      ::send(bench.socket, bench.memory.data(), memory_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
  require(count == static_cast<ssize_t>(memory_bytes), "send");
}

void file_by_hand(Bench& bench) {
  off_t offset = 0;
  const ssize_t count = ::sendfile(bench.socket, bench.file, &offset, file_bytes);
  require(count == static_cast<ssize_t>(file_bytes), "sendfile");
}

void check(const leat::Receipt& receipt, std::size_t bytes) {
  if (receipt.ok() && receipt.delivered == bytes) return;
  std::fprintf(stderr, "transfer: %s\n",
               receipt.error ? receipt.error->message().c_str() : "wrong number of bytes");
  std::exit(1);
}

void by_steps(leat::Transfer transfer, std::size_t bytes) {
  leat::Step step;
  do {
    step = transfer.step();
  } while (step.state == leat::State::progress);
  check(transfer.receipt(), bytes);
}

void memory_by_transfer(Bench& bench) {
  check(leat::transfer(bench.context, bench.memory_source(), bench.connection), memory_bytes);
}
void file_by_transfer(Bench& bench) {
  check(leat::transfer(bench.context, bench.file_source(), bench.connection), file_bytes);
}
void memory_by_steps(Bench& bench) {
  by_steps(leat::Transfer::start(bench.context, bench.memory_source(), bench.connection),
           memory_bytes);
}
void file_by_steps(Bench& bench) {
  by_steps(leat::Transfer::start(bench.context, bench.file_source(), bench.connection), file_bytes);
}

struct Case {
  std::string_view name;
  void (*run)(Bench&);
  std::size_t bytes;

  std::size_t batch() const { return batch_bytes / bytes; }
};

constexpr std::array<Case, 6> cases{{{"memory_hand", memory_by_hand, memory_bytes},
                                     {"memory_transfer", memory_by_transfer, memory_bytes},
                                     {"memory_steps", memory_by_steps, memory_bytes},
                                     {"file_hand", file_by_hand, file_bytes},
                                     {"file_transfer", file_by_transfer, file_bytes},
                                     {"file_steps", file_by_steps, file_bytes}}};

/// Returns nanoseconds for each transfer but the first, which finds the caches as the receiver left
/// them.
double run_batch(Bench& bench, const Receiver& receiver, const Case& one) {
  one.run(bench);
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 1; i < one.batch(); ++i) one.run(bench);
  const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
  receiver.take_batch();
  return spent.count() / static_cast<double>(one.batch() - 1);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Prints what `one` takes and how much more that is than by hand, as medians over the rounds.
void print_row(const Case& one, const std::vector<double>& spent, const std::vector<double>& hand,
               double limit_ns) {
  std::vector<double> more;
  for (std::size_t i = 0; i < spent.size(); ++i) more.push_back(spent[i] - hand[i]);
  std::printf("%-16s %8.0f ns", std::string(one.name).c_str(), median(spent));
  if (limit_ns > 0) {
    const double extra = median(more);
    std::printf("  %+7.0f ns  limit %.0f ns %s", extra, limit_ns,
                extra <= limit_ns ? "met" : "NOT MET");
  }
  std::printf("\n");
}

void compare(Bench& bench, const Receiver& receiver, std::span<const Case, 3> group) {
  constexpr int rounds = 2000;
  std::array<std::vector<double>, 3> spent;
  for (int round = -10; round < rounds; ++round) {
    for (std::size_t turn = 0; turn < group.size(); ++turn) {
      const std::size_t i = (turn + static_cast<std::size_t>(round + 10)) % group.size();
      const double ns = run_batch(bench, receiver, group[i]);
      if (round >= 0) spent[i].push_back(ns);
    }
  }
  print_row(group[0], spent[0], spent[0], 0);
  print_row(group[1], spent[1], spent[0], 100);
  print_row(group[2], spent[2], spent[0], 200);
}

/// Whole batches only, so that the answers waited for are the same in every case.
int run_count(Bench& bench, const Receiver& receiver, std::string_view name, std::size_t count) {
  const auto found =
      std::find_if(cases.begin(), cases.end(), [&](const Case& one) { return one.name == name; });
  if (found == cases.end() || count % found->batch() != 0) {
    std::fprintf(stderr, "no such case, or the count is no multiple of %zu\n",
                 found == cases.end() ? 0 : found->batch());
    return 2;
  }
  // The first ones plan, probe and fill the pools.
  run_batch(bench, receiver, *found);
  const std::uint64_t before = allocations;
  for (std::size_t done = 0; done < count; done += found->batch()) {
    run_batch(bench, receiver, *found);
  }
  std::printf("{\"case\":\"%s\",\"count\":%zu,\"allocations\":%llu}\n", std::string(name).c_str(),
              count, static_cast<unsigned long long>(allocations - before));
  return 0;
}

struct Arguments {
  std::string_view socket = "tcp";
  std::string_view name;
  std::size_t count = 0;
  bool guarded = false;
};

Arguments read_arguments(std::span<char*> given) {
  Arguments arguments;
  for (std::size_t i = 1; i < given.size(); ++i) {
    const std::string_view option = given[i];
    const bool more = i + 1 < given.size();
    if (option == "--guarded") {
      arguments.guarded = true;
    } else if (option == "--socket" && more) {
      arguments.socket = given[++i];
    } else if (option == "--case" && more) {
      arguments.name = given[++i];
    } else if (option == "--count" && more) {
      arguments.count = std::strtoull(given[++i], nullptr, 10);
    } else {
      std::fprintf(stderr,
                   "usage: transfer_overhead [--socket tcp|unix] [--guarded] [--case NAME --count "
                   "N]\n");
      std::exit(2);
    }
  }
  return arguments;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = read_arguments({argv, static_cast<std::size_t>(argc)});
  leat::ContextOptions options;
  if (!arguments.guarded) {
    // As servers have it.
    std::signal(SIGPIPE, SIG_IGN);
    options.sigpipe = leat::Sigpipe::ignored_by_caller;
  }
  const Pair sockets = arguments.socket == "unix" ? unix_pair() : tcp_pair();
  const Receiver receiver(sockets);
  auto context = leat::Context::create(options);
  require(context.has_value(), "context");
  auto connection = leat::Connection::adopt(*context, leat::OwnedFd(sockets.sender));
  require(connection.has_value(), "connection");
  Bench bench{std::move(*context), std::move(*connection), sockets.sender, make_file()};
  if (!arguments.name.empty()) {
    return run_count(bench, receiver, arguments.name, arguments.count);
  }
  const std::span<const Case, 6> all(cases);
  compare(bench, receiver, all.subspan<0, 3>());
  compare(bench, receiver, all.subspan<3, 3>());
  return 0;
}
