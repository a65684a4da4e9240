#include "seam/scene.h"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "support/drive.h"
#include "support/guards.h"

namespace leat::testing {
namespace {

OwnedFd duplicate_of(FdRef fd) { return OwnedFd(::dup(fd.number())); }

std::string tell(const std::string& what, const std::string& trouble) {
  return trouble.empty() ? "" : what + ": " + trouble + "; ";
}

std::string ended_as(const Receipt& receipt, std::uint64_t bytes, Ending one, Ending other) {
  if (receipt.delivered == bytes && receipt.stranded == 0 &&
      (receipt.ending == one || receipt.ending == other))
    return inconsistency(receipt);
  return describe(receipt);
}

}  // namespace

void StepWatch::saw(const Step& step) {
  if (step.taken - taken > limit || step.delivered - delivered > limit)
    trouble = "a step moved more than its limit";
  taken = step.taken;
  delivered = step.delivered;
  ++moving_steps;
}

Scene::Scene()
    : client_(make_tcp_pair()), server_(make_tcp_pair()), began_(std::chrono::steady_clock::now()) {
  slow_source_ = SourceEnd::make(EndKind::file, {.size = slow_bytes, .seed = 31});
  EndOptions slow{.size = slow_bytes, .seed = 31, .small_buffers = true};
  slow.drain.chunk_bytes = 1024;
  slow_sink_ = SinkEnd::make(EndKind::tcp_socket, slow);
  limited_source_ = SourceEnd::make(EndKind::file, {.size = limited_bytes, .seed = 34});
  limited_sink_ = SinkEnd::make(EndKind::tmpfs_file, {.size = limited_bytes, .seed = 34});
}

Options Scene::watched(StepWatch& watch) {
  Options options;
  options.progress = [&watch](const Step& step) { watch.saw(step); };
  return options;
}

Scene::Act Scene::slow_socket() {
  return {slow_source_->source(), slow_sink_->sink(), watched(watches_[0])};
}

// Both ends of the relay write and read at once, each way on a thread of its own.
Scene::Act Scene::relay_out() {
  set_blocking(client_.to, Blocking::yes);
  set_blocking(server_.to, Blocking::yes);
  server_reads_.emplace(duplicate_of(server_.to), DrainOptions{.seed = 32});
  client_reads_.emplace(duplicate_of(client_.to), DrainOptions{.seed = 33});
  const auto few = pattern(32, 0, out_bytes);
  // The client sends little and half-closes: its reading direction has to live on.
  [[maybe_unused]] const auto count = ::write(client_.to.number(), few.data(), few.size());
  ::shutdown(client_.to.number(), SHUT_WR);
  Options options = watched(watches_[1]);
  options.at_end = AtEnd::shutdown_write;
  return {Source::socket(client_.from.ref()), Sink::socket(server_.from.ref()), options};
}

Scene::Act Scene::relay_back() {
  Options options = watched(watches_[2]);
  options.at_end = AtEnd::shutdown_write;
  server_writes_.emplace(std::move(server_.to), 33, 0, back_bytes);
  return {Source::socket(server_.from.ref()), Sink::socket(client_.from.ref()), options};
}

Scene::Act Scene::limited_copy() {
  Options options = watched(watches_[3]);
  options.rate_limit = rate;
  began_ = std::chrono::steady_clock::now();
  return {limited_source_->source(), limited_sink_->sink(), options};
}

Scene::Act Scene::stopped() {
  Options options = watched(watches_[4]);
  options.stop = stop_.get_token();
  stopper_ = std::jthread([this] {
    // When the relay is done and the loop is busy elsewhere, or waits.
    server_reads_->finish();
    stop_.request_stop();
  });
  return {Source::pipe(silent_.from.ref()), Sink::socket(unread_.to.ref()), options};
}

Scene::Act Scene::on_ring(std::size_t index) {
  const std::uint64_t bytes = ring_bytes(index);
  ring_sinks_[index] = SinkEnd::make(EndKind::tcp_socket, {.size = bytes, .seed = 40 + index});
  Options options = watched(watches_[5 + index]);
  const Mechanism ring = *Mechanism::named("uring_send_zc");
  // Where it is denied the bytes go another way.
  if (ring.unavailable().empty()) options.mechanism = ring;
  return {pattern_slice(40 + index, 0, bytes), ring_sinks_[index]->sink(), options};
}

std::string Scene::examine(const Receipts& receipts) {
  const auto took = std::chrono::steady_clock::now() - began_;
  stopper_.join();
  client_.from.reset();
  server_.from.reset();
  std::string trouble;
  trouble += tell("slow socket", ended_as(receipts.slow_socket, slow_bytes, Ending::complete,
                                          Ending::end_of_source));
  trouble += tell("slow socket", slow_sink_->examine(slow_bytes));
  trouble += tell("slow socket", slow_source_->examine(slow_bytes));
  trouble += tell("relay out", ended_as(receipts.relay_out, out_bytes, Ending::end_of_source,
                                        Ending::end_of_source));
  trouble += tell("relay out", server_reads_->finish().check.mismatch());
  if (server_reads_->finish().check.count() != out_bytes)
    trouble += "relay out: bytes are missing; ";
  trouble += tell("relay back", ended_as(receipts.relay_back, back_bytes, Ending::end_of_source,
                                         Ending::end_of_source));
  trouble += tell("relay back", client_reads_->finish().check.mismatch());
  if (client_reads_->finish().check.count() != back_bytes)
    trouble += "relay back: bytes are missing; ";
  trouble += tell("limited copy", ended_as(receipts.limited_copy, limited_bytes, Ending::complete,
                                           Ending::end_of_source));
  trouble += tell("limited copy", limited_sink_->examine(limited_bytes));
  // Half the time that the rate asks for: the other half is for what may be sent at once.
  const std::chrono::duration<double> least(0.5 * limited_bytes / rate);
  if (took < least) trouble += "limited copy: faster than its rate; ";
  trouble += tell("stopped", ended_as(receipts.stopped, 0, Ending::cancelled, Ending::cancelled));
  for (std::size_t index = 0; index < ring_acts; ++index) {
    const std::string name = "on the ring " + std::to_string(index);
    const std::uint64_t bytes = ring_bytes(index);
    trouble +=
        tell(name, ended_as(receipts.on_ring[index], bytes, Ending::complete, Ending::complete));
    trouble += tell(name, ring_sinks_[index]->examine(bytes));
  }
  for (const StepWatch& watch : watches_) trouble += tell("a step", watch.trouble);
  return trouble;
}

std::uint64_t Scene::moving_steps() const {
  std::uint64_t sum = 0;
  for (const StepWatch& watch : watches_) sum += watch.moving_steps;
  return sum;
}

}  // namespace leat::testing
