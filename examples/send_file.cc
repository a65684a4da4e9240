/// Sends a file to a TCP port of this host: send_file FILE PORT
#include <arpa/inet.h>
#include <sys/socket.h>

#include <cstdlib>
#include <iostream>

#include <leat/transfer.h>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(static_cast<in_port_t>(std::atoi(argv[2])));
  peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  leat::OwnedFd socket(::socket(AF_INET, SOCK_STREAM, 0));
  auto file = leat::Source::open(argv[1]);
  if (!file || !socket.valid() ||
      ::connect(socket.number(), reinterpret_cast<sockaddr*>(&peer), sizeof peer) != 0) {
    std::cerr << (file ? "cannot connect" : file.error().message()) << "\n";
    return 1;
  }
  leat::Receipt receipt = leat::transfer(std::move(*file), leat::Sink::socket(std::move(socket)));
  std::cout << receipt.delivered << " bytes, " << leat::name_of(receipt.ending) << "\n";
  for (const leat::Leg& leg : receipt.legs) {
    std::cout << "  " << leg.mechanism.name() << ": " << leg.bytes << " in " << leg.calls
              << " calls\n";
  }
  return receipt.ok() ? 0 : 1;
}
