#include "memory/sharing.h"

#include <array>
#include <barrier>
#include <chrono>
#include <functional>
#include <span>
#include <thread>
#include <utility>

#include <fmt/core.h>

#include <leat/region.h>

#include "os/child_process.h"
#include "os/single_calls.h"
#include "sizes.h"

namespace leat::app::memory {
namespace {

/// Of one copy: what bookkeeping may add.
constexpr double most_copies = 1.05;
constexpr std::chrono::minutes patience{2};

Expected<void> check_sums(std::span<const std::uint64_t> sums, std::uint64_t expected) {
  for (const std::uint64_t sum : sums) {
    if (sum != expected) return std::unexpected("a consumer did not read what was written");
  }
  return {};
}

Expected<UseRow> share_among_threads(std::uint64_t size) {
  const auto meter = UseMeter::start();
  if (!meter) return std::unexpected(meter.error());
  auto buffer = written_pages(size);
  if (!buffer) return std::unexpected(buffer.error());
  const Slice whole = std::move(*buffer).freeze();
  std::array<std::uint64_t, consumers> sums{};
  std::barrier all_have_read(consumers + 1);
  std::barrier all_may_end(consumers + 1);
  std::vector<std::jthread> threads;
  threads.reserve(consumers);
  for (std::uint64_t& sum : sums) {
    threads.emplace_back([&, own = whole] {
      sum = sum_of_pages(own.bytes());
      all_have_read.arrive_and_wait();
      all_may_end.arrive_and_wait();
    });
  }
  all_have_read.arrive_and_wait();
  auto row = meter->read(sharing_rows::threads);
  all_may_end.arrive_and_wait();
  threads.clear();
  if (const auto alike = check_sums(sums, sum_of_pages(whole.bytes())); !alike) {
    return std::unexpected(alike.error());
  }
  return row;
}

/// What a consumer does to have the bytes; no bytes if it cannot.
using Take = std::function<Slice(FdRef socket)>;

/// In a process of its own: keeps what it read until it is told to end.
int consume(const os::ParentLink& link, FdRef socket, const Take& take) {
  if (!link.wait_for_go()) return 1;
  const Slice own = take(socket);
  const std::uint64_t sum = sum_of_pages(own.bytes());
  if (!link.send(std::as_bytes(std::span(&sum, 1)))) return 1;
  return link.wait_for_go() ? 0 : 1;
}

struct Consumer {
  OwnedFd socket;
  os::ChildProcess process;
};

Expected<std::vector<Consumer>> start_consumers(const Take& take) {
  std::vector<Consumer> all;
  for (unsigned count = 0; count < consumers; ++count) {
    auto pair = os::unix_socket_pair();
    if (!pair) return std::unexpected(pair.error().message());
    auto process = os::ChildProcess::start(
        [&](const os::ParentLink& link) { return consume(link, pair->other, take); });
    if (!process) return std::unexpected(process.error().message());
    all.push_back({std::move(pair->one), std::move(*process)});
  }
  return all;
}

/// Waits until all have read, and returns what each saw.
Expected<std::array<std::uint64_t, consumers>> let_read(const std::vector<Consumer>& all) {
  for (const Consumer& each : all) {
    if (const auto gone = each.process.go(); !gone) return std::unexpected(gone.error().message());
  }
  std::array<std::uint64_t, consumers> sums{};
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (std::size_t index = 0; index < sums.size(); ++index) {
    const auto received =
        all[index].process.receive(std::as_writable_bytes(std::span(&sums[index], 1)), deadline);
    if (!received) return std::unexpected(received.error().message());
  }
  return sums;
}

Slice take_region(FdRef socket) {
  const auto region = receive_region(socket);
  return region && *region ? (*region)->bytes : Slice();
}

Expected<UseRow> share_among_processes(std::uint64_t size) {
  const auto all = start_consumers(take_region);
  if (!all) return std::unexpected(all.error());
  const auto meter = UseMeter::start();
  if (!meter) return std::unexpected(meter.error());
  auto builder = RegionBuilder::with_size(size);
  if (!builder) return std::unexpected(builder.error().message());
  write_pages(builder->bytes());
  const auto region = std::move(*builder).seal();
  if (!region) return std::unexpected(region.error().message());
  for (const Consumer& each : *all) {
    if (const auto sent = send_region(each.socket, *region); !sent) {
      return std::unexpected(sent.error().message());
    }
  }
  const auto sums = let_read(*all);
  if (!sums) return std::unexpected(sums.error());
  const auto row = meter->read(sharing_rows::processes);
  if (const auto alike = check_sums(*sums, sum_of_pages(region->bytes.bytes())); !alike) {
    return std::unexpected(alike.error());
  }
  return row;
}

/// As if each had read the bytes from somewhere into a buffer of its own.
Expected<UseRow> copy_to_processes(std::uint64_t size) {
  const auto all = start_consumers([size](FdRef) {
    auto copy = written_pages(size);
    return copy ? std::move(*copy).freeze() : Slice();
  });
  if (!all) return std::unexpected(all.error());
  const auto meter = UseMeter::start();
  if (!meter) return std::unexpected(meter.error());
  const auto sums = let_read(*all);
  if (!sums) return std::unexpected(sums.error());
  auto row = meter->read(sharing_rows::copies);
  if (sums->front() == 0) return std::unexpected("a consumer has no memory for its copy");
  if (const auto alike = check_sums(*sums, sums->front()); !alike) {
    return std::unexpected(alike.error());
  }
  return row;
}

bench::Limit limit_of(const UseGroup& group, const UseRow& row) {
  const double pss = group.copies(row.pss_bytes);
  const double anonymous = group.copies(row.anonymous_bytes.value_or(0));
  return {fmt::format("{}: at most {:.2f} of one copy: Pss {:.3f}, RssAnon {:.3f}", row.name,
                      most_copies, pss, anonymous),
          pss <= most_copies && anonymous <= most_copies};
}

}  // namespace

Expected<UseGroup> measure_sharing(const UseSettings& settings) {
  if (const auto room = check_room(settings.size, 2); !room) return std::unexpected(room.error());
  UseGroup group{.key = "sharing",
                 .title = fmt::format("{} that {} consumers read at the same time",
                                      format_size(settings.size), consumers),
                 .size = settings.size};
  const auto tell = [&](const char* name) {
    if (settings.progress) settings.progress(fmt::format("{}: {}", group.title, name));
  };
  for (const auto& [name, share] : {std::pair(sharing_rows::threads, &share_among_threads),
                                    std::pair(sharing_rows::processes, &share_among_processes)}) {
    tell(name);
    auto row = share(settings.size);
    if (!row) return std::unexpected(fmt::format("{}: {}", name, row.error()));
    group.limits.push_back(limit_of(group, *row));
    group.rows.push_back(std::move(*row));
  }
  if (const auto room = check_room(settings.size, consumers); !room) {
    group.absent.push_back({sharing_rows::copies, room.error()});
    return group;
  }
  tell(sharing_rows::copies);
  auto row = copy_to_processes(settings.size);
  if (!row) return std::unexpected(fmt::format("{}: {}", sharing_rows::copies, row.error()));
  group.rows.push_back(std::move(*row));
  return group;
}

}  // namespace leat::app::memory
