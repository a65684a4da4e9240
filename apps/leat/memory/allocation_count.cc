#include "memory/allocation_count.h"

#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LEAT_SANITIZER_HAS_NEW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LEAT_SANITIZER_HAS_NEW 1
#endif
#endif

namespace leat::app::memory {
namespace {

thread_local AllocationCount counted;

}  // namespace

AllocationCount allocations_of_thread() noexcept { return counted; }

#ifdef LEAT_SANITIZER_HAS_NEW

bool counts_allocations() noexcept { return false; }

}  // namespace leat::app::memory

#else

bool counts_allocations() noexcept { return true; }

namespace {

/// As the standard has it: asks the handler for more memory as long as there is one.
void* allocate(std::size_t size, std::size_t alignment) {
  ++counted.allocations;
  counted.bytes += size;
  if (size == 0) size = 1;
  while (true) {
    void* memory = nullptr;
    if (alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__) {
      memory = std::malloc(size);
    } else if (::posix_memalign(&memory, alignment, size) != 0) {
      memory = nullptr;
    }
    if (memory) return memory;
    const std::new_handler handler = std::get_new_handler();
    if (!handler) throw std::bad_alloc();
    handler();
  }
}

}  // namespace
}  // namespace leat::app::memory

// Those for arrays, and those that do not throw, call these.
void* operator new(std::size_t size) {
  return leat::app::memory::allocate(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return leat::app::memory::allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

#endif
