// The error queue: any control bytes are decoded without a crash, and any sequence of sends and
// completions keeps the promises of Loans.

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>

#include "../tests/support/loan_model.cc"  // NOLINT(bugprone-suspicious-include)
#include "check.h"
#include "os/error_queue.h"

namespace {

void decode(std::span<const std::uint8_t> bytes) {
  alignas(cmsghdr) std::array<std::uint8_t, 256> control{};
  msghdr message{};
  message.msg_control = control.data();
  message.msg_controllen = std::min(bytes.size(), control.size());
  std::memcpy(control.data(), bytes.data(), message.msg_controllen);
  const auto released = leat::os::decode_release(message);
  FUZZ_CHECK(!released || message.msg_controllen >= CMSG_LEN(16));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::span bytes(data + 1, size - 1);
  if (data[0] % 4 == 0) {
    decode(bytes);
    return 0;
  }
  // What is given up for good would be a leak to the sanitizer: those runs end by completions.
  std::vector<std::uint8_t> actions(bytes.begin(), bytes.end());
  if (!actions.empty()) actions.back() &= 0xfe;
  leat::testing::LoanModel model(data[0] % 4 == 1 ? 0 : 0xfffffff0u);
  const std::string trouble = model.run(actions);
  if (!trouble.empty()) std::fprintf(stderr, "%s\n", trouble.c_str());
  FUZZ_CHECK(trouble.empty());
  return 0;
}
