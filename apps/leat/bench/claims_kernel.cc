#include "bench/claims_kernel.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "os/loopback.h"
#include "os/mounts.h"
#include "os/payload_file.h"
#include "os/pipe.h"
#include "os/single_calls.h"

namespace leat::app::bench {
namespace {

/// Fits into any pipe and socket, and is no number of whole pages.
constexpr std::size_t trial_bytes = (16u << 10) + 1;

using Bytes = std::vector<std::byte>;

Trial outcome(std::string from, std::string to, const Result<std::uint64_t>& moved) {
  Trial trial;
  trial.from = std::move(from);
  trial.to = std::move(to);
  if (moved) {
    trial.bytes = *moved;
  } else {
    trial.refused_with = moved.error().name();
  }
  return trial;
}

/// What can be read from `far` is what was sent.
void check_arrival(Trial& trial, FdRef far, std::span<const std::byte> sent) {
  if (!trial.refused_with.empty()) return;
  Bytes got(sent.size() + 1);
  const Result<std::size_t> count = os::read_available(far, got);
  trial.bytes_equal =
      count && *count == trial.bytes && trial.bytes <= sent.size() &&
      std::equal(got.begin(), got.begin() + static_cast<std::ptrdiff_t>(*count), sent.begin());
}

Bytes start_of(FdRef file, std::uint64_t size) {
  Bytes bytes(std::min<std::uint64_t>(trial_bytes, size));
  if (!os::read_into(file, bytes)) bytes.clear();
  return bytes;
}

/// Everything that a trial may need, made anew for each: none finds what another left.
struct Ends {
  OwnedFd file;
  os::Pipe pipe;
  os::Pipe second_pipe;
  os::SocketPair unix_pair;
  os::TcpPair tcp;
};

Result<Ends> make_ends(const Payload& payload) {
  Result<OwnedFd> file = os::nameless_file(payload.folder);
  if (!file) return std::unexpected(file.error());
  Result<os::Pipe> pipe = os::make_large_pipe();
  if (!pipe) return std::unexpected(pipe.error());
  Result<os::Pipe> second = os::make_large_pipe();
  if (!second) return std::unexpected(second.error());
  Result<os::SocketPair> unix_pair = os::unix_socket_pair();
  if (!unix_pair) return std::unexpected(unix_pair.error());
  Result<os::TcpPair> tcp = os::tcp_pair();
  if (!tcp) return std::unexpected(tcp.error());
  return Ends{std::move(*file), std::move(*pipe), std::move(*second), std::move(*unix_pair),
              std::move(*tcp)};
}

/// Read from its start: a file's own offset is where the call left it.
void check_file(Trial& trial, FdRef file, std::span<const std::byte> sent) {
  if (os::rewind_file(file)) check_arrival(trial, file, sent);
}

Result<void> fill(FdRef to, std::span<const std::byte> bytes) { return os::append(to, bytes); }

Trial sendfile_from(const Payload& payload, std::string to, FdRef near, std::size_t bytes) {
  return outcome("a file", std::move(to), os::sendfile_once(payload.file, near, 0, bytes));
}

/// Without a pipe at either end: nothing moves, so the ends may be used again.
void splice_without_a_pipe(std::vector<Trial>& trials, const Payload& payload, const Ends& ends,
                           std::size_t bytes) {
  const auto add = [&](std::string from, FdRef source, std::string to, FdRef sink) {
    trials.push_back(outcome(std::move(from), std::move(to), os::splice_once(source, sink, bytes)));
  };
  add("a file", payload.file, "a file", ends.file);
  add("a file", payload.file, "a TCP socket", ends.tcp.near);
  add("a UNIX socket", ends.unix_pair.other, "a TCP socket", ends.tcp.near);
}

Result<void> splice_with_a_pipe(std::vector<Trial>& trials, const Ends& ends,
                                std::span<const std::byte> sent) {
  const auto from_pipe = [&](std::string to, FdRef near) -> Result<Trial> {
    if (const auto filled = fill(ends.pipe.in, sent); !filled) {
      return std::unexpected(filled.error());
    }
    return outcome("a pipe", std::move(to), os::splice_once(ends.pipe.out, near, sent.size()));
  };
  Result<Trial> to_file = from_pipe("a file", ends.file);
  if (!to_file) return std::unexpected(to_file.error());
  check_file(*to_file, ends.file, sent);
  Result<Trial> to_tcp = from_pipe("a TCP socket", ends.tcp.near);
  if (!to_tcp) return std::unexpected(to_tcp.error());
  check_arrival(*to_tcp, ends.tcp.far, sent);
  Result<Trial> to_pipe = from_pipe("a pipe", ends.second_pipe.in);
  if (!to_pipe) return std::unexpected(to_pipe.error());
  check_arrival(*to_pipe, ends.second_pipe.out, sent);
  if (!os::rewind_file(ends.file)) return {};
  Trial from_file =
      outcome("a file", "a pipe", os::splice_once(ends.file, ends.second_pipe.in, sent.size()));
  check_arrival(from_file, ends.second_pipe.out, sent);
  for (const Trial& trial : {from_file, *to_file, *to_tcp, *to_pipe}) trials.push_back(trial);
  return {};
}

/// Files without a name are tried in the root of a mount, except where a new file would be more
/// than a file (a message queue, a firmware variable) or cannot be made at all.
constexpr std::array<std::string_view, 19> kinds_without_files{
    "proc",    "sysfs",     "cgroup",     "cgroup2",   "devpts",     "mqueue", "securityfs",
    "debugfs", "tracefs",   "bpf",        "configfs",  "pstore",     "nsfs",   "efivarfs",
    "fusectl", "selinuxfs", "rpc_pipefs", "hugetlbfs", "binfmt_misc"};

bool has_files(std::string_view kind) {
  return std::find(kinds_without_files.begin(), kinds_without_files.end(), kind) ==
         kinds_without_files.end();
}

/// Files that such a file system surely has. In /proc each file says for itself what it can.
std::vector<std::string> samples_of(const os::Mount& mount) {
  if (mount.kind == "proc") return {mount.folder + "/version", mount.folder + "/self/maps"};
  if (mount.kind == "sysfs") return {mount.folder + "/kernel/uevent_seqnum"};
  if (mount.kind.starts_with("cgroup")) return {mount.folder + "/cgroup.procs"};
  if (mount.kind == "tracefs") return {mount.folder + "/README"};
  return {};
}

void splice_from_sample(std::vector<Trial>& trials, const std::string& name,
                        const std::string& path) {
  const Result<OwnedFd> file = os::open_to_read(path);
  const Result<os::Pipe> pipe = os::make_large_pipe();
  if (!file || !pipe) return;  // not permitted here: that says nothing of splice
  trials.push_back(outcome(name, "a pipe", os::splice_once(*file, pipe->in, trial_bytes)));
}

void splice_both_ways(std::vector<Trial>& trials, const std::string& name,
                      const std::string& folder, std::span<const std::byte> bytes) {
  const Result<OwnedFd> file = os::nameless_file(folder);
  const Result<os::Pipe> pipe = os::make_large_pipe();
  if (!file || !pipe || !os::append(*file, bytes) || !os::rewind_file(*file)) return;
  Trial from = outcome(name, "a pipe", os::splice_once(*file, pipe->in, bytes.size()));
  check_arrival(from, pipe->out, bytes);
  trials.push_back(from);

  const Result<OwnedFd> second = os::nameless_file(folder);
  const Result<os::Pipe> full = os::make_large_pipe();
  if (!second || !full || !fill(full->in, bytes)) return;
  Trial to = outcome("a pipe", name, os::splice_once(full->out, *second, bytes.size()));
  check_file(to, *second, bytes);
  trials.push_back(to);
}

}  // namespace

Result<std::vector<Trial>> try_sendfile(const Payload& payload) {
  Result<Ends> ends = make_ends(payload);
  if (!ends) return std::unexpected(ends.error());
  const Bytes sent = start_of(payload.file, payload.size);
  std::vector<Trial> trials;
  trials.push_back(sendfile_from(payload, "a TCP socket", ends->tcp.near, sent.size()));
  check_arrival(trials.back(), ends->tcp.far, sent);
  trials.push_back(sendfile_from(payload, "a UNIX socket", ends->unix_pair.one, sent.size()));
  check_arrival(trials.back(), ends->unix_pair.other, sent);
  trials.push_back(sendfile_from(payload, "a pipe", ends->pipe.in, sent.size()));
  check_arrival(trials.back(), ends->pipe.out, sent);
  trials.push_back(sendfile_from(payload, "a file", ends->file, sent.size()));
  check_file(trials.back(), ends->file, sent);

  // From what is no file. There is something to be had: an empty end would be refused otherwise.
  for (const FdRef full : {ends->second_pipe.in.ref(), ends->unix_pair.one.ref()}) {
    if (const auto filled = fill(full, sent); !filled) return std::unexpected(filled.error());
  }
  trials.push_back(
      outcome("a pipe", "a TCP socket",
              os::sendfile_once(ends->second_pipe.out, ends->tcp.near, std::nullopt, sent.size())));
  trials.push_back(
      outcome("a UNIX socket", "a file",
              os::sendfile_once(ends->unix_pair.other, ends->file, std::nullopt, sent.size())));
  return trials;
}

Result<SpliceTrials> try_splice(const Payload& payload) {
  Result<Ends> ends = make_ends(payload);
  if (!ends) return std::unexpected(ends.error());
  const Bytes sent = start_of(payload.file, payload.size);
  SpliceTrials trials;
  if (const auto filled = fill(ends->unix_pair.one, sent); !filled) {
    return std::unexpected(filled.error());
  }
  splice_without_a_pipe(trials.ends, payload, *ends, sent.size());
  if (const auto tried = splice_with_a_pipe(trials.ends, *ends, sent); !tried) {
    return std::unexpected(tried.error());
  }
  splice_both_ways(trials.file_systems, payload.folder, payload.folder, sent);
  for (const os::Mount& mount : os::mounted_kinds()) {
    for (const std::string& sample : samples_of(mount)) {
      splice_from_sample(trials.file_systems, mount.kind + " (" + sample + ")", sample);
    }
    if (!mount.read_only && has_files(mount.kind)) {
      splice_both_ways(trials.file_systems, mount.kind, mount.folder, sent);
    }
  }
  splice_from_sample(trials.file_systems, "the device /dev/zero", "/dev/zero");
  return trials;
}

}  // namespace leat::app::bench
