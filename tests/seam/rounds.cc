#include "seam/rounds.h"

#include <utility>

#include "support/drive.h"

namespace leat::testing {

Rounds::Rounds() {
  for (std::size_t index = 0; index < lanes; ++index) {
    Pair tcp = make_tcp_pair();
    set_blocking(tcp.from, Blocking::yes);
    Lane& lane = lanes_[index];
    lane.seed = 60 + index;
    lane.socket = std::move(tcp.to);
    lane.reader.emplace(std::move(tcp.from), DrainOptions{.seed = lane.seed});
  }
}

Scene::Act Rounds::next(std::size_t index) {
  Lane& lane = lanes_[index];
  const std::uint64_t length = 1 + lane.position % 4999;
  Slice bytes = pattern_slice(lane.seed, lane.position, length);
  lane.position += length;
  const Options options{.mechanism = mechanism(),
                        .deadline = std::chrono::steady_clock::now() + patience};
  return {std::move(bytes), Sink::socket(lane.socket.ref()), options};
}

void Rounds::ended(const Receipt& receipt) {
  ++ended_;
  if (receipt.ending != Ending::complete && trouble_.empty()) trouble_ = describe(receipt);
}

std::string Rounds::examine() {
  if (ended_ != count * lanes) trouble_ += "; not all have ended";
  for (Lane& lane : lanes_) {
    lane.socket.reset();
    const auto& got = lane.reader->finish();
    trouble_ += got.check.mismatch();
    if (got.check.count() != lane.position) trouble_ += "; bytes are missing";
  }
  return trouble_;
}

}  // namespace leat::testing
