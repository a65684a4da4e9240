/// Many transfers at once on one thread: poll_loop FILE PORT…
///
/// Sends FILE to each of the ports of this host, at most 64 MiB a second to each, until all have
/// it.
#include "poll_loop.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cstdlib>
#include <iostream>
#include <string>

namespace {

leat::OwnedFd connect_to(const char* port) {
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(static_cast<in_port_t>(std::atoi(port)));
  peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  leat::OwnedFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid() ||
      ::connect(socket.number(), reinterpret_cast<sockaddr*>(&peer), sizeof peer) != 0)
    socket.reset();
  return socket;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  auto context = leat::Context::create();
  if (!context) return 1;
  PollLoop loop(*context);
  bool all_good = true;
  for (int i = 2; i < argc; ++i) {
    auto file = leat::Source::open(argv[1]);
    leat::OwnedFd socket = connect_to(argv[i]);
    if (!file || !socket.valid()) {
      std::cerr << (file ? std::string("cannot connect") : file.error().message()) << "\n";
      return 1;
    }
    leat::Options options;
    options.at_end = leat::AtEnd::close;
    options.rate_limit = 64u << 20;
    loop.add(leat::Transfer::start(*context, std::move(*file),
                                   leat::Sink::socket(std::move(socket)), options),
             [&, port = argv[i]](const leat::Receipt& receipt) {
               std::cout << port << ": " << receipt.delivered << " bytes, "
                         << leat::name_of(receipt.ending) << "\n";
               all_good = all_good && receipt.ok();
             });
  }
  loop.run();
  return all_good ? 0 : 1;
}
