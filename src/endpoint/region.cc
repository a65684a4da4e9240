#include <algorithm>
#include <cstring>
#include <utility>

#include <leat/mapping.h>
#include <leat/region.h>

#include "os/descriptor.h"
#include "os/error.h"
#include "os/immutable.h"
#include "os/mapping.h"
#include "os/memory.h"
#include "os/passing.h"

namespace leat {
namespace {

// What goes beside the descriptor.
struct Part {
  std::uint64_t mark = 0x6c656174'72656731;  // "leatreg1", and the byte order
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

std::unexpected<Error> not_believed(std::string_view why) {
  return std::unexpected(Error{.code = Errc::wrong_layout,
                               .operation = "receive_region",
                               .mechanism = {},
                               .subject = "what the peer sent",
                               .hint = std::string(why)});
}

Result<Region> map_sealed(OwnedFd file, Range part) {
  auto mapping = Mapping::of(file, part);
  if (!mapping) return std::unexpected(std::move(mapping.error()));
  return Region{mapping->slice(), std::make_shared<const OwnedFd>(std::move(file)), part.offset};
}

}  // namespace

Result<RegionBuilder> RegionBuilder::with_size(std::size_t bytes) {
  if (bytes == 0) return os::make_error(EINVAL, "region");
  auto file = os::memfd_to_be_sealed(bytes, "leat-region");
  if (!file) return std::unexpected(std::move(file.error()));
  const auto pages = os::map_window(*file, 0, bytes, os::MapRights::shared);
  if (!pages) return std::unexpected(pages.error());
  return RegionBuilder(std::move(*file), *pages);
}

RegionBuilder::RegionBuilder(RegionBuilder&& other) noexcept
    : fd_(std::move(other.fd_)), bytes_(std::exchange(other.bytes_, {})) {}

RegionBuilder& RegionBuilder::operator=(RegionBuilder&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

RegionBuilder::~RegionBuilder() {
  if (!bytes_.empty()) os::unmap_pages(bytes_);
}

Result<Region> RegionBuilder::seal() && {
  // Sealing is refused while it is mapped to be written.
  if (!bytes_.empty()) os::unmap_pages(std::exchange(bytes_, {}));
  OwnedFd file = std::move(fd_);
  if (auto sealed = os::seal_for_good(file); !sealed)
    return std::unexpected(std::move(sealed.error()));
  return map_sealed(std::move(file), {});
}

Result<void> send_region(FdRef socket, const Region& region, std::size_t offset,
                         std::size_t length) {
  if (!region.fd) return os::make_error(EINVAL, "send_region");
  const std::size_t begin = std::min(offset, region.bytes.size());
  const Part part{.offset = region.begins_at + begin,
                  .length = std::min(length, region.bytes.size() - begin)};
  return os::send_with_descriptor(socket, std::as_bytes(std::span(&part, 1)), *region.fd);
}

Result<std::optional<Region>> receive_region(FdRef socket) {
  // A copy of our own: what is checked is what is used.
  Part part;
  auto got = os::receive_with_descriptor(socket, std::as_writable_bytes(std::span(&part, 1)));
  if (!got) return std::unexpected(std::move(got.error()));
  if (got->bytes == 0) return std::nullopt;
  if (got->bytes != sizeof part || part.mark != Part{}.mark) return not_believed("no such message");
  if (!got->fd.valid()) return not_believed("no descriptor came with it");
  if (!os::is_immutable(got->fd)) return not_believed("it could still be written or cut off");
  const auto stat = os::stat(got->fd);
  if (!stat) return std::unexpected(stat.error());
  if (part.offset > stat->size || part.length > stat->size - part.offset)
    return not_believed("the part is not in it");
  auto region = map_sealed(std::move(got->fd), {part.offset, part.length});
  if (!region) return std::unexpected(std::move(region.error()));
  return std::optional(std::move(*region));
}

}  // namespace leat
