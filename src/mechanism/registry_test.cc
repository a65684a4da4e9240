// Goal: the registry is the one list of mechanisms, and each entry says what it is.

#include <set>
#include <string_view>

#include <gtest/gtest.h>

#include <leat/mechanism.h>

#include "mechanism/mechanism.h"
#include "support/filter.h"
#include "support/guards.h"
#include "support/pump_bench.h"
#include "support/seam.h"

namespace leat::testing {
namespace {

TEST(Registry, names_lead_to_mechanisms_and_back) {
  ASSERT_GE(Mechanism::count(), 4u);
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < Mechanism::count(); ++i) {
    const Mechanism mechanism = Mechanism::at(i);
    EXPECT_TRUE(mechanism);
    EXPECT_EQ(Mechanism::named(mechanism.name()), mechanism);
    EXPECT_FALSE(mechanism.summary().empty());
    EXPECT_TRUE(names.insert(mechanism.name()).second) << mechanism.name();
  }
  EXPECT_EQ(names.size(), registry().size());
}

TEST(Registry, none_has_no_name) {
  const Mechanism none;
  EXPECT_FALSE(none);
  EXPECT_EQ(none.name(), "");
  EXPECT_EQ(none.summary(), "");
  EXPECT_EQ(none.unavailable(), "");
  EXPECT_FALSE(Mechanism::named(""));
  EXPECT_FALSE(Mechanism::named("carrier_pigeon"));
}

TEST(Registry, probing_tells_what_the_kernel_says) {
  for (const std::string_view name : {"sendfile", "splice", "copy_file_range"}) {
    SCOPED_TRACE(name);
    const Mechanism mechanism = *Mechanism::named(name);
    EXPECT_EQ(mechanism.unavailable(), "");
    for (const int error_number : {ENOSYS, EPERM}) {
      const ScopedFaults faults({{.call = name, .error_number = error_number}});
      EXPECT_NE(mechanism.unavailable(), "");
      EXPECT_EQ(faults.seen(name), 1u);
    }
  }
  EXPECT_EQ(Mechanism::named("reflink")->unavailable(), "") << "some file system has it";
  const ScopedFaults faults({{.call = "ioctl", .error_number = EPERM}});
  EXPECT_NE(Mechanism::named("reflink")->unavailable(), "");
  EXPECT_EQ(Mechanism::named("mmap_write")->unavailable(), "");
  EXPECT_EQ(Mechanism::named("direct_io")->unavailable(), "") << "some file system has it";
  EXPECT_EQ(Mechanism::named("read_write")->unavailable(), "") << "the floor is always there";
}

TEST(Registry, probing_tells_what_a_filter_denies) {
  if (const auto why = filters_unavailable(); !why.empty()) GTEST_SKIP() << why;
  std::string_view reason;
  on_own_thread([&] {
    refuse_calls({"sendfile"}, EPERM);
    reason = Mechanism::named("sendfile")->unavailable();
  });
  EXPECT_NE(reason, "");
}

// `reason` is what a person reads in a plan.
TEST(Registry, every_fit_has_a_reason) {
  for (const MechanismEntry* entry : registry())
    for (const Kind source : {Kind::file, Kind::socket, Kind::pipe, Kind::memory, Kind::device})
      for (const Kind sink : {Kind::file, Kind::socket, Kind::pipe, Kind::memory, Kind::device}) {
        const Fit fit = entry->fits({.kind = source}, {.kind = sink});
        EXPECT_FALSE(fit.reason.empty()) << entry->name;
        EXPECT_FALSE(fit.reason.ends_with('.')) << entry->name;
      }
}

TEST(Registry, a_pump_slot_destroys_what_it_holds) {
  struct Counting final : Pump {
    explicit Counting(int& count) : count_(&count) { ++count; }
    ~Counting() override { --*count_; }
    Moved step(const Passage&, const Allowance&) override { return {}; }
    Residue surrender(Resources&) override { return {}; }
    int* count_;
  };
  int alive = 0;
  {
    PumpSlot slot;
    EXPECT_EQ(slot.get(), nullptr);
    slot.emplace<Counting>(alive);
    slot.emplace<Counting>(alive);
    EXPECT_EQ(alive, 1);
    slot.clear();
    EXPECT_EQ(alive, 0);
    EXPECT_EQ(slot.get(), nullptr);
    slot.emplace<Counting>(alive);
  }
  EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace leat::testing
