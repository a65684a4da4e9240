/// Writes memory to a file while it goes on changing: snapshot_while_writing FILE
///
/// A child has the memory as it was; what is written meanwhile is all that is copied.
#include <algorithm>
#include <iostream>

#include <leat/buffer.h>
#include <leat/snapshot_fork.h>

namespace {

constexpr std::size_t size = 64u << 20;
constexpr std::size_t page = 4096;

int snapshot_to(leat::Sink file) {
  auto memory = leat::Buffer::pages(size);
  if (!memory) return 1;
  std::ranges::fill(memory->bytes(), std::byte{'a'});
  auto snapshot = leat::snapshot_fork(memory->bytes(), std::move(file));
  if (!snapshot) {
    std::cerr << snapshot.error().message() << "\n";
    return 1;
  }
  for (std::size_t at = 0; at < size; at += 10 * page) memory->data()[at] = std::byte{'b'};
  const auto report = snapshot->finish();
  if (!report || report->ending != leat::Ending::complete) return 1;
  std::cout << report->delivered << " bytes of the snapshot, " << 100 * report->copied_bytes / size
            << " % of the memory copied\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  auto file = leat::Sink::open(argv[1], leat::OpenMode::truncate);
  if (!file) {
    std::cerr << file.error().message() << "\n";
    return 1;
  }
  return snapshot_to(std::move(*file));
}
