#include <array>
#include <charconv>

#include "plan/plan.h"

namespace leat {
namespace {

struct NamedType {
  std::uint32_t type;
  std::string_view name;
};
// The magic numbers of statfs(2).
constexpr std::array named_types{
    NamedType{0xef53, "ext2, ext3 or ext4"},
    NamedType{0x9123683e, "btrfs"},
    NamedType{0x58465342, "xfs"},
    NamedType{0x01021994, "tmpfs"},
    NamedType{0x794c7630, "overlayfs"},
    NamedType{0x65735546, "FUSE"},
    NamedType{0x6969, "NFS"},
    NamedType{0xff534d42, "CIFS"},
    NamedType{0xfe534d42, "SMB 2"},
    NamedType{0x01021997, "9p"},
    NamedType{0x2fc12fc1, "ZFS"},
    NamedType{0xca451a4e, "bcachefs"},
    NamedType{0xf2f52010, "F2FS"},
    NamedType{0xe0f5e1e2, "EROFS"},
    NamedType{0x73717368, "squashfs"},
    NamedType{0x4d44, "FAT"},
    NamedType{0x958458f6, "hugetlbfs"},
    NamedType{0x858458f6, "ramfs"},
    NamedType{0x9fa0, "proc"},
    NamedType{0x62656572, "sysfs"},
};

std::string file_system_name(std::uint32_t type) {
  for (const NamedType& each : named_types) {
    if (each.type == type) return std::string(each.name);
  }
  std::array<char, 16> room;
  const auto written = std::to_chars(room.data(), room.data() + room.size(), type, 16);
  return "of type 0x" + std::string(room.data(), written.ptr);
}

std::string length_text(std::uint64_t length) {
  return length == to_end ? "unknown" : std::to_string(length);
}

std::string_view waiting_text(Waiting waiting) {
  switch (waiting) {
    case Waiting::never: return {};
    case Waiting::flagged: return "blocking: only send and recv can be kept from waiting";
    case Waiting::polled: return "blocking: asked before each call";
    case Waiting::allowed: return "blocking: calls may wait in the kernel, as nothing forbids it";
  }
  return {};
}

std::string_view cached_text(Cached cached) {
  switch (cached) {
    case Cached::unknown: return {};
    case Cached::little: return "little of its beginning";
    case Cached::mostly: return "its beginning";
  }
  return {};
}

std::string_view tenure_text(MemoryTenure tenure) {
  switch (tenure) {
    case MemoryTenure::borrowed: return "borrowed for the transfer";
    case MemoryTenure::shared: return "kept by a slice";
    case MemoryTenure::never_reused:
      return "kept by a slice, and its pages are never written again";
  }
  return {};
}

void add(std::vector<Fact>& facts, std::string_view name, std::string_view value) {
  if (!value.empty()) facts.push_back({name, std::string(value)});
}

void add_file_system(std::vector<Fact>& facts, const Volume& volume) {
  if (volume.type != 0) add(facts, "file system", file_system_name(volume.type));
}

}  // namespace

std::vector<Fact> facts_as_text(const SourceFacts& source) {
  std::vector<Fact> facts;
  add(facts, "kind", name_of(source.kind));
  add(facts, "length", length_text(source.promised));
  if (source.kind == Kind::memory) {
    add(facts, "pieces", source.scattered ? "several" : "one");
    add(facts, "memory", tenure_text(source.tenure));
    return facts;
  }
  if (source.kind == Kind::file) {
    add_file_system(facts, source.volume);
    add(facts, "in memory", cached_text(source.cached));
    if (source.sparse) add(facts, "holes", "yes");
    if (source.cursor) add(facts, "read at", "the descriptor's own offset");
    if (!source.true_size) add(facts, "size", "not to be believed: read until read(2) says 0");
  }
  add(facts, "waits", waiting_text(source.waiting));
  return facts;
}

std::vector<Fact> facts_as_text(const SinkFacts& sink) {
  std::vector<Fact> facts;
  const std::string_view socket = sink.tcp ? "TCP socket" : "UNIX socket";
  add(facts, "kind", sink.kind == Kind::socket ? socket : name_of(sink.kind));
  if (sink.kind == Kind::file) {
    add_file_system(facts, sink.volume);
    if (sink.append) add(facts, "written at", "its end (O_APPEND)");
    if (sink.cursor) add(facts, "written at", "the descriptor's own offset");
    if (sink.keeps_holes) add(facts, "holes", "stay holes");
  }
  if (sink.tcp && sink.nodelay) add(facts, "TCP_NODELAY", "on");
  if (sink.is_connection) add(facts, "kept", "by a Connection");
  add(facts, "waits", waiting_text(sink.waiting));
  return facts;
}

}  // namespace leat
