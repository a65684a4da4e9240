/// The two ends of a transfer: files, stream sockets, pipes, memory, devices, and parts of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <leat/buffer.h>
#include <leat/error.h>
#include <leat/fd.h>
#include <leat/keeper.h>

namespace leat {

class Connection;
class Source;
struct ConnectionState;

/// What an endpoint is. `file` is a regular file or a block device; `device` a character device.
enum class Kind : std::uint8_t { file, socket, pipe, memory, device };

/// "file", "socket", …
std::string_view name_of(Kind kind) noexcept;

/// As a length: to the end of the source, wherever that turns out to be.
inline constexpr std::uint64_t to_end = std::numeric_limits<std::uint64_t>::max();
/// As an offset: the descriptor's own, which then moves; what was taken from there is taken.
inline constexpr std::uint64_t at_cursor = std::numeric_limits<std::uint64_t>::max();

/// A stretch of a file, in bytes. A length is a promise: a source that ends before it ends the
/// transfer with `source_shrank`. `to_end` of a regular file promises the size it has at the start,
/// where the file system tells it truly (/proc and /sys do not: there it means until read(2) says
/// 0).
struct Range {
  std::uint64_t offset = 0;
  std::uint64_t length = to_end;
};

/// Where bytes come from. Move-only. An owned descriptor closes with the Source (or with the
/// Transfer it was given to); a borrowed one keeps its flags, its options and, unless it is read
/// `at_cursor`, its offset. Borrowed memory and descriptors must outlive the transfer.
///
/// The named constructors trust what the caller says a descriptor is and make no system call; a
/// wrong word ends in a refusal or an error, never in wrong bytes. `descriptor` asks fstat(2).
class Source {
 public:
  /// An empty source: zero bytes of memory.
  Source() noexcept = default;
  /// Borrowed memory; implicit, so that a header can be passed as it is.
  Source(std::span<const std::byte> bytes) noexcept  // NOLINT(google-explicit-constructor)
      : data_(bytes.data()), length_(bytes.size()) {}
  Source(std::string_view text) noexcept  // NOLINT(google-explicit-constructor)
      : Source(std::as_bytes(std::span(text))) {}
  /// Memory that whoever needs it keeps alive: also the kernel, beyond the end of the transfer.
  /// Only such memory is ever lent to it (MSG_ZEROCOPY, vmsplice).
  Source(const Slice& slice) noexcept  // NOLINT(google-explicit-constructor)
      : data_(slice.data()), length_(slice.size()), keeper_(slice.keeper()) {}
  /// The slices of a chain, in order: parts that are sent together.
  Source(const Chain& chain);  // NOLINT(google-explicit-constructor)
  /// What the peer of `connection` sends: to its end, or `length` bytes.
  Source(Connection& connection, std::uint64_t length = to_end) noexcept;  // NOLINT

  static Source file(FdRef fd, Range range = {}) noexcept;
  static Source file(OwnedFd fd, Range range = {}) noexcept;
  static Source socket(FdRef fd, std::uint64_t length = to_end) noexcept;
  static Source socket(OwnedFd fd, std::uint64_t length = to_end) noexcept;
  static Source pipe(FdRef fd, std::uint64_t length = to_end) noexcept;
  static Source pipe(OwnedFd fd, std::uint64_t length = to_end) noexcept;

  /// Looks what `fd` is. Files are read from the descriptor's own offset, which moves.
  /// Errors: EBADF, is_directory, unsupported_kind (a listening or datagram socket, an epoll, …).
  static Result<Source> descriptor(FdRef fd, std::uint64_t length = to_end);
  static Result<Source> descriptor(OwnedFd fd, std::uint64_t length = to_end);

  /// Opens a file, FIFO or device for reading, owned and non-blocking: a FIFO's writer is waited
  /// for by the transfer, not here. An offset other than 0 needs a file.
  /// Errors: those of open(2); is_directory; unsupported_kind.
  static Result<Source> open(const std::string& path, Range range = {});

  Source(Source&&) noexcept = default;
  Source& operator=(Source&&) noexcept = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source() = default;

  Kind kind() const noexcept { return kind_; }
  FdRef fd() const noexcept { return fd_; }
  bool owned() const noexcept { return owned_.valid(); }
  std::uint64_t offset() const noexcept { return offset_; }
  /// The length asked for, or `to_end`. Of parts: their sum, or `to_end` if one is open-ended.
  std::uint64_t length() const noexcept { return length_; }
  /// The memory of a memory source; empty otherwise.
  std::span<const std::byte> bytes() const noexcept {
    return {data_, data_ ? static_cast<std::size_t>(length_) : 0};
  }
  /// The parts of a composite, in order; empty otherwise.
  std::span<Source> parts() const noexcept;

 private:
  friend struct EndpointAccess;
  friend Source make_parts(std::vector<Source> list);
  Source(Kind kind, FdRef fd, OwnedFd owned, std::uint64_t offset, std::uint64_t length) noexcept;

  const std::byte* data_ = nullptr;
  std::uint64_t length_ = 0;
  std::uint64_t offset_ = 0;
  FdRef fd_;
  OwnedFd owned_;
  Kind kind_ = Kind::memory;
  ConnectionState* connection_ = nullptr;
  std::vector<Source>* parts_ = nullptr;  // of a composite, while there is its keeper
  Keeper keeper_;                         // of the memory, or of the parts
};

Source make_parts(std::vector<Source> list);

/// One source made of several, sent in this order as one transfer; empty parts are allowed.
/// Example: `parts(header, Source::file(fd, {0, size}), trailer)`.
template <class... Sources>
Source parts(Sources&&... sources) {
  std::vector<Source> list;
  list.reserve(sizeof...(sources));
  (list.push_back(Source(std::forward<Sources>(sources))), ...);
  return make_parts(std::move(list));
}

/// How Sink::open treats what is there.
enum class OpenMode : std::uint8_t {
  create,    ///< made if missing, kept and written from `offset` on if there
  truncate,  ///< made if missing, emptied first if it is a regular file
  existing,  ///< must be there
};

/// Where bytes go. The same rules as for Source hold. A memory sink bounds the length: the transfer
/// is `complete` when it is full. Owned sockets are made non-blocking and, until the orderly end of
/// their transfer, closing them resets the connection (SO_LINGER {1,0}), so that a cut-off stream
/// is never mistaken for a whole one; UNIX sockets have no reset.
class Sink {
 public:
  /// Takes nothing: memory of zero bytes.
  Sink() noexcept = default;
  /// Borrowed memory to be filled.
  explicit Sink(std::span<std::byte> bytes) noexcept : data_(bytes.data()), length_(bytes.size()) {}
  Sink(Connection& connection) noexcept;  // NOLINT(google-explicit-constructor)

  static Sink file(FdRef fd, std::uint64_t offset = 0) noexcept;
  static Sink file(OwnedFd fd, std::uint64_t offset = 0) noexcept;
  static Sink socket(FdRef fd) noexcept;
  static Sink socket(OwnedFd fd) noexcept;
  static Sink pipe(FdRef fd) noexcept;
  static Sink pipe(OwnedFd fd) noexcept;

  /// Looks what `fd` is. Files are written at the descriptor's own offset, which moves.
  /// Errors: EBADF, is_directory, unsupported_kind.
  static Result<Sink> descriptor(FdRef fd);
  static Result<Sink> descriptor(OwnedFd fd);

  /// Opens for writing in place, owned and non-blocking; a FIFO without a reader is ENXIO. New
  /// files get mode 0666 less the umask. Errors: those of open(2); is_directory; unsupported_kind.
  static Result<Sink> open(const std::string& path, OpenMode mode = OpenMode::create,
                           std::uint64_t offset = 0);

  Sink(Sink&&) noexcept = default;
  Sink& operator=(Sink&&) noexcept = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  ~Sink() = default;

  Kind kind() const noexcept { return kind_; }
  FdRef fd() const noexcept { return fd_; }
  bool owned() const noexcept { return owned_.valid(); }
  std::uint64_t offset() const noexcept { return offset_; }
  std::span<std::byte> bytes() const noexcept {
    return {data_, data_ ? static_cast<std::size_t>(length_) : 0};
  }

 private:
  friend struct EndpointAccess;
  Sink(Kind kind, FdRef fd, OwnedFd owned, std::uint64_t offset) noexcept;

  std::byte* data_ = nullptr;
  std::uint64_t length_ = 0;
  std::uint64_t offset_ = 0;
  FdRef fd_;
  OwnedFd owned_;
  Kind kind_ = Kind::memory;
  bool lendable_ = false;  // a Connection to which memory may be lent
  ConnectionState* connection_ = nullptr;
};

/// What has to be on the disk before success is reported. See fsync(2).
enum class Durability : std::uint8_t {
  none,
  data,  ///< the bytes and what is needed to read them back: fdatasync(2)
  full,  ///< also times and mode; for a replaced file also its name in the folder: fsync(2)
};

/// A file that appears whole under its name on `commit()`, or not at all. Until then the bytes are
/// in a nameless file of the same folder (O_TMPFILE; a `.leat-…` file where the file system has
/// none), so that even SIGKILL leaves nothing behind where O_TMPFILE works, except between the two
/// calls of commit().
///
/// A symbolic link is followed and its target replaced. An existing file's mode and owner are kept;
/// one with several links is refused (`has_several_links`), as is a path that is not a regular
/// file. Move-only; the destructor discards what was not committed.
class FileReplacement {
 public:
  /// Errors: those of open(2) in the folder; has_several_links; is_directory; unsupported_kind;
  /// EPERM if the owner cannot be kept.
  static Result<FileReplacement> begin(const std::string& path,
                                       std::optional<unsigned> mode = std::nullopt,
                                       Durability durability = Durability::none);

  FileReplacement(FileReplacement&&) noexcept;
  FileReplacement& operator=(FileReplacement&&) noexcept;
  ~FileReplacement();

  /// The file to write to, from its start; borrowed from this object.
  Sink sink() const noexcept;
  FdRef fd() const noexcept;
  /// Gives the file its name, replacing what was there at once. To be called once.
  /// Errors: those of fsync(2), linkat(2) and rename(2); nothing is left behind then.
  Result<void> commit();

 private:
  struct State;
  explicit FileReplacement(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

/// Same as FileReplacement::begin: `mode` is for a new file (default 0666 less the umask).
inline Result<FileReplacement> replace_file(const std::string& path,
                                            std::optional<unsigned> mode = std::nullopt,
                                            Durability durability = Durability::none) {
  return FileReplacement::begin(path, mode, durability);
}

}  // namespace leat
