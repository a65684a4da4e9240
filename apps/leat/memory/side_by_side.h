/// Small operations timed side by side: all ways of doing the same take turns, again and again,
/// until their ratios settle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/statistics.h"
#include "bench/summary.h"

namespace leat::app::memory {

template <class T>
using Expected = std::expected<T, std::string>;  ///< the error is one line

struct Settings {
  int min_rounds = 11;
  int max_rounds = 60;
  double sample_ns = 2e6;  ///< a sample repeats its operation at least so long
  /// Told what is going on, once a round.
  std::function<void(std::string_view)> progress{};
};

/// One way to do what the other ways of its group do, too.
struct Way {
  std::string name;
  /// Does it `times` times and returns something of what it saw, which for one time is the same of
  /// all ways of a group.
  std::function<Expected<std::uint64_t>(std::uint64_t times)> run;
  /// Called before each `run`, with the same number: what it does is not measured.
  std::function<void(std::uint64_t times)> prepare{};
  bool counts_heap = true;  ///< false: its memory comes from elsewhere than operator new
  bool from_disk = false;   ///< how fast that is, is the disk's affair: rounds do not wait for it
};

/// What the program took from its heap for one operation.
struct HeapUse {
  double bytes = 0;
  double allocations = 0;
};

struct Row {
  std::string name;
  bool repeat = false;  ///< the first way once more: its ratio is the noise
  bool from_disk = false;
  std::vector<double> wall_ns{};  ///< of one operation, one a round
  std::vector<double> cpu_ns{};   ///< the thread's alone
  std::optional<HeapUse> heap{};  ///< nothing: not counted

  std::string label() const { return repeat ? name + " (2)" : name; }
};

/// A way that has no row, and why.
struct Absent {
  std::string name;
  std::string reason;
};

/// A promise: wall time of `row` at most so much of that of `to`, which is the first row.
struct Bound {
  std::string row;
  std::string to;
  double most = 1;
  bool must_not_allocate = false;
};

struct Group {
  std::string key;    ///< for scripts
  std::string title;  ///< for people
  std::string operation;
  double operations = 1;  ///< that a way does at one time
  std::vector<Bound> bounds{};
  std::vector<Absent> absent{};
  std::vector<Row> rows{};  ///< the first is what the others are compared with
  int rounds = 0;

  /// Null if there is none.
  const Row* find(std::string_view name) const;
};

bench::Ratio wall_to_first(const Group& group, const Row& row);
bench::Ratio cpu_to_first(const Group& group, const Row& row);
/// True once both of the row's ratios are narrow enough, as in leat bench transfer.
bool is_settled(const Group& group, const Row& row);
/// The bounds with the figures that keep or break them; one whose rows are not both there is left
/// out, as `absent` says why.
std::vector<bench::Limit> check_bounds(const Group& group);

/// Measures `ways` into `group`, the first of them twice. Ways that do not see the same are an
/// error.
Expected<Group> measure(Group group, const std::vector<Way>& ways, const Settings& settings);

}  // namespace leat::app::memory
