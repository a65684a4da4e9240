/// Files as memory: whole files and windows of them, read-only, private or shared, with slices that
/// keep the mapping.
///
/// What is written to the file shows in a mapping of it, and a file that is cut off leaves a hole
/// behind its new end: to touch that raises SIGBUS, which ends the program. Three ways round it:
/// guarded_read() copies and returns an error; sealed_file() cannot be cut off at all;
/// install_sigbus_guard() puts zeros over the hole. Sending from a mapping (transfer()) never
/// raises it: the kernel says EFAULT, or `source_shrank`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <leat/buffer.h>
#include <leat/endpoint.h>
#include <leat/error.h>
#include <leat/fd.h>
#include <leat/keeper.h>

namespace leat {

struct MappingState;

enum class MapAccess : std::uint8_t {
  read,          ///< PROT_READ, shared with the page cache
  private_copy,  ///< writable; what is written is this process's own, copied page by page
  shared,        ///< writable; what is written is written to the file
};

/// See madvise(2).
enum class Advice : std::uint8_t { normal, sequential, random, will_need, huge_pages };

struct MappingOptions {
  MapAccess access = MapAccess::read;
  /// Page tables are filled before it returns, which reads all of it from the disk: no faults
  /// later.
  bool populate = false;
  /// Of a private copy: where its pages are to lie, see mbind(2). With `populate` all of them are
  /// copied there at once, whatever node the page cache has them on: the file is loaded to a node.
  std::optional<unsigned> node{};
};

/// A file in memory. Move-only; what is sliced from it outlives it. Any number of threads may read.
class Mapping {
 public:
  /// No bytes.
  Mapping() noexcept = default;
  /// All of `file`, or a window of it that may begin anywhere and is cut to what is there; an empty
  /// file or window is an empty mapping. `file` may be closed afterwards. Errors: EACCES (the
  /// descriptor is not open for it), ENODEV (the file system maps nothing), ENOMEM, EINVAL (no such
  /// node).
  static Result<Mapping> of(FdRef file, Range window = {}, const MappingOptions& options = {});

  Mapping(Mapping&& other) noexcept = default;
  Mapping& operator=(Mapping&& other) noexcept = default;
  ~Mapping() = default;

  std::span<const std::byte> bytes() const noexcept;
  /// Empty with MapAccess::read.
  std::span<std::byte> writable() const noexcept;

  /// A part of it, which keeps it mapped. Nobody may write there any more, as with all slices; it
  /// is not copied, so whoever can write to the file can change it.
  Slice slice(std::size_t offset = 0, std::size_t length = static_cast<std::size_t>(-1)) const;

  /// How the bytes from `offset` on will be used. Errors: of madvise(2); EINVAL where the kernel
  /// has no huge pages for files.
  Result<void> advise(Advice advice, std::size_t offset = 0,
                      std::size_t length = static_cast<std::size_t>(-1)) const;

  /// Copies from `offset` on. Where the file was cut off meanwhile it returns `source_shrank` and
  /// raises nothing. One system call: process_vm_readv(2) of this process.
  Result<void> guarded_read(std::size_t offset, std::span<std::byte> into) const;

  /// True if the SIGBUS guard found a hole in it: what was read since may be zeros.
  bool has_holes() const noexcept;
  /// False for an empty mapping, and for one beyond what the guard can mind at once.
  bool is_guarded() const noexcept;

 private:
  explicit Mapping(Kept<MappingState> state) noexcept : state_(std::move(state)) {}
  Kept<MappingState> state_;
};

/// From now on, a thread that touches a page of a Mapping behind the end of its file finds zeros
/// there, and Mapping::has_holes() says so. Every other SIGBUS goes to the handler that was there
/// before, or ends the program as it would have. Of 4096 mappings at once; see is_guarded(). For
/// all of the process, once, for good: a library does not do it, a program may. Errors: of
/// sigaction(2).
Result<void> install_sigbus_guard();

/// A new memfd with `bytes` in it that can neither be written nor cut off any more: mappings of it
/// never raise SIGBUS, and its pages may be shared with anybody. Errors: ENOMEM, EMFILE. See
/// memfd_create(2), fcntl(2) F_ADD_SEALS.
Result<OwnedFd> sealed_file(std::span<const std::byte> bytes, const char* name = "leat");

}  // namespace leat
