#include "os/disk_threads.h"

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#include "os/error.h"
#include "os/stream.h"
#include "os/wait.h"

namespace leat::os {
namespace {

constexpr std::chrono::seconds longest_farewell{1};

int answer_of(const Result<std::uint64_t>& read) {
  return read ? static_cast<int>(*read) : -read.error().code.value();
}

}  // namespace

// Kept by each thread, too: one that a disk holds outlives the rest.
struct DiskThreads::Shared {
  std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable left;
  std::deque<Job> jobs;
  std::vector<Answer> answers;
  unsigned running = 0;
  bool ending = false;
  OwnedFd eventfd;

  void work();
  static int do_job(const Job& job, std::vector<std::byte>& discarded);
};

int DiskThreads::Shared::do_job(const Job& job, std::vector<std::byte>& discarded) {
  if (job.path) {
    const int file = ::open(job.path->c_str(), job.flags);
    return file < 0 ? -errno : file;
  }
  if (!job.who) {
    [[maybe_unused]] const int ignored =
        ::posix_fadvise(job.file.number(), static_cast<off_t>(job.offset),
                        static_cast<off_t>(job.length), POSIX_FADV_WILLNEED);
    return 0;
  }
  if (!job.into.empty()) return answer_of(pread(job.file, job.into, job.offset));
  if (discarded.size() < job.length) discarded.resize(job.length);
  return answer_of(pread(job.file, std::span(discarded).first(job.length), job.offset));
}

void DiskThreads::Shared::work() {
  std::vector<std::byte> discarded;
  std::unique_lock lock(mutex);
  for (;;) {
    wake.wait(lock, [this] { return ending || !jobs.empty(); });
    if (ending) break;
    Job job = std::move(jobs.front());
    jobs.pop_front();
    lock.unlock();
    const int answer = do_job(job, discarded);
    job.file.reset();
    lock.lock();
    if (!job.who) continue;
    const bool told = eventfd.valid();
    if (!told && job.path && answer >= 0) OwnedFd(answer).reset();
    if (!told) continue;
    answers.emplace_back(job.who, answer);
    signal_eventfd(eventfd);
  }
  --running;
  left.notify_all();
}

DiskThreads::DiskThreads(FdRef eventfd, unsigned count) noexcept
    : eventfd_(eventfd), count_(count) {}

void DiskThreads::finish() noexcept {
  if (!shared_) return;
  std::unique_lock lock(shared_->mutex);
  shared_->ending = true;
  shared_->jobs.clear();
  shared_->wake.notify_all();
  shared_->left.wait_for(lock, longest_farewell, [this] { return shared_->running == 0; });
  shared_->eventfd.reset();  // the last thread may still be on its way out
}

Result<void> DiskThreads::give(Job job) {
  if (!shared_) {
    auto eventfd = duplicate(eventfd_);
    if (!eventfd) return std::unexpected(std::move(eventfd.error()));
    shared_ = std::make_shared<Shared>();
    shared_->eventfd = std::move(*eventfd);
  }
  const std::lock_guard lock(shared_->mutex);
  while (shared_->running < count_) {
    try {
      std::thread([shared = shared_] { shared->work(); }).detach();
      ++shared_->running;
    } catch (const std::system_error&) {
      if (shared_->running == 0) return make_error(EAGAIN, "pthread_create");
      break;
    }
  }
  shared_->jobs.push_back(std::move(job));
  shared_->wake.notify_one();
  return {};
}

bool DiskThreads::withdraw(const void* who) noexcept {
  if (!shared_) return false;
  const std::lock_guard lock(shared_->mutex);
  return std::erase_if(shared_->jobs, [who](const Job& job) { return job.who == who; }) > 0;
}

std::vector<DiskThreads::Answer> DiskThreads::take_answers() {
  if (!shared_) return {};
  const std::lock_guard lock(shared_->mutex);
  return std::exchange(shared_->answers, {});
}

Result<OwnedFd> duplicate(FdRef fd) {
  const int number = ::fcntl(fd.number(), F_DUPFD_CLOEXEC, 0);
  if (number < 0) return last_error("fcntl F_DUPFD_CLOEXEC");
  return OwnedFd(number);
}

}  // namespace leat::os
