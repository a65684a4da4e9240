// From which size on which mechanism is ahead: a stretch of a warm file to TCP on the loopback,
// over one kept Connection, every mechanism that fits in turn, size by size.
//
//   file_crossover [ROUNDS]       CPU and wall time in ns/KiB, medians of the rounds (default 15)
//
// The order of plan/rank.cc comes from here. The sender sets a congestion control that does not
// pace.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <leat/plan.h>
#include <leat/transfer.h>

#include "receiver.h"

namespace {

using leat::bench::connect_to_receiver;
using leat::bench::fail;
using leat::bench::Receiver;

constexpr std::uint64_t file_bytes = 64 << 20;
constexpr std::uint64_t most_transfers = 2000;  // a round of one size and mechanism

leat::OwnedFd make_file() {
  leat::OwnedFd file(::fileno(std::tmpfile()));
  const std::vector<char> block(1 << 20, 'x');
  for (std::uint64_t done = 0; done < file_bytes; done += block.size()) {
    if (::write(file.number(), block.data(), block.size()) < 0) fail("write");
  }
  return file;
}

struct Cost {
  double cpu_ns = 0;  // per KiB
  double wall_ns = 0;
};

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Cost run(leat::Context& context, leat::Connection& connection, leat::FdRef file, std::uint64_t size,
         leat::Mechanism mechanism) {
  leat::Options options;
  options.mechanism = mechanism;
  const std::uint64_t total = std::min(file_bytes, size * most_transfers);
  const double cpu_before = cpu_seconds();
  const auto before = std::chrono::steady_clock::now();
  for (std::uint64_t done = 0; done < total; done += size) {
    const leat::Receipt receipt =
        leat::transfer(context, leat::Source::file(file, {done % (file_bytes - size + 1), size}),
                       connection, options);
    if (!receipt.ok()) fail("transfer");
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - before;
  const double per_kib = 1e9 * 1024 / static_cast<double>(total);
  return {(cpu_seconds() - cpu_before) * per_kib, wall.count() * per_kib};
}

double median(std::vector<Cost>& costs, double Cost::* figure) {
  std::ranges::sort(costs, {}, figure);
  return costs[costs.size() / 2].*figure;
}

void compare(leat::Context& context, leat::Connection& connection, leat::FdRef file,
             std::uint64_t size, int rounds) {
  std::vector<leat::Mechanism> fitting;
  for (const leat::Candidate& candidate :
       leat::plan(leat::Source::file(file, {0, size}), connection).candidates) {
    if (candidate.fits) fitting.push_back(candidate.mechanism);
  }
  std::vector<std::vector<Cost>> costs(fitting.size());
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < fitting.size(); ++i)
      costs[i].push_back(run(context, connection, file, size, fitting[i]));
  }
  std::printf("%8llu KiB", static_cast<unsigned long long>(size >> 10));
  for (std::size_t i = 0; i < fitting.size(); ++i) {
    std::printf("  %s %.0f (%.0f)", fitting[i].name().data(), median(costs[i], &Cost::cpu_ns),
                median(costs[i], &Cost::wall_ns));
  }
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::max(std::atoi(argv[1]), 1) : 15;
  Receiver receiver = connect_to_receiver();
  auto context = leat::Context::create({.sigpipe = leat::Sigpipe::ignored_by_caller});
  if (!context) fail("context");
  auto connection = leat::Connection::adopt(*context, std::move(receiver.socket));
  if (!connection) fail("connection");
  const leat::OwnedFd file = make_file();
  std::printf("CPU (wall) in ns/KiB, best planned first\n");
  for (std::uint64_t size = 4096; size <= 16 << 20; size *= 4) {
    compare(*context, *connection, file, size, rounds);
    if (size == 64 << 10) compare(*context, *connection, file, 2 * size, rounds);
  }
  connection->close();
  ::waitpid(receiver.child, nullptr, 0);
}
