#include "memory/snapshot.h"

#include <chrono>
#include <cstring>
#include <functional>
#include <span>
#include <utility>

#include <fmt/core.h>

#include <leat/snapshot_fork.h>
#include <leat/transfer.h>

#include "os/child_process.h"
#include "os/discard.h"
#include "os/single_calls.h"
#include "sizes.h"

namespace leat::app::memory {
namespace {

constexpr std::uint64_t written_one_in = 10;
constexpr double most_copied = 0.12;
constexpr std::chrono::minutes patience{2};

/// A socket whose other end a process of its own reads to its end, once it is told to.
struct Stream {
  OwnedFd socket;
  os::ChildProcess receiver;
};

Expected<Stream> open_stream() {
  auto pair = os::unix_socket_pair();
  if (!pair) return std::unexpected(pair.error().message());
  auto receiver = os::ChildProcess::start([&](const os::ParentLink& link) {
    pair->one.reset();  // else the stream would never end
    if (!link.wait_for_go()) return 1;
    const auto received = os::read_to_end(pair->other);
    if (!received) return 1;
    return link.send(std::as_bytes(std::span(&*received, 1))) ? 0 : 1;
  });
  if (!receiver) return std::unexpected(receiver.error().message());
  return Stream{std::move(pair->one), std::move(*receiver)};
}

/// Ends the stream. An error unless all of it arrived.
Expected<void> check_received(Stream& stream, std::uint64_t size) {
  stream.socket.reset();
  std::uint64_t received = 0;
  const auto reported = stream.receiver.receive(std::as_writable_bytes(std::span(&received, 1)),
                                                std::chrono::steady_clock::now() + patience);
  if (!reported) return std::unexpected(reported.error().message());
  if (received == size) return {};
  return std::unexpected(fmt::format("{} of {} bytes arrived", received, size));
}

void write_some_pages(std::span<std::byte> memory) {
  for (std::size_t at = 0; at < memory.size(); at += written_one_in * page_bytes) {
    memory[at] = std::byte{0xff};
  }
}

/// Sends what was there when the snapshot was taken, all of it, and returns what was copied for it.
using Send = std::move_only_function<Expected<std::uint64_t>()>;
/// Takes a snapshot of memory, for a socket that outlives it.
using Take = Expected<Send> (*)(std::span<const std::byte> memory, FdRef socket);

Expected<Send> fork_it(std::span<const std::byte> memory, FdRef socket) {
  auto snapshot = snapshot_fork(memory, Sink::socket(socket));
  if (!snapshot) return std::unexpected(snapshot.error().message());
  return
      [snapshot = std::move(*snapshot), size = memory.size()]() mutable -> Expected<std::uint64_t> {
        const auto report = snapshot.finish();
        if (!report) return std::unexpected(report.error().message());
        if (report->delivered == size) return report->copied_bytes;
        return std::unexpected(fmt::format("{} of {} bytes were sent", report->delivered, size));
      };
}

Expected<Send> copy_it(std::span<const std::byte> memory, FdRef socket) {
  auto copy = Buffer::pages(memory.size());
  if (!copy) return std::unexpected(copy.error().message());
  std::memcpy(copy->data(), memory.data(), memory.size());
  return [copy = std::move(*copy), socket]() -> Expected<std::uint64_t> {
    const std::span<const std::byte> bytes(copy.bytes());
    const Receipt receipt = transfer(bytes, Sink::socket(socket));
    if (receipt.ok()) return bytes.size();
    return std::unexpected(receipt.error ? receipt.error->message() : "it was not sent");
  };
}

Expected<UseRow> send_written_to(std::uint64_t size, const char* name, Take take) {
  auto stream = open_stream();
  if (!stream) return std::unexpected(stream.error());
  const auto meter = UseMeter::start();
  if (!meter) return std::unexpected(meter.error());
  const auto memory = written_pages(size);
  if (!memory) return std::unexpected(memory.error());
  auto send = take(memory->bytes(), stream->socket.ref());
  if (!send) return std::unexpected(send.error());
  write_some_pages(memory->bytes());
  auto row = meter->read(name);
  if (!row) return row;
  if (const auto gone = stream->receiver.go(); !gone) {
    return std::unexpected(gone.error().message());
  }
  const auto copied = (*send)();
  if (!copied) return std::unexpected(copied.error());
  if (const auto arrived = check_received(*stream, size); !arrived) {
    return std::unexpected(arrived.error());
  }
  row->copied_bytes = *copied;
  row->anonymous_bytes.reset();  // pages that the fork shares are in it twice
  return row;
}

}  // namespace

Expected<UseGroup> measure_snapshot(const UseSettings& settings) {
  if (const auto room = check_room(settings.size, 3); !room) return std::unexpected(room.error());
  UseGroup group{.key = "snapshot",
                 .title = fmt::format("{} sent as it was, while a tenth of its pages is written",
                                      format_size(settings.size)),
                 .size = settings.size};
  for (const auto& [name, take] :
       {std::pair(snapshot_rows::forked, &fork_it), std::pair(snapshot_rows::copied, &copy_it)}) {
    if (settings.progress) settings.progress(fmt::format("{}: {}", group.title, name));
    auto row = send_written_to(settings.size, name, take);
    if (!row) return std::unexpected(fmt::format("{}: {}", name, row.error()));
    group.rows.push_back(std::move(*row));
  }
  const double copied = group.copies(group.rows.front().copied_bytes.value_or(0));
  group.limits.push_back({fmt::format("{} copies at most {:.2f} of it: {:.3f}",
                                      snapshot_rows::forked, most_copied, copied),
                          copied <= most_copied});
  return group;
}

}  // namespace leat::app::memory
