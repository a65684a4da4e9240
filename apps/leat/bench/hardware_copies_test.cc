// Goal: the rule for DMA copies, case by case.

#include "bench/hardware_copies.h"

#include <gtest/gtest.h>

namespace leat::app::bench {
namespace {

constexpr Pair file_to_tcp{};
constexpr Pair file_to_file{.sink = SinkKind::file};

TEST(HardwareCopies, MemoryOfThisHostIsCarriedByNobody) {
  for (const SourceKind source : {SourceKind::memory, SourceKind::pipe, SourceKind::tcp}) {
    EXPECT_EQ(hardware_copies({{.source = source}, false, true, "splice"}), 0);
  }
  EXPECT_EQ(hardware_copies({{.path = Path::veth}, false, true, "sendfile"}), 0);
}

TEST(HardwareCopies, AWarmFileWasCarriedBefore) {
  EXPECT_EQ(hardware_copies({file_to_tcp, false, true, "sendfile"}), 0);
  EXPECT_EQ(hardware_copies({file_to_tcp, false, false, "sendfile"}), 0);
  EXPECT_EQ(hardware_copies({file_to_file, false, true, "copy_file_range"}), 0)
      << "write-back comes later";
}

TEST(HardwareCopies, AColdFileComesFromTheDisk) {
  EXPECT_EQ(hardware_copies({file_to_tcp, true, true, "read_write"}), 1);
  EXPECT_EQ(hardware_copies({file_to_file, true, true, "splice"}), 1);
}

TEST(HardwareCopies, DirectIoPassesByThePageCacheAtEachEnd) {
  EXPECT_EQ(hardware_copies({file_to_tcp, false, true, "direct_io"}), 1);
  EXPECT_EQ(hardware_copies({file_to_tcp, true, true, "direct_io"}), 1);
  EXPECT_EQ(hardware_copies({file_to_file, false, true, "direct_io"}), 2);
  EXPECT_EQ(hardware_copies(
                {{.source = SourceKind::tcp, .sink = SinkKind::file}, false, true, "direct_io"}),
            1);
}

TEST(HardwareCopies, SharedExtentsAreNotCarried) {
  EXPECT_EQ(hardware_copies({file_to_file, true, true, "reflink"}), 0);
  EXPECT_EQ(hardware_copies({file_to_file, true, true, "copy_file_range"}), std::nullopt)
      << "it may share extents, or copy them";
}

TEST(HardwareCopies, AFileOnNoDeviceIsNotKnown) {
  EXPECT_EQ(hardware_copies({file_to_tcp, true, false, "sendfile"}), std::nullopt);
  EXPECT_EQ(hardware_copies({file_to_file, false, false, "direct_io"}), std::nullopt);
}

}  // namespace
}  // namespace leat::app::bench
