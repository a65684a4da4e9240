// Goal: a mapping is the file's bytes, from anywhere on, while a slice of it is there; what a file
// no longer has is an error or zeros, as was asked for, and never the end of the program (pitfalls
// 37, 38). Method: files that are cut off under the mapping; the guard in a process of
// its own, where it stays.

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/mapping.h>

#include "support/files.h"
#include "support/guards.h"
#include "support/pattern.h"
#include "support/seam.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t seed = 3;
constexpr std::size_t page = 4096;
constexpr std::size_t size = 5 * page + 77;

class MappingTest : public GuardedTest {
 protected:
  OwnedFd file_ = pattern_file(seed, size);

  Mapping map(Range window = {}, const MappingOptions& options = {}) {
    auto mapping = Mapping::of(file_, window, options);
    EXPECT_TRUE(mapping) << mapping.error().message();
    return std::move(*mapping);
  }
  void cut_off(std::size_t length) {
    ASSERT_EQ(::ftruncate(file_.number(), static_cast<off_t>(length)), 0);
  }
  /// Ends the program, one way or the other.
  void touch_a_hole_of_somebody_else() {
    void* const foreign = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file_.number(), 0);
    cut_off(page);
    const auto* const last = static_cast<const volatile char*>(foreign) + size - 1;
    ::_exit(*last == 0 ? 3 : 4);
  }
  bool holds_pattern(std::span<const std::byte> bytes, std::uint64_t from) {
    return std::ranges::equal(bytes, pattern(seed, from, bytes.size()));
  }
};

TEST_F(MappingTest, is_the_bytes_of_the_file) {
  for (const bool populate : {false, true}) {
    const Mapping mapping = map({}, {.populate = populate});
    EXPECT_EQ(mapping.bytes().size(), size);
    EXPECT_TRUE(holds_pattern(mapping.bytes(), 0));
    EXPECT_TRUE(mapping.writable().empty());
  }
}

TEST_F(MappingTest, a_window_begins_anywhere_and_is_cut_to_what_is_there) {
  for (const auto& [offset, length, expected] : {std::tuple{0uz, 1uz, 1uz},
                                                 {1uz, page, page},
                                                 {page - 1, 2uz, 2uz},
                                                 {size - 1, 100uz, 1uz},
                                                 {2 * page, size, size - 2 * page}}) {
    const Mapping mapping = map({offset, length});
    EXPECT_EQ(mapping.bytes().size(), expected);
    EXPECT_TRUE(holds_pattern(mapping.bytes(), offset));
  }
}

// Pitfall 38.
TEST_F(MappingTest, nothing_is_an_empty_mapping) {
  EXPECT_TRUE(map({size, 10}).bytes().empty());
  EXPECT_TRUE(map({size + 10, 10}).bytes().empty());
  EXPECT_TRUE(map({0, 0}).slice().empty());
  EXPECT_TRUE(map({0, 0}).guarded_read(0, {}));
  EXPECT_FALSE(map({0, 0}).is_guarded());
  EXPECT_TRUE(map().is_guarded());
  cut_off(0);
  EXPECT_TRUE(map().bytes().empty());
}

TEST_F(MappingTest, a_private_copy_leaves_the_file_as_it_is) {
  const Mapping mapping = map({}, {.access = MapAccess::private_copy});
  mapping.writable()[7] = ~mapping.bytes()[7];
  std::byte in_file{};
  ASSERT_EQ(::pread(file_.number(), &in_file, 1, 7), 1);
  EXPECT_EQ(in_file, pattern(seed, 7, 1)[0]);
  EXPECT_NE(mapping.bytes()[7], in_file);
}

TEST_F(MappingTest, what_is_shared_is_written_to_the_file) {
  {
    const Mapping mapping = map({page + 3, 10}, {.access = MapAccess::shared});
    mapping.writable()[0] = std::byte{42};
  }
  std::byte in_file{};
  ASSERT_EQ(::pread(file_.number(), &in_file, 1, page + 3), 1);
  EXPECT_EQ(in_file, std::byte{42});
}

// What is written to the file afterwards does not show: it was copied, not only mapped.
TEST_F(MappingTest, is_loaded_to_a_node) {
  const Mapping mapping = map({}, {.access = MapAccess::private_copy, .populate = true, .node = 0});
  ASSERT_TRUE(holds_pattern(mapping.bytes(), 0));
  for (std::uint64_t at = 0; at < size; at += page)
    ASSERT_EQ(::pwrite(file_.number(), "new", 3, static_cast<off_t>(at)), 3);
  EXPECT_TRUE(holds_pattern(mapping.bytes(), 0));
}

TEST_F(MappingTest, needs_the_rights) {
  const OwnedFd read_only(
      ::open(("/proc/self/fd/" + std::to_string(file_.number())).c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(Mapping::of(read_only, {}, {.access = MapAccess::private_copy}));
  EXPECT_TRUE(Mapping::of(read_only, {}, {.access = MapAccess::shared}).error().is(EACCES));
  EXPECT_FALSE(Mapping::of(file_, {}, {.node = 1023}));
}

TEST_F(MappingTest, slices_keep_it) {
  std::optional<Mapping> mapping = map({10});
  const Slice slice = mapping->slice(5, 20);
  EXPECT_EQ(slice.retained_bytes(), size - 10);
  mapping.reset();
  file_.reset();
  EXPECT_TRUE(holds_pattern(slice.bytes(), 15));
}

TEST_F(MappingTest, takes_advice_for_a_part) {
  const Mapping mapping = map();
  for (const Advice advice :
       {Advice::normal, Advice::sequential, Advice::random, Advice::will_need})
    EXPECT_TRUE(mapping.advise(advice, page + 1, 10));
  EXPECT_TRUE(mapping.advise(Advice::random, size + 1));
  const ScopedFaults faults({{.call = "madvise", .error_number = EINVAL}});
  EXPECT_TRUE(mapping.advise(Advice::huge_pages).error().is(EINVAL));
}

TEST_F(MappingTest, is_mapped_also_where_it_cannot_be_populated) {
  const ScopedFaults faults({{.call = "madvise", .error_number = EINVAL}});
  EXPECT_TRUE(holds_pattern(map({}, {.populate = true}).bytes(), 0));
}

// Pitfall 37.
TEST_F(MappingTest, a_guarded_read_of_what_was_cut_off_is_an_error) {
  const Mapping mapping = map();
  std::vector<std::byte> into(size - 3);
  EXPECT_TRUE(mapping.guarded_read(3, into));
  EXPECT_TRUE(holds_pattern(into, 3));
  EXPECT_TRUE(mapping.guarded_read(4, into).error().is(EINVAL));
  {
    const ScopedFaults faults({{.call = "process_vm_readv", .error_number = EPERM}});
    EXPECT_TRUE(mapping.guarded_read(3, into).error().is(EPERM));
  }
  cut_off(2 * page);
  EXPECT_TRUE(mapping.guarded_read(0, std::span(into).first(2 * page)));
  const auto read = mapping.guarded_read(page, std::span(into).first(2 * page));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::source_shrank);
}

TEST(SealedFileTest, can_be_neither_written_nor_cut_off) {
  const auto bytes = pattern(seed, 0, 10'000);
  const auto file = sealed_file(bytes);
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_LT(::ftruncate(file->number(), 1), 0);
  EXPECT_LT(::pwrite(file->number(), "x", 1, 0), 0);
  const auto mapping = Mapping::of(*file);
  ASSERT_TRUE(mapping);
  EXPECT_TRUE(std::ranges::equal(mapping->bytes(), bytes));
  EXPECT_FALSE(Mapping::of(*file, {}, {.access = MapAccess::shared}));
  {
    const ScopedFaults faults({{.call = "fcntl", .error_number = EPERM}});
    EXPECT_TRUE(sealed_file(bytes).error().is(EPERM));
  }
  const ScopedFaults faults({{.call = "memfd_create", .error_number = EMFILE}});
  EXPECT_TRUE(sealed_file(bytes).error().is(EMFILE));
}

/// Reads the last byte of `mapping`, whose file has been cut off.
std::byte touch_the_hole(const Mapping& mapping) {
  return *const_cast<const volatile std::byte*>(&mapping.bytes().back());
}

int earlier_calls = 0;
void earlier_handler(int) {
  ++earlier_calls;
  ::_exit(7);
}

using GuardDeathTest = MappingTest;

TEST_F(GuardDeathTest, zeros_where_the_file_was_cut_off) {
  EXPECT_EXIT(
      {
        const Mapping before = map();
        if (!install_sigbus_guard() || !install_sigbus_guard()) ::_exit(1);
        const Mapping after = map({}, {.access = MapAccess::private_copy});
        cut_off(page);
        bool good = !before.has_holes() && touch_the_hole(before) == std::byte{0};
        good = good && before.has_holes() && !after.has_holes();
        after.writable().back() = std::byte{1};
        good = good && after.has_holes() && touch_the_hole(after) == std::byte{1};
        good = good && holds_pattern(before.bytes().first(page), 0);
        ::_exit(good ? 0 : 2);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST_F(GuardDeathTest, what_is_no_mapping_of_ours_goes_to_the_handler_before) {
  EXPECT_EXIT(
      {
        ::signal(SIGBUS, earlier_handler);
        if (!install_sigbus_guard()) ::_exit(1);
        touch_a_hole_of_somebody_else();
      },
      ::testing::ExitedWithCode(7), "");
}

TEST_F(GuardDeathTest, without_an_earlier_handler_that_ends_the_program) {
  EXPECT_EXIT(
      {
        ::signal(SIGBUS, SIG_DFL);
        if (!install_sigbus_guard()) ::_exit(1);
        touch_a_hole_of_somebody_else();
      },
      ::testing::KilledBySignal(SIGBUS), "");
}

}  // namespace
}  // namespace leat::testing
