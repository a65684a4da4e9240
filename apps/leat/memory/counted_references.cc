#include "memory/counted_references.h"

#include <thread>

namespace leat::app::memory {

void count_references_atomically() {
  std::thread([] {}).join();
}

}  // namespace leat::app::memory
