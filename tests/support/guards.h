// What every test of moving bytes wants round it: a watchdog and a census of descriptors.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include <gtest/gtest.h>

namespace leat::testing {

/// Aborts the program, with the test's name, if it still lives after `limit`: a hang becomes a
/// failure. One at a time. The limit is generous; it is no measurement. LEAT_TEST_TIME_FACTOR
/// multiplies it.
class Watchdog {
 public:
  explicit Watchdog(std::chrono::seconds limit = std::chrono::seconds(90));
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
};

/// What a descriptor is of: to be compared, and to be read.
struct OpenFile {
  std::string identity;
  std::string target;
};
/// The open descriptors of this process, with what each is.
using Census = std::map<int, OpenFile>;
Census open_descriptors();
/// What is open now and was not then, one a line; empty if nothing leaked.
std::string leaked_since(const Census& then);

/// A fixture that fails a test which leaks a descriptor or hangs.
class GuardedTest : public ::testing::Test {
 protected:
  GuardedTest() : census_(open_descriptors()) {}
  // Not in TearDown: members of derived fixtures hold descriptors until they are destroyed.
  ~GuardedTest() override { EXPECT_EQ(leaked_since(census_), "") << "descriptors leaked"; }

 private:
  Watchdog watchdog_;
  Census census_;
};

/// A folder of its own under /tmp that goes away with everything in it.
class Folder {
 public:
  /// `parent`: another file system to be on, e.g. /dev/shm.
  explicit Folder(const std::string& parent = "/tmp");
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  /// The names in it, sorted, separated by a space.
  std::string listing() const;

 private:
  std::string path_;
};

}  // namespace leat::testing
