// Goal: opening, setting up and replacing files fail cleanly at every call: no descriptor leaks, no
// temporary file stays, the old content is there or the new, never a mixture.

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <functional>
#include <iterator>

#include <gtest/gtest.h>

#include <leat/connection.h>
#include <leat/context.h>
#include <leat/endpoint.h>

#include "support/drive.h"
#include "support/guards.h"
#include "support/seam.h"
#include "support/streams.h"

namespace leat::testing {
namespace {

constexpr std::array errnos = {EINTR,  EINVAL, ENOSPC, EIO,       ENOMEM,
                               EMFILE, EPERM,  ENOSYS, EOPNOTSUPP};

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void write_content(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// Runs `body` once to count its calls, then once for each call, first, second and last, and each
/// errno. `examine` is told after each run whether `body` said that it succeeded.
void disturb_each_call(const std::function<bool()>& body,
                       const std::function<void(bool)>& examine) {
  std::map<std::string, std::uint64_t, std::less<>> calls;
  {
    bool succeeded = false;
    {
      const ScopedFaults counting;
      succeeded = body();
      calls = counting.all_seen();
    }
    EXPECT_TRUE(succeeded) << "undisturbed";
    examine(succeeded);
  }
  EXPECT_FALSE(calls.empty());
  for (const auto& [call, count] : calls)
    for (const std::uint64_t place : {std::uint64_t{1}, std::uint64_t{2}, count})
      for (const int error_number : errnos) {
        SCOPED_TRACE(call + " number " + std::to_string(place) + " answers " +
                     strerrorname_np(error_number));
        const Census before = open_descriptors();
        bool succeeded = false;
        {
          const ScopedFaults faults({{.call = call, .first = place, .error_number = error_number}});
          succeeded = body();
        }
        EXPECT_EQ(leaked_since(before), "");
        examine(succeeded);
      }
}

class Setup : public GuardedTest {};

TEST_F(Setup, of_a_context) {
  disturb_each_call([] { return Context::create().has_value(); }, [](bool) {});
}

TEST_F(Setup, of_a_source_by_path) {
  const Folder folder;
  write_content(folder.file("file"), "hello");
  disturb_each_call([&] { return Source::open(folder.file("file")).has_value(); }, [](bool) {});
}

TEST_F(Setup, of_a_sink_by_path) {
  const Folder folder;
  write_content(folder.file("file"), "hello");
  disturb_each_call([&] { return Sink::open(folder.file("file")).has_value(); },
                    [&](bool) {
                      EXPECT_EQ(content_of(folder.file("file")), "hello");
                      EXPECT_EQ(folder.listing(), "file");
                    });
}

TEST_F(Setup, of_a_connection) {
  Context context = make_context();
  disturb_each_call(
      [&] {
        Pair pair;
        {
          const ScopedFaults undisturbed;  // the innermost is in force
          pair = make_tcp_pair();
        }
        return Connection::adopt(context, std::move(pair.to)).has_value();
      },
      [](bool) {});
}

class Replacing : public GuardedTest, public ::testing::WithParamInterface<std::string> {
 protected:
  Folder folder_{GetParam()};
};

TEST_P(Replacing, keeps_the_old_or_shows_the_new) {
  const std::string path = folder_.file("name");
  for (const Durability durability : {Durability::none, Durability::data, Durability::full})
    for (const bool exists : {true, false})
      disturb_each_call(
          [&] {
            {
              const ScopedFaults undisturbed;
              if (exists) {
                write_content(path, "old content");
              } else {
                ::unlink(path.c_str());
              }
            }
            auto file = replace_file(path, std::nullopt, durability);
            if (!file) return false;
            const Receipt receipt = transfer(Source("new"), file->sink());
            return receipt.ok() && file->commit().has_value();
          },
          [&](bool succeeded) {
            // After a failing fsync(2) of the folder the name may be there already: then it is
            // whole.
            const std::string now = content_of(path);
            if (succeeded) {
              EXPECT_EQ(now, "new");
              EXPECT_EQ(folder_.listing(), "name");
            } else {
              EXPECT_TRUE(now == "new" || now == (exists ? "old content" : "")) << now;
              EXPECT_TRUE(folder_.listing() == "name" || (!exists && folder_.listing().empty()))
                  << folder_.listing();
            }
          });
}

TEST_P(Replacing, that_fails_half_way_leaves_the_old) {
  const std::string path = folder_.file("name");
  write_content(path, "old content");
  for (const int error_number : {ENOSPC, EIO}) {
    auto file = replace_file(path);
    ASSERT_TRUE(file);
    const auto bytes = pattern(1, 0, 100'000);
    Receipt receipt;
    {
      Context context = make_context();
      Transfer transfer =
          Transfer::start(context, Source(std::span<const std::byte>(bytes)), file->sink());
      const ScopedFaults faults({{.first = 3, .times = always, .error_number = error_number}});
      EXPECT_EQ(drive(context, transfer, 10'000).trouble, "");
      receipt = transfer.receipt();
    }
    EXPECT_EQ(receipt.ending, Ending::failed) << describe(receipt);
    EXPECT_EQ(receipt.delivered, 20'000u) << describe(receipt);
    file = std::unexpected(Error{});  // destroys it, uncommitted
    EXPECT_EQ(content_of(path), "old content");
    EXPECT_EQ(folder_.listing(), "name");
  }
}

TEST_P(Replacing, killed_half_way_leaves_nothing) {
  const std::string path = folder_.file("name");
  write_content(path, "old content");
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe2(ready.data(), O_CLOEXEC), 0);
  const OwnedFd from(ready[0]);
  const pid_t child = ::fork();
  if (child == 0) {
    auto file = replace_file(path);
    if (file) transfer(Source("half"), file->sink());
    [[maybe_unused]] const auto ignored = ::write(ready[1], "x", 1);
    for (;;) ::pause();
  }
  ::close(ready[1]);
  char byte = 0;
  ASSERT_EQ(::read(from.number(), &byte, 1), 1);
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(content_of(path), "old content");
  EXPECT_EQ(folder_.listing(), "name");
}

INSTANTIATE_TEST_SUITE_P(on, Replacing, ::testing::Values("/tmp", "/dev/shm"),
                         [](const auto& each) {
                           return std::string(each.param == "/tmp" ? "disk" : "tmpfs");
                         });

}  // namespace
}  // namespace leat::testing
