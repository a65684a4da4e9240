#include "support/ends.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include <leat/connection.h>

#include "support/keepers.h"

namespace leat::testing {
namespace {

constexpr std::uint64_t around_bytes = 8192;  // so much is looked at on each side of the payload
constexpr std::uint64_t around_seed = 0x5eed;

int must(int result, const char* what) {
  if (result < 0) {
    std::perror(what);
    std::abort();
  }
  return result;
}

/// A nameless file: on the disk's file system or on tmpfs.
OwnedFd make_file(EndKind kind) {
  if (kind == EndKind::tmpfs_file)
    return OwnedFd(must(::memfd_create("leat-test", MFD_CLOEXEC), "memfd_create"));
  return OwnedFd(must(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), "open O_TMPFILE"));
}

void write_pattern(FdRef file, std::uint64_t offset, std::uint64_t seed, std::uint64_t position,
                   std::uint64_t length) {
  std::vector<std::byte> bytes = pattern(seed, position, length);
  std::span<const std::byte> left = bytes;
  while (!left.empty()) {
    const auto done = ::pwrite(file.number(), left.data(), left.size(), static_cast<off_t>(offset));
    must(static_cast<int>(std::min<ssize_t>(done, 1)), "pwrite");
    left = left.subspan(static_cast<std::size_t>(done));
    offset += static_cast<std::uint64_t>(done);
  }
}

/// What is wrong with [offset, offset + length) of `file` if it should be that pattern.
std::string check_file(FdRef file, std::uint64_t offset, std::uint64_t seed, std::uint64_t position,
                       std::uint64_t length) {
  StreamCheck check(seed, position);
  std::vector<std::byte> chunk(256 << 10);
  while (check.count() < length) {
    const auto want = std::min<std::uint64_t>(chunk.size(), length - check.count());
    const ssize_t got =
        ::pread(file.number(), chunk.data(), want, static_cast<off_t>(offset + check.count()));
    if (got <= 0) return "the file ends after " + std::to_string(check.count()) + " bytes";
    check.add(std::span(chunk).first(static_cast<std::size_t>(got)));
  }
  if (check.mismatch().empty() && check.digest() != pattern_digest(seed, position, length))
    return "the digest differs";
  return check.mismatch();
}

std::uint64_t size_of(FdRef file) {
  struct stat stat{};
  must(::fstat(file.number(), &stat), "fstat");
  return static_cast<std::uint64_t>(stat.st_size);
}

std::string tell(const std::string& what, const std::string& trouble) {
  return trouble.empty() ? "" : what + ": " + trouble + "; ";
}

Pair make_pair(EndKind kind, Blocking blocking) {
  if (kind == EndKind::pipe) return make_pipe_pair(blocking);
  return kind == EndKind::unix_socket ? make_unix_pair(blocking) : make_tcp_pair(blocking);
}

/// A borrowed descriptor, which must come back as it went, or an owned one, which must be closed.
class Lent {
 public:
  Lent(OwnedFd fd, bool owned) : number_(fd.number()), owned_(owned), fd_(std::move(fd)) {
    before_ = demeanour(fd_);
    offset_before_ = ::lseek(number_, 0, SEEK_CUR);
  }

  template <class End, class Make>
  End give(Make make) {
    if (owned_) return make(std::move(fd_));
    return make(fd_.ref());
  }
  FdRef ref() const { return FdRef(number_); }
  bool owned() const { return owned_; }
  void close() { fd_.reset(); }

  std::string examine() const {
    if (owned_) return {};
    const std::string now = demeanour(fd_);
    if (now != before_) return "changed from {" + before_ + "} to {" + now + "}; ";
    if (::lseek(number_, 0, SEEK_CUR) != offset_before_) return "its own offset moved; ";
    return {};
  }

 private:
  int number_;
  bool owned_;
  OwnedFd fd_;
  std::string before_;
  off_t offset_before_ = 0;
};

class FileSource : public SourceEnd {
 public:
  FileSource(EndKind kind, const EndOptions& options)
      : options_(options), lent_(make_file(kind), options.owned) {
    const std::uint64_t before = std::min(options.offset, around_bytes);
    write_pattern(lent_.ref(), options.offset - before, around_seed, 0, before);
    write_pattern(lent_.ref(), options.offset, options.seed, 0, options.size + options.tail);
  }
  Source source() override {
    const Range range{options_.offset, options_.promised ? options_.size : to_end};
    return lent_.give<Source>([&](auto fd) { return Source::file(std::move(fd), range); });
  }
  std::string examine(std::uint64_t) override {
    if (lent_.owned()) return {};
    return tell("source file", check_file(lent_.ref(), options_.offset, options_.seed, 0,
                                          options_.size + options_.tail)) +
           tell("source file", lent_.examine());
  }

 private:
  EndOptions options_;
  Lent lent_;
};

class StreamSource : public SourceEnd {
 public:
  StreamSource(EndKind kind, const EndOptions& options)
      : options_(options), kind_(kind), pair_(make_pair(kind, options.blocking)) {
    if (options.small_buffers && is_socket(kind)) {
      shrink_buffers(pair_.from);
      shrink_buffers(pair_.to);
    }
    lent_.emplace(std::move(pair_.from), options.owned);
    // The far end may block: it has a thread to itself.
    set_blocking(pair_.to, Blocking::yes);
    feeder_.emplace(std::move(pair_.to), options.seed, 0, options.size + options.tail);
  }
  Source source() override {
    const std::uint64_t length = options_.promised ? options_.size : to_end;
    return lent_->give<Source>([&](auto fd) {
      return kind_ == EndKind::pipe ? Source::pipe(std::move(fd), length)
                                    : Source::socket(std::move(fd), length);
    });
  }
  std::string examine(std::uint64_t position) override {
    if (lent_->owned()) return {};
    std::string trouble = tell("source stream", lent_->examine());
    set_blocking(lent_->ref(), Blocking::yes);
    const StreamCheck rest = read_rest(lent_->ref(), options_.seed, position);
    trouble += tell("source stream", rest.mismatch());
    const std::uint64_t whole = options_.size + options_.tail;
    if (position + rest.count() != whole)
      trouble += "source stream: " + std::to_string(position) + " taken, " +
                 std::to_string(rest.count()) + " left, of " + std::to_string(whole) + "; ";
    return trouble;
  }

 private:
  EndOptions options_;
  EndKind kind_;
  Pair pair_;
  std::optional<Feeder> feeder_;  // joined after lent_ is closed, so that it cannot be stuck
  std::optional<Lent> lent_;
};

class MemorySource : public SourceEnd {
 public:
  explicit MemorySource(const EndOptions& options)
      : size_(options.size), bytes_(pattern(options.seed, 0, options.size)), copy_(bytes_) {}
  Source source() override { return {std::span<const std::byte>(bytes_).first(size_)}; }
  std::string examine(std::uint64_t) override {
    return bytes_ == copy_ ? "" : "source memory: it was written to; ";
  }

 private:
  std::uint64_t size_;
  std::vector<std::byte> bytes_;
  std::vector<std::byte> copy_;
};

/// Memory that its receiver may keep: what is left of it in the end is nothing.
class SliceSource : public SourceEnd {
 public:
  SliceSource(const EndOptions& options, bool in_pieces) : in_pieces_(in_pieces) {
    const auto whole =
        std::make_shared<const Slice>(options.pool ? in_block(options) : in_pages(options));
    memory_ = whole;
    slice_ = Slice::adopt(whole->bytes(), keeper_of(whole, whole->is_never_reused()));
  }
  Source source() override {
    const Slice slice = std::exchange(slice_, {});
    return in_pieces_ ? Source(pieces_of(slice)) : Source(slice);
  }
  std::string examine(std::uint64_t) override {
    return memory_.expired() ? "" : "slice: somebody still holds its memory; ";
  }

 private:
  static Slice in_pages(const EndOptions& options) {
    auto buffer = Buffer::pages(options.size);
    if (!buffer) std::abort();
    fill_pattern(options.seed, 0, buffer->bytes());
    return std::move(*buffer).freeze();
  }
  static Slice in_block(const EndOptions& options) {
    auto lease = options.pool->lease();
    if (!lease || lease->bytes().size() < options.size) std::abort();
    fill_pattern(options.seed, 0, lease->bytes().first(options.size));
    return std::move(*lease).freeze(options.size);
  }
  static Chain pieces_of(const Slice& slice) {
    constexpr std::array<std::size_t, 5> sizes = {1, 4095, 61, 4097, 12'001};
    Chain chain;
    std::size_t number = 0;
    for (std::size_t at = 0; at < slice.size(); at += sizes[number++ % sizes.size()])
      chain.append(slice.subslice(at, sizes[number % sizes.size()]));
    return chain;
  }

  bool in_pieces_;
  Slice slice_;
  std::weak_ptr<const Slice> memory_;
};

Connection adopt(Context* context, OwnedFd socket) {
  auto connection = Connection::adopt(*context, std::move(socket));
  if (!connection) {
    std::fprintf(stderr, "no connection: %s\n", connection.error().message().c_str());
    std::abort();
  }
  return std::move(*connection);
}

class ConnectionSource : public SourceEnd {
 public:
  explicit ConnectionSource(const EndOptions& options) : options_(options) {
    Pair pair = make_tcp_pair();
    if (options.small_buffers) {
      shrink_buffers(pair.from);
      shrink_buffers(pair.to);
    }
    keep_ = OwnedFd(must(::fcntl(pair.from.number(), F_DUPFD_CLOEXEC, 0), "dup"));
    set_blocking(pair.to, Blocking::yes);
    feeder_.emplace(std::move(pair.to), options.seed, 0, options.size + options.tail);
    connection_.emplace(adopt(options.context, std::move(pair.from)));
  }
  ~ConnectionSource() override {
    connection_.reset();
    keep_.reset();  // so that the feeder cannot be stuck
  }
  Source source() override { return {*connection_, options_.promised ? options_.size : to_end}; }
  std::string examine(std::uint64_t position) override {
    connection_.reset();
    set_blocking(keep_, Blocking::yes);
    const StreamCheck rest = read_rest(keep_, options_.seed, position);
    std::string trouble = tell("source connection", rest.mismatch());
    const std::uint64_t whole = options_.size + options_.tail;
    if (position + rest.count() != whole)
      trouble += "source connection: " + std::to_string(position) + " taken, " +
                 std::to_string(rest.count()) + " left, of " + std::to_string(whole) + "; ";
    return trouble;
  }

 private:
  EndOptions options_;
  std::optional<Feeder> feeder_;
  OwnedFd keep_;  // the connection closes the first
  std::optional<Connection> connection_;
};

class ConnectionSink : public SinkEnd {
 public:
  explicit ConnectionSink(const EndOptions& options) : seed_(options.seed) {
    Pair pair = make_tcp_pair();
    if (options.small_buffers) {
      shrink_buffers(pair.from);
      shrink_buffers(pair.to);
    }
    connection_.emplace(adopt(options.context, std::move(pair.to)));
    set_blocking(pair.from, Blocking::yes);
    DrainOptions drain = options.drain;
    drain.seed = options.seed;
    drainer_.emplace(std::move(pair.from), std::move(drain));
  }
  Sink sink() override { return {*connection_}; }
  std::string settle(Receipt& receipt) override {
    if (!connection_->settle(receipt, std::nullopt)) return "sink connection: not settled; ";
    for (const Leg& leg : receipt.legs)
      if (leg.known_by == KnownBy::pending) return "sink connection: a leg is still pending; ";
    return {};
  }
  std::string examine(std::uint64_t delivered, bool) override {
    connection_.reset();
    const Drainer::Result& result = drainer_->finish();
    std::string trouble = tell("sink connection", result.check.mismatch());
    if (result.check.count() != delivered)
      trouble += "sink connection: " + std::to_string(result.check.count()) + " arrived of " +
                 std::to_string(delivered) + " delivered; ";
    else if (result.check.digest() != pattern_digest(seed_, 0, delivered))
      trouble += "sink connection: the digest differs; ";
    return trouble;
  }

 private:
  std::uint64_t seed_;
  std::optional<Drainer> drainer_;  // joined after connection_ is closed
  std::optional<Connection> connection_;
};

class FileSink : public SinkEnd {
 public:
  FileSink(EndKind kind, const EndOptions& options)
      : options_(options),
        before_(std::min(options.offset, around_bytes)),
        lent_(make_file(kind), options.owned),
        keep_(must(::fcntl(lent_.ref().number(), F_DUPFD_CLOEXEC, 0), "dup")) {
    write_pattern(keep_, options.offset - before_, around_seed, 0, before_);
    if (options.tail > 0)  // something is there already and must not be touched behind the payload
      write_pattern(keep_, options.offset, around_seed, before_, options.size + options.tail);
    size_before_ = size_of(keep_);
  }
  Sink sink() override {
    return lent_.give<Sink>([&](auto fd) { return Sink::file(std::move(fd), options_.offset); });
  }
  std::string examine(std::uint64_t delivered, bool ahead) override {
    std::string trouble = tell("sink file", lent_.examine());
    if (ahead) delivered = reach_of_payload(delivered);
    const std::uint64_t end = options_.offset + delivered;
    const std::uint64_t size = std::max(size_before_, end);
    if (size_of(keep_) != size && (delivered > 0 || size_of(keep_) != size_before_))
      trouble += "sink file: it has " + std::to_string(size_of(keep_)) + " bytes and should have " +
                 std::to_string(size) + "; ";
    trouble += tell("before the payload",
                    check_file(keep_, options_.offset - before_, around_seed, 0, before_));
    trouble += tell("payload in the sink file",
                    check_file(keep_, options_.offset, options_.seed, 0, delivered));
    if (options_.tail > 0)
      trouble += tell("behind the payload",
                      check_file(keep_, end, around_seed, before_ + delivered, size_before_ - end));
    return trouble;
  }

 private:
  /// How far the payload reaches without a break.
  std::uint64_t reach_of_payload(std::uint64_t delivered) const {
    // Waits for direct writes whose end nobody could be told.
    must(::ftruncate(keep_.number(), static_cast<off_t>(size_of(keep_))), "ftruncate");
    std::vector<std::byte> there(options_.size - delivered);
    const ssize_t count = ::pread(keep_.number(), there.data(), there.size(),
                                  static_cast<off_t>(options_.offset + delivered));
    there.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    const auto payload = pattern(options_.seed, delivered, there.size());
    const auto differs = std::ranges::mismatch(there, payload).in1;
    return delivered + static_cast<std::uint64_t>(differs - there.begin());
  }

  EndOptions options_;
  std::uint64_t before_;
  std::uint64_t size_before_ = 0;
  Lent lent_;
  OwnedFd keep_;  // a second descriptor, for the case that the first is given away
};

class StreamSink : public SinkEnd {
 public:
  StreamSink(EndKind kind, const EndOptions& options) : kind_(kind), seed_(options.seed) {
    Pair pair = make_pair(kind, options.blocking);
    if (options.small_buffers && is_socket(kind)) {
      shrink_buffers(pair.from);
      shrink_buffers(pair.to);
    }
    lent_.emplace(std::move(pair.to), options.owned);
    set_blocking(pair.from, Blocking::yes);
    DrainOptions drain = options.drain;
    drain.seed = options.seed;
    drainer_.emplace(std::move(pair.from), std::move(drain));
  }
  Sink sink() override {
    return lent_->give<Sink>([&](auto fd) {
      return kind_ == EndKind::pipe ? Sink::pipe(std::move(fd)) : Sink::socket(std::move(fd));
    });
  }
  std::string examine(std::uint64_t delivered, bool) override {
    std::string trouble = tell("sink stream", lent_->examine());
    lent_->close();
    const Drainer::Result& result = drainer_->finish();
    trouble += tell("sink stream", result.check.mismatch());
    // An owned TCP socket that closes before the orderly end resets: then some may be discarded.
    const bool cut_off = lent_->owned() && result.error_number != 0;
    const std::uint64_t received = result.check.count();
    if (received > delivered || (received < delivered && !cut_off))
      trouble += "sink stream: " + std::to_string(received) + " arrived of " +
                 std::to_string(delivered) + " delivered; ";
    else if (received == delivered && result.check.digest() != pattern_digest(seed_, 0, delivered))
      trouble += "sink stream: the digest differs; ";
    return trouble;
  }

 private:
  EndKind kind_;
  std::uint64_t seed_;
  std::optional<Drainer> drainer_;
  std::optional<Lent> lent_;
};

class MemorySink : public SinkEnd {
 public:
  explicit MemorySink(const EndOptions& options)
      : options_(options), bytes_(pattern(around_seed, 0, options.size + around_bytes)) {}
  Sink sink() override { return Sink(std::span(bytes_).first(options_.size)); }
  std::string examine(std::uint64_t delivered, bool) override {
    const std::span<const std::byte> all = bytes_;
    StreamCheck payload(options_.seed);
    payload.add(all.first(delivered));
    StreamCheck behind(around_seed, delivered);
    behind.add(all.subspan(delivered));
    return tell("payload in memory", payload.mismatch()) +
           tell("behind the payload", behind.mismatch());
  }

 private:
  EndOptions options_;
  std::vector<std::byte> bytes_;
};

}  // namespace

std::string_view name_of(EndKind kind) {
  switch (kind) {
    case EndKind::file: return "file";
    case EndKind::tmpfs_file: return "tmpfs_file";
    case EndKind::pipe: return "pipe";
    case EndKind::unix_socket: return "unix_socket";
    case EndKind::tcp_socket: return "tcp_socket";
    case EndKind::connection: return "connection";
    case EndKind::memory: return "memory";
    case EndKind::slice: return "slice";
    case EndKind::chain: return "chain";
  }
  return "?";
}

bool is_file(EndKind kind) { return kind == EndKind::file || kind == EndKind::tmpfs_file; }
bool is_socket(EndKind kind) {
  return kind == EndKind::unix_socket || kind == EndKind::tcp_socket || kind == EndKind::connection;
}
bool is_stream(EndKind kind) { return kind == EndKind::pipe || is_socket(kind); }
bool is_memory(EndKind kind) {
  return kind == EndKind::memory || kind == EndKind::slice || kind == EndKind::chain;
}
void PrintTo(EndKind kind, std::ostream* out) { *out << name_of(kind); }

std::unique_ptr<SourceEnd> SourceEnd::make(EndKind kind, const EndOptions& options) {
  if (is_file(kind)) return std::make_unique<FileSource>(kind, options);
  if (kind == EndKind::memory) return std::make_unique<MemorySource>(options);
  if (kind == EndKind::slice || kind == EndKind::chain)
    return std::make_unique<SliceSource>(options, kind == EndKind::chain);
  if (kind == EndKind::connection) return std::make_unique<ConnectionSource>(options);
  return std::make_unique<StreamSource>(kind, options);
}

std::unique_ptr<SinkEnd> SinkEnd::make(EndKind kind, const EndOptions& options) {
  if (is_file(kind)) return std::make_unique<FileSink>(kind, options);
  if (kind == EndKind::memory) return std::make_unique<MemorySink>(options);
  if (kind == EndKind::connection) return std::make_unique<ConnectionSink>(options);
  return std::make_unique<StreamSink>(kind, options);
}

}  // namespace leat::testing
