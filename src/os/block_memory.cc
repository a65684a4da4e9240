#include "os/block_memory.h"

#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <climits>

#include "os/error.h"
#include "os/memory.h"

namespace leat::os {
namespace {

std::size_t in_huge_pages(std::size_t size) {
  return (size + huge_page_bytes - 1) / huge_page_bytes * huge_page_bytes;
}

std::optional<MappedMemory> map_set_aside(std::size_t size) {
  const std::size_t whole = in_huge_pages(size);
  if (whole < size) return std::nullopt;
  // 2 MiB, whatever the default size is.
  constexpr int two_mebibytes = 21 << MAP_HUGE_SHIFT;
  void* const start = ::mmap(nullptr, whole, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | two_mebibytes, -1, 0);
  if (start == MAP_FAILED) return std::nullopt;
  return MappedMemory{std::span(static_cast<std::byte*>(start), whole), PageKind::huge};
}

Result<MappedMemory> map_as(std::size_t size, PageKind kind) {
  if (kind == PageKind::huge) {
    if (const auto mapped = map_set_aside(size)) return *mapped;
    kind = PageKind::transparent_huge;
  }
  if (kind == PageKind::transparent_huge) {
    const auto mapped = map_huge_pages(size);
    if (!mapped) return std::unexpected(mapped.error());
    const bool taken = ::madvise(mapped->data(), mapped->size(), MADV_HUGEPAGE) == 0;
    return MappedMemory{*mapped, taken ? PageKind::transparent_huge : PageKind::small};
  }
  const auto mapped = map_pages(size);
  if (!mapped) return std::unexpected(mapped.error());
  return MappedMemory{*mapped, PageKind::small};
}

Result<void> grant(std::span<std::byte> bytes, const MemoryWishes& wishes) {
  if (wishes.node) {
    if (auto put = put_on_node(bytes, *wishes.node); !put) return put;
  }
  if (wishes.not_in_children && ::madvise(bytes.data(), bytes.size(), MADV_DONTFORK) < 0)
    return last_error("madvise");
  if (wishes.locked && ::mlock(bytes.data(), bytes.size()) < 0) {
    auto error = last_error("mlock");
    error.error().hint = "raise RLIMIT_MEMLOCK (ulimit -l)";
    return error;
  }
  return {};
}

}  // namespace

Result<void> put_on_node(std::span<std::byte> bytes, unsigned node) {
  constexpr std::size_t word_bits = sizeof(unsigned long) * CHAR_BIT;
  std::array<unsigned long, 16> nodes{};
  if (node >= nodes.size() * word_bits) return make_error(EINVAL, "mbind");
  nodes[node / word_bits] = 1ul << node % word_bits;
  // Kernels take one bit less than they are told of.
  const long bound = ::syscall(SYS_mbind, bytes.data(), bytes.size(), MPOL_PREFERRED, nodes.data(),
                               nodes.size() * word_bits + 1, 0);
  if (bound == 0) return {};
  // Without CONFIG_NUMA there is one node.
  if (errno == ENOSYS && node == 0) return {};
  return last_error("mbind");
}

Result<MappedMemory> map_memory(std::size_t size, const MemoryWishes& wishes) {
  const auto mapped = map_as(size, wishes.kind);
  if (!mapped) return mapped;
  if (auto granted = grant(mapped->bytes, wishes); !granted) {
    unmap_pages(mapped->bytes);
    return std::unexpected(std::move(granted.error()));
  }
  return mapped;
}

}  // namespace leat::os
