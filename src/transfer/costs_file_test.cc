// Goal: what is stored is what is loaded; anything else is an error of its own, never other
// figures. Method: files written, cut, changed and replaced.

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <leat/costs.h>

#include "support/files.h"
#include "support/guards.h"

namespace leat::testing {
namespace {

class CostsFileTest : public GuardedTest {
 protected:
  Costs here() {
    Costs costs;
    costs.kernel = kernel_release();
    costs.cpu = processor_name();
    costs.add({CostSource::cold_file, CostSink::unix_socket, *Mechanism::named("splice"), 4096,
               1234.5, 0.25});
    costs.add({CostSource::memory, CostSink::tcp, *Mechanism::named("read_write"), 1, 1e9, 7});
    return costs;
  }
  std::string stored() { return text_of(path_); }
  void store(const std::string& text) { write_text(path_, text); }
  std::string load_error() {
    const auto loaded = Costs::load(path_);
    return loaded ? "none" : std::string(loaded.error().name());
  }

  Folder folder_;
  std::string path_ = folder_.file("costs");
};

TEST_F(CostsFileTest, brings_back_what_was_saved) {
  ASSERT_TRUE(here().save(path_));
  const auto loaded = Costs::load(path_);
  ASSERT_TRUE(loaded) << loaded.error().message();
  ASSERT_EQ(loaded->figures().size(), 2u);
  const CostFigure& figure = loaded->figures()[1];
  EXPECT_EQ(figure.source, CostSource::memory);
  EXPECT_EQ(figure.bytes, 1u);
  EXPECT_DOUBLE_EQ(figure.wall_ns, 1e9);
  EXPECT_DOUBLE_EQ(loaded->figures()[0].cpu_ns, 0.25);
  EXPECT_EQ(loaded->kernel, kernel_release());
}

TEST_F(CostsFileTest, of_another_host_is_stale) {
  for (const bool kernel : {true, false}) {
    Costs costs = here();
    (kernel ? costs.kernel : costs.cpu) += " of another";
    ASSERT_TRUE(costs.save(path_));
    const auto loaded = Costs::load(path_);
    ASSERT_FALSE(loaded) << (kernel ? "kernel" : "cpu");
    EXPECT_TRUE(loaded.error().is(Errc::stale_costs)) << loaded.error().message();
    EXPECT_TRUE(loaded.error().message().contains("leat calibrate"));
  }
}

TEST_F(CostsFileTest, cut_off_anywhere_is_damaged) {
  ASSERT_TRUE(here().save(path_));
  const std::string whole = stored();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    store(whole.substr(0, size));
    ASSERT_EQ(load_error(), "bad_costs") << size;
  }
}

TEST_F(CostsFileTest, with_anything_else_in_it_is_damaged) {
  ASSERT_TRUE(here().save(path_));
  const std::string whole = stored();
  const auto changed = [&whole](std::string_view from, std::string_view to) {
    std::string text = whole;
    return text.replace(text.find(from), from.size(), to);
  };
  for (const std::string& text :
       {whole + "more\n", changed("end 2", "end 3"), changed("leat-costs 1", "leat-costs 2"),
        changed(" 4096 ", " 4096x "), changed("cold_file", "warm_file"),
        changed("1234.5", "1234.5 1"), changed("unix", "udp"), std::string(2 << 20, 'x')}) {
    store(text);
    EXPECT_EQ(load_error(), "bad_costs") << text.substr(0, 200);
  }
}

TEST_F(CostsFileTest, passes_over_a_mechanism_of_another_build) {
  ASSERT_TRUE(here().save(path_));
  std::string text = stored();
  text.replace(text.find("splice"), 6, "teleport");
  store(text);
  const auto loaded = Costs::load(path_);
  ASSERT_TRUE(loaded) << loaded.error().message();
  EXPECT_EQ(loaded->figures().size(), 1u);
}

TEST_F(CostsFileTest, says_that_there_is_none) { EXPECT_EQ(load_error(), "ENOENT"); }

}  // namespace
}  // namespace leat::testing
