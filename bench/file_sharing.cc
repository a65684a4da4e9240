// What reflink saves where a file system shares extents: one file in FOLDER to a new one, by
// reflink and by read_write in turn, and FIEMAP on what reflink made.
//
//   file_sharing FOLDER [MIB] [PAIRS]      default 4096 MiB, 5 pairs
//
// bench/file_sharing_on_loop runs it on btrfs and on xfs. The source has been synced before.
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <leat/transfer.h>

namespace {

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

leat::OwnedFd create(const std::string& path) {
  leat::OwnedFd file(::open(path.c_str(), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600));
  if (!file.valid()) fail(path.c_str());
  return file;
}

leat::OwnedFd make_source(const std::string& path, std::uint64_t size) {
  leat::OwnedFd file = create(path);
  std::vector<std::uint64_t> block((1 << 20) / 8);
  std::mt19937_64 random;
  for (std::uint64_t done = 0; done < size; done += 1 << 20) {
    std::ranges::generate(block, random);
    if (::write(file.number(), block.data(), 1 << 20) != 1 << 20) fail("write");
  }
  if (::fsync(file.number()) < 0) fail("fsync");
  return file;
}

struct Extents {
  std::uint64_t count = 0;
  std::uint64_t shared = 0;
};

Extents extents_of(int file) {
  constexpr std::uint32_t most = 64;
  std::vector<std::uint64_t> room((sizeof(fiemap) + most * sizeof(fiemap_extent)) / 8 + 1);
  auto* const map = reinterpret_cast<fiemap*>(room.data());
  Extents extents;
  for (std::uint64_t offset = 0;;) {
    *map = {};
    map->fm_start = offset;
    map->fm_length = FIEMAP_MAX_OFFSET - offset;
    map->fm_flags = FIEMAP_FLAG_SYNC;
    map->fm_extent_count = most;
    if (::ioctl(file, FS_IOC_FIEMAP, map) < 0) fail("FS_IOC_FIEMAP");
    if (map->fm_mapped_extents == 0) return extents;
    for (std::uint32_t i = 0; i < map->fm_mapped_extents; ++i) {
      const fiemap_extent& extent = map->fm_extents[i];
      ++extents.count;
      extents.shared += (extent.fe_flags & FIEMAP_EXTENT_SHARED) != 0;
      offset = extent.fe_logical + extent.fe_length;
      if ((extent.fe_flags & FIEMAP_EXTENT_LAST) != 0) return extents;
    }
  }
}

// Seconds of one transfer to a new file, which is left there.
double run(leat::FdRef source, const std::string& path, const char* mechanism) {
  const leat::OwnedFd sink = create(path);
  const auto before = std::chrono::steady_clock::now();
  const leat::Receipt receipt =
      leat::transfer(leat::Source::file(source), leat::Sink::file(sink.ref()),
                     {.mechanism = *leat::Mechanism::named(mechanism)});
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - before;
  if (!receipt.ok()) {
    std::fprintf(stderr, "%s: %s\n", mechanism, receipt.error->message().c_str());
    std::exit(1);
  }
  return seconds.count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: file_sharing FOLDER [MIB] [PAIRS]\n");
    return 2;
  }
  const std::string folder = argv[1];
  const std::uint64_t size = (argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 4096) << 20;
  const int pairs = argc > 3 ? std::max(std::atoi(argv[3]), 1) : 5;
  const std::string sink = folder + "/sink";
  const leat::OwnedFd source = make_source(folder + "/source", size);
  std::vector<double> shared;
  std::vector<double> copied;
  std::vector<double> ratios;
  Extents extents;
  for (int pair = 0; pair < pairs; ++pair) {
    copied.push_back(run(source, sink, "read_write"));
    ::unlink(sink.c_str());
    ::sync();  // what was written is not to be paid for by the next run
    shared.push_back(run(source, sink, "reflink"));
    extents = extents_of(leat::OwnedFd(::open(sink.c_str(), O_RDONLY | O_CLOEXEC)).number());
    ::unlink(sink.c_str());
    ::sync();
    ratios.push_back(copied.back() / shared.back());
  }
  std::printf(
      "%llu MiB, %d pairs: reflink %.3f ms, read_write %.0f ms, median ratio 1/%.0f "
      "(worst 1/%.0f); %llu of %llu extents shared\n",
      static_cast<unsigned long long>(size >> 20), pairs, median(shared) * 1e3,
      median(copied) * 1e3, median(ratios), std::ranges::min(ratios),
      static_cast<unsigned long long>(extents.shared),
      static_cast<unsigned long long>(extents.count));
}
