#include "snapshot/changing_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <utility>

#include "support/pattern.h"

namespace leat::testing {
namespace {

void must(bool done, const std::string& what) {
  if (done) return;
  std::perror(what.c_str());
  std::abort();
}

OwnedFd opened(const std::string& path, int flags) {
  OwnedFd file(::open(path.c_str(), flags | O_CLOEXEC, 0644));
  must(file.valid(), "open " + path);
  return file;
}

void write_all(FdRef file, const std::vector<std::byte>& bytes, std::uint64_t offset = 0) {
  const ssize_t count =
      ::pwrite(file.number(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
  must(count == static_cast<ssize_t>(bytes.size()), "pwrite");
}

std::byte* mapped(FdRef file, std::size_t size) {
  void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.number(), 0);
  must(memory != MAP_FAILED, "mmap");
  return static_cast<std::byte*>(memory);
}

}  // namespace

std::string name_of(Edit edit) {
  switch (edit) {
    case Edit::write: return "write";
    case Edit::write_open_before: return "write_open_before";
    case Edit::map_after: return "map_after";
    case Edit::map_before: return "map_before";
    case Edit::truncate: return "truncate";
    case Edit::extend: return "extend";
    case Edit::replace: return "replace";
    case Edit::empty_it: return "empty_it";
  }
  return "";
}

void PrintTo(Edit edit, std::ostream* out) { *out << name_of(edit); }

bool is_open_before(Edit edit) {
  return edit == Edit::write_open_before || edit == Edit::map_before;
}

std::string FileSystemUnderTest::unavailable(const std::string& type) {
  return type == "tmpfs" ? std::string() : LoopDisk::unavailable(type);
}

FileSystemUnderTest::FileSystemUnderTest(const std::string& type) {
  if (type == "tmpfs") {
    memory_.emplace("/dev/shm");
  } else {
    disk_.emplace(type);
  }
}

std::string FileSystemUnderTest::path(const std::string& name) const {
  return disk_ ? disk_->path(name) : memory_->file(name);
}

ChangingFile::ChangingFile(std::string path, std::uint64_t size)
    : path_(std::move(path)), old_(pattern(1, 0, size)), new_(old_) {
  for (std::byte& byte : new_) byte = ~byte;
  const OwnedFd file = opened(path_, O_CREAT | O_EXCL | O_WRONLY);
  write_all(file, old_);
  struct stat stat;
  must(::fstat(file.number(), &stat) == 0, "fstat");
  inode_ = stat.st_ino;
}

void ChangingFile::prepare(Edit edit) {
  if (!is_open_before(edit)) return;
  opened_ = opened(path_, O_RDWR);
  if (edit != Edit::map_before) return;
  mapped_ = mapped(opened_, size());
  opened_.reset();  // the mapping alone is enough
  std::memcpy(mapped_, old_.data(), size());
}

void ChangingFile::change(Edit edit) {
  switch (edit) {
    case Edit::write: return write_all(opened(path_, O_WRONLY), new_);
    case Edit::write_open_before: return write_all(opened_, new_);
    case Edit::map_after: mapped_ = mapped(opened(path_, O_RDWR), size()); [[fallthrough]];
    case Edit::map_before:
      std::memcpy(mapped_, new_.data(), size());
      must(::munmap(std::exchange(mapped_, nullptr), size()) == 0, "munmap");
      return;
    case Edit::truncate: return must(::truncate(path_.c_str(), 70'001) == 0, "truncate");
    case Edit::extend: return write_all(opened(path_, O_WRONLY), new_, size());
    case Edit::replace:
      write_all(opened(path_ + ".new", O_CREAT | O_EXCL | O_WRONLY), new_);
      return must(::rename((path_ + ".new").c_str(), path_.c_str()) == 0, "rename");
    case Edit::empty_it: opened(path_, O_RDONLY | O_TRUNC); return;
  }
}

// See proc_locks(5).
bool ChangingFile::lease_is_breaking() const {
  std::ifstream locks("/proc/locks");
  const std::string inode = ":" + std::to_string(inode_) + " ";
  for (std::string line; std::getline(locks, line);) {
    if (line.find("BREAKING") != std::string::npos && line.find(inode) != std::string::npos)
      return true;
  }
  return false;
}

void ChangingFile::edit(Edit edit) {
  thread_ = std::jthread([this, edit] {
    change(edit);
    done_ = true;
  });
  while (!done_ && !lease_is_breaking()) std::this_thread::yield();
}

void ChangingFile::finish() {
  if (thread_.joinable()) thread_.join();
}

Comparison compare(const std::vector<std::byte>& received, const ChangingFile& file) {
  Comparison result;
  for (std::size_t i = 0; i < received.size(); ++i) {
    const bool old = i < file.size() && received[i] == file.old_bytes()[i];
    ++(old ? result.old_bytes : result.other_bytes);
  }
  return result;
}

}  // namespace leat::testing
