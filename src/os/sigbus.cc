#include "os/sigbus.h"

#include <signal.h>
#include <sys/mman.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <mutex>

#include "os/error.h"
#include "os/memory.h"

namespace leat::os {
namespace {

// Read by the handler, on whatever thread the fault is, beside others that come and go: atomics
// only, and a range is there once its end is.
struct Slot {
  std::atomic<bool> taken = false;
  std::atomic<std::uintptr_t> begin = 0;
  std::atomic<std::uintptr_t> end = 0;
  std::atomic<bool> writable = false;
  std::atomic<bool> has_holes = false;
};
std::array<Slot, 4096> slots;
std::size_t page_size = 0;
struct sigaction previous;

bool fill_hole(void* touched) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(touched);
  for (Slot& slot : slots) {
    if (address >= slot.end.load(std::memory_order_acquire)) continue;
    if (address < slot.begin.load(std::memory_order_relaxed)) continue;
    slot.has_holes.store(true, std::memory_order_relaxed);
    void* const page = static_cast<std::byte*>(touched) - address % page_size;
    const int rights = PROT_READ | (slot.writable.load(std::memory_order_relaxed) ? PROT_WRITE : 0);
    return ::mmap(page, page_size, rights, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
           MAP_FAILED;
  }
  return false;
}

void handle_sigbus(int number, siginfo_t* info, void* context) {
  const int before = errno;
  // Not what the hardware reports of memory that is broken.
  const bool filled = info->si_code == BUS_ADRERR && fill_hole(info->si_addr);
  errno = before;
  if (filled) return;
  if ((previous.sa_flags & SA_SIGINFO) != 0) return previous.sa_sigaction(number, info, context);
  if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN)
    return previous.sa_handler(number);
  // Back to what it would have been: the access is tried once more, and ends the program.
  ::sigaction(SIGBUS, &previous, nullptr);
}

}  // namespace

GuardedRange::GuardedRange(std::span<const std::byte> bytes, bool writable) noexcept {
  for (std::size_t index = 0; index < slots.size() && !bytes.empty(); ++index) {
    Slot& slot = slots[index];
    if (slot.taken.exchange(true, std::memory_order_acquire)) continue;
    const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data());
    slot.has_holes.store(false, std::memory_order_relaxed);
    slot.writable.store(writable, std::memory_order_relaxed);
    slot.begin.store(begin, std::memory_order_relaxed);
    slot.end.store(begin + bytes.size(), std::memory_order_release);
    slot_ = index;
    return;
  }
}

GuardedRange::~GuardedRange() {
  if (slot_ == none) return;
  slots[slot_].end.store(0, std::memory_order_relaxed);
  slots[slot_].taken.store(false, std::memory_order_release);
}

bool GuardedRange::has_holes() const noexcept {
  return slot_ != none && slots[slot_].has_holes.load(std::memory_order_relaxed);
}

Result<void> install_sigbus_handler() {
  static std::mutex mutex;
  static bool installed = false;
  const std::lock_guard lock(mutex);
  if (installed) return {};
  page_size = page_bytes();
  struct sigaction ours{};
  ours.sa_sigaction = handle_sigbus;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  if (::sigaction(SIGBUS, nullptr, &previous) < 0) return last_error("sigaction");
  if (::sigaction(SIGBUS, &ours, nullptr) < 0) return last_error("sigaction");
  installed = true;
  return {};
}

}  // namespace leat::os
