// One transfer between two self-checking endpoints, with every invariant that holds whatever
// happens.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <leat/plan.h>
#include <leat/pool.h>
#include <leat/transfer.h>

#include "support/drive.h"
#include "support/ends.h"
#include "support/guards.h"

namespace leat::testing {

enum class Driver : std::uint8_t {
  steps,      ///< a poll loop of step()s
  call,       ///< transfer() with a context that is there already
  free_call,  ///< transfer() with a context of its own
};

struct Case {
  EndKind from = EndKind::memory;
  EndKind to = EndKind::memory;
  EndOptions from_options{};
  EndOptions to_options{};
  Options options{};
  std::shared_ptr<const Costs> costs{};  ///< null: those of make_context()
  Driver driver = Driver::steps;
  std::uint64_t limit = default_step_limit;
  /// Not 0: the context has registered blocks of so many bytes, and slices and chains lie in one.
  std::size_t registered_block_bytes = 0;
};

struct Outcome {
  Receipt receipt;
  Drive drive;  ///< with Driver::steps
  /// Every invariant that was broken: bytes, offsets, flags, the receipt's sums, leaks of bytes.
  std::string trouble;
  std::uint64_t registered_operations = 0;
};

/// Waits until nothing is lent that a connection which is closed by now has lent; what is wrong.
/// For ever, if the kernel never lets go: a watchdog bounds it.
std::string take_back_loans(Context& context);

/// Runs `body`, which moves the bytes; lets a test come between (a fault plan, a filter, a thread).
using Around = std::function<void(const std::function<void()>& body)>;

/// Both ends of a case. They go before the context.
struct Ends {
  std::unique_ptr<SourceEnd> from;
  std::unique_ptr<SinkEnd> to;
};
Ends ends_of(const Case& one, Context& context, Pool* pool = nullptr);

Outcome run_case(const Case& one, const Around& around = {});

/// The payload in both ends: `promised`, at ragged offsets, with something before and after it; or
/// whole: to the end of the source, from 0, nothing round it.
Case ragged_case(EndKind from, EndKind to, std::uint64_t size);
Case whole_case(EndKind from, EndKind to, std::uint64_t size);

/// Whether this is how an undisturbed transfer of this case ends.
bool is_undisturbed_ending(const Case& one, Ending ending);

/// A mechanism and a pair of endpoint kinds that it fits, found by asking the library.
struct FittingPair {
  Mechanism mechanism;
  EndKind from;
  EndKind to;
};
/// A test of such pairs by their mechanism alone, which has to be there.
class AlonePairTest : public GuardedTest, public ::testing::WithParamInterface<FittingPair> {
 protected:
  void SetUp() override {
    const std::string_view why = GetParam().mechanism.unavailable();
    if (!why.empty()) GTEST_SKIP() << GetParam().mechanism.name() << ": " << why;
  }
};

/// A mechanism that serves plain memory serves a slice in the same way, and one that takes a piece
/// at a time a chain: that is left out.
std::vector<FittingPair> fitting_pairs();
/// The others: mechanism and pair that it does not fit.
std::vector<FittingPair> misfits();
/// Two file systems: copy_file_range(2) answers EXDEV there, which only the kernel knows
/// beforehand.
bool crosses_file_systems(const FittingPair& pair);
/// "sendfile_file_to_tcp_socket"
std::string name_of(const FittingPair& pair);
void PrintTo(const FittingPair& pair, std::ostream* out);
/// The pairs of endpoint kinds, with no mechanism, less those that would only show once more what
/// others show: memory that may be lent differs from other memory only on the way to a stream; a
/// connection differs from a TCP socket where it lends, takes the short way of one call or corks
/// (memory, and files), and where both directions share one (connection to connection); pieces of
/// memory go by as many calls to any stream, and one kind of each family is enough.
std::vector<FittingPair> all_pairs();

}  // namespace leat::testing
