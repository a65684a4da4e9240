/// Two processes share frames: share_frames [COUNT]
///
/// The child makes frames of 1 MiB and passes them over a UNIX socket; the parent looks at them
/// where they lie. No byte of a frame passes through the socket.
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>

#include <leat/region.h>

namespace {

constexpr std::size_t frame_bytes = 1u << 20;

int make_frames(leat::FdRef socket, int count) {
  for (int number = 1; number <= count; ++number) {
    auto frame = leat::RegionBuilder::with_size(frame_bytes);
    if (!frame) return 1;
    std::ranges::fill(frame->bytes(), static_cast<std::byte>(number));
    const auto sealed = std::move(*frame).seal();
    if (!sealed || !leat::send_region(socket, *sealed)) return 1;
  }
  return 0;
}

int look_at_frames(leat::FdRef socket) {
  for (;;) {
    const auto frame = leat::receive_region(socket);
    if (!frame) {
      std::cerr << frame.error().message() << "\n";
      return 1;
    }
    if (!*frame) return 0;
    const auto bytes = (*frame)->bytes.bytes();
    std::cout << bytes.size() << " bytes of " << static_cast<int>(bytes.back()) << "\n";
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return 1;
  const leat::OwnedFd near(ends[0]);
  leat::OwnedFd far(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(make_frames(far, argc > 1 ? std::atoi(argv[1]) : 3));
  far.reset();
  int status = 0;
  ::waitpid(child, &status, 0);
  return look_at_frames(near) != 0 || status != 0 ? 1 : 0;
}
