/// A struct, sent and read as it lies in memory: send_struct [NAME]
///
/// One end sends a frame: a tagged object and a text that is not copied. The other looks at both
/// where they arrived.
#include <sys/socket.h>

#include <array>
#include <iostream>
#include <thread>

#include <leat/message.h>
#include <leat/transfer.h>

namespace {

struct Reading {
  std::uint64_t sensor;
  double value;
};
constexpr std::uint32_t version = 1;  // of its members

leat::Receipt send(leat::FdRef socket, std::string_view name) {
  auto frame = leat::Frame::with_room(64);
  if (!frame || !frame->add_object(Reading{.sensor = 7, .value = 21.5}, version)) return {};
  frame->append(leat::Slice::borrow(name));
  return leat::transfer(std::move(*frame).finish(), leat::Sink::socket(socket),
                        {.at_end = leat::AtEnd::shutdown_write});
}

int receive(leat::FdRef socket) {
  alignas(Reading) std::array<std::byte, 256> room;
  const auto got = leat::transfer(leat::Source::socket(socket), leat::Sink(room));
  const auto bytes = std::span<const std::byte>(room).first(got.delivered);
  const auto reading = leat::view_object<Reading>(bytes, version);
  if (!reading) {
    std::cerr << reading.error().message() << "\n";
    return 1;
  }
  const auto name = bytes.subspan(leat::tagged_bytes<Reading>);
  std::cout << "sensor " << (*reading)->sensor << ": " << (*reading)->value << " ("
            << leat::Slice::borrow(name).text() << ")\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return 1;
  const leat::OwnedFd near(ends[0]);
  const leat::OwnedFd far(ends[1]);
  std::jthread sender([&] { send(near, argc > 1 ? argv[1] : "kitchen"); });
  return receive(far);
}
