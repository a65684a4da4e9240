// Goal: a library that is there hands out its functions; one that is not is told by its name.

#include "os/shared_library.h"

#include <cstddef>
#include <string>

#include <gtest/gtest.h>

namespace leat::app::os {
namespace {

TEST(SharedLibrary, ThatIsNotThereIsToldByItsName) {
  const auto library = SharedLibrary::open("libno_such_library_of_leat.so");
  ASSERT_FALSE(library);
  EXPECT_NE(library.error().find("libno_such_library_of_leat.so"), std::string::npos);
}

TEST(SharedLibrary, HandsOutFunctions) {
  const auto library = SharedLibrary::open("libc.so.6");
  ASSERT_TRUE(library) << library.error();
  auto* const length = library->function<std::size_t(const char*)>("strlen");
  ASSERT_TRUE(length);
  EXPECT_EQ(length("four"), 4u);
  EXPECT_FALSE(library->function<void()>("no_such_function_of_leat"));
}

}  // namespace
}  // namespace leat::app::os
