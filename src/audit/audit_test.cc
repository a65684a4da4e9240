// Goal: the share of CPU time spent copying is what it is. Method: programs whose share is known
// because they measure it themselves by their own CPU clock, tables of symbols by hand, and filters
// that deny the samples.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <leat/audit.h>

#include "audit/kernel_symbols.h"
#include "audit/user_copies.h"
#include "support/files.h"
#include "support/filter.h"
#include "support/guards.h"

namespace leat::testing {
namespace {

using Seconds = std::chrono::duration<double>;

Seconds cpu_time() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return Seconds(static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec));
}

TEST(CopyRoutines, names_of_old_and_new_kernels) {
  for (const std::string_view name :
       {"copy_user_generic_string", "copy_user_generic_unrolled", "copy_user_enhanced_fast_string",
        "_copy_to_iter", "_copy_from_iter", "rep_movs_alternative", "memcpy", "memcpy_orig",
        "copy_page", "memcpy_orig.isra.0", "_copy_to_iter.cold"})
    EXPECT_TRUE(is_copy_routine(name)) << name;
  for (const std::string_view name :
       {"", "memcpy_and_more", "copy", "clear_page", "__copy_skb_header", "copy_process", "memset"})
    EXPECT_FALSE(is_copy_routine(name)) << name;
}

TEST(KernelSymbolsTest, finds_the_function_that_holds_an_address) {
  const auto symbols = KernelSymbols::parse(
      "ffffffff81000300 T other\n"
      "ffffffff81000100 T _copy_to_iter\n"
      "ffffffff81000200 t quiet\t[module]\n"
      "ffffffff81000200 D data_of_no_interest\n"
      "ffffffff81000400 T __memcpy\n"
      "ffffffff81000400 W memcpy\n"
      "nonsense\n"
      "ffffffff81000500 T last");
  EXPECT_FALSE(symbols.is_copying(0xffffffff810000ff));
  EXPECT_TRUE(symbols.is_copying(0xffffffff81000100));
  EXPECT_TRUE(symbols.is_copying(0xffffffff810001ff));
  EXPECT_FALSE(symbols.is_copying(0xffffffff81000200));
  EXPECT_FALSE(symbols.is_copying(0xffffffff81000300));
  EXPECT_TRUE(symbols.is_copying(0xffffffff81000480));
  EXPECT_FALSE(symbols.is_copying(0xffffffff81000500));
  EXPECT_FALSE(KernelSymbols::parse("").is_copying(1));
}

TEST(KernelSymbolsTest, hidden_addresses_are_no_symbols) {
  EXPECT_TRUE(KernelSymbols::parse("0000000000000000 T memcpy\n0000000000000000 T b\n").empty());
}

TEST(UserCopiesTest, knows_memcpy_and_nothing_else) {
  const UserCopies copies = UserCopies::of_this_program();
  void* (*const volatile copy)(void*, const void*, std::size_t) = std::memcpy;
  const auto start = reinterpret_cast<std::uint64_t>(copy);
  EXPECT_TRUE(copies.is_copying(start));
  EXPECT_TRUE(copies.is_copying(start + 16));
  EXPECT_FALSE(copies.is_copying(start + (64 << 10)));
  void* (*const volatile other)(void*, int, std::size_t) = std::memset;
  EXPECT_FALSE(copies.is_copying(reinterpret_cast<std::uint64_t>(other)));
}

TEST(CopyProfileTest, adds_up) {
  CopyProfile profile{
      .kernel_copying = 20, .kernel_other = 50, .user_copying = 10, .user_other = 20};
  EXPECT_DOUBLE_EQ(profile.copy_share(), 0.3);
  const double error = profile.copy_share_error();
  EXPECT_NEAR(error, 0.09, 0.01);
  for (int count = 0; count < 99; ++count) profile += {20, 50, 10, 20, 1};
  EXPECT_EQ(profile.samples(), 10'000u);
  EXPECT_EQ(profile.lost, 99u);
  EXPECT_NEAR(profile.copy_share_error(), error / 10, 0.001);
  EXPECT_EQ(CopyProfile().copy_share(), 0);
  EXPECT_EQ(CopyProfile().copy_share_error(), 1);
  EXPECT_GT((CopyProfile{.kernel_other = 100}).copy_share_error(), 0.01) << "none seen is not none";
}

/// Runs `body` in a child that is sampled, and returns what was sampled.
class Sampling : public GuardedTest {
 protected:
  void SetUp() override {
    const auto tried = CopySampler::attach(0);
    if (!tried) GTEST_SKIP() << tried.error().message();
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer puts its own memcpy(3) in the library's place";
#endif
  }
  static CopyProfile sample(const std::function<void()>& body) {
    int gate[2];
    EXPECT_EQ(::pipe2(gate, O_CLOEXEC), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      char byte = 0;
      if (::read(gate[0], &byte, 1) == 1) body();
      ::_exit(0);
    }
    auto sampler = CopySampler::attach(child);
    EXPECT_TRUE(sampler) << sampler.error().message();
    EXPECT_EQ(::write(gate[1], "x", 1), 1);
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    ::close(gate[0]);
    ::close(gate[1]);
    return sampler->collect();
  }
};

void compute(double seconds) {
  volatile std::uint64_t value = 1;
  const Seconds until = cpu_time() + Seconds(seconds);
  while (cpu_time() < until)
    for (int round = 0; round < 2000; ++round) value = value * 6364136223846793005u + 1;
}

TEST_F(Sampling, a_chosen_share_of_user_copies) {
  auto* const shared = static_cast<double*>(
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  for (const double wanted : {0.2, 0.7}) {
    const CopyProfile profile = sample([&] {
      std::vector<char> from(1 << 20, 'x');
      std::vector<char> to(1 << 20);
      void* (*const volatile copy)(void*, const void*, std::size_t) = std::memcpy;
      double copying = 0;
      const Seconds began = cpu_time();
      while (cpu_time() - began < Seconds(1)) {
        const Seconds before = cpu_time();
        for (int round = 0; round < 20; ++round) copy(to.data(), from.data(), from.size());
        const double spent = (cpu_time() - before).count();
        copying += spent;
        compute(spent * (1 - wanted) / wanted);
      }
      *shared = copying / (cpu_time() - began).count();
    });
    EXPECT_GE(profile.samples(), 1000u);
    EXPECT_NEAR(profile.copy_share(), *shared, 0.05) << profile.samples() << " samples";
    EXPECT_GT(profile.user_copying, profile.kernel_copying);
  }
  ::munmap(shared, 4096);
}

// A pread(2) of 1 MiB from the page cache does little else than copy: what else it does is measured
// by preads of one byte for each page.
TEST_F(Sampling, warm_reads_copy) {
  const OwnedFd file = pattern_file(5, 8 << 20);
  const CopyProfile profile = sample([&] {
    std::vector<char> block(1 << 20);
    const Seconds began = cpu_time();
    while (cpu_time() - began < Seconds(1)) {
      for (off_t at = 0; at < 8 << 20; at += 1 << 20) [[maybe_unused]]
        const ssize_t ignored = ::pread(file.number(), block.data(), block.size(), at);
    }
  });
  EXPECT_GE(profile.samples(), 1000u);
  EXPECT_GT(profile.kernel_copying, profile.samples() * 7 / 10)
      << profile.kernel_copying << " of " << profile.samples();
  EXPECT_LT(profile.user_copying, profile.samples() / 50);
}

TEST_F(Sampling, several_samplers_share_what_was_found_once) {
  const auto routines = CopyRoutines::find();
  ASSERT_TRUE(routines) << routines.error().message();
  auto one = CopySampler::attach(0, *routines);
  auto other = CopySampler::attach(0, *routines);
  ASSERT_TRUE(one && other);
  compute(0.1);
  EXPECT_GT(one->collect().user_other, 50u);
  EXPECT_GT(other->collect().user_other, 50u);
}

TEST_F(Sampling, threads_started_later_are_sampled_too) {
  const CopyProfile profile = sample([] { std::jthread([] { compute(0.5); }).join(); });
  EXPECT_GT(profile.user_other, 500u);
  EXPECT_LT(profile.copy_share(), 0.05);
}

TEST(SamplingDenied, says_what_denies_it) {
  if (const std::string reason = filters_unavailable(); !reason.empty()) GTEST_SKIP() << reason;
  on_own_thread([] {
    refuse_calls({"perf_event_open"}, EACCES);
    const auto sampler = CopySampler::attach(0);
    ASSERT_FALSE(sampler);
    if (sampler.error().operation == "perf_event_open") {
      EXPECT_TRUE(sampler.error().is(EACCES));
    }
    EXPECT_NE(sampler.error().hint, "");
  });
}

TEST(SamplingDenied, a_process_that_is_not_there) {
  const auto tried = CopySampler::attach(0);
  if (!tried) GTEST_SKIP() << tried.error().message();
  EXPECT_TRUE(CopySampler::attach(1 << 30).error().is(ESRCH));
}

}  // namespace
}  // namespace leat::testing
