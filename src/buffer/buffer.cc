#include <algorithm>
#include <new>

#include <leat/buffer.h>

#include "os/error.h"
#include "os/memory.h"

namespace leat {
namespace {

class Pages {
 public:
  explicit Pages(std::span<std::byte> bytes) noexcept : bytes_(bytes) {}
  ~Pages() { os::unmap_pages(bytes_); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

 private:
  std::span<std::byte> bytes_;
};

}  // namespace

Slice Slice::adopt(std::span<const std::byte> bytes, std::function<void()> release) {
  std::shared_ptr<const void> owner(bytes.data(),
                                    [release = std::move(release)](const void*) { release(); });
  return {bytes, std::move(owner), false};
}

Slice Slice::subslice(std::size_t offset, std::size_t length) const& {
  const std::size_t begin = std::min(offset, size());
  return {bytes_.subspan(begin, std::min(length, size() - begin)), owner_, never_reused_};
}

Result<Buffer> Buffer::allocate(std::size_t size) {
  std::shared_ptr<std::byte> owner(new (std::nothrow) std::byte[std::max<std::size_t>(size, 1)],
                                   std::default_delete<std::byte[]>());
  if (!owner) return os::make_error(ENOMEM, "malloc");
  const std::span bytes(owner.get(), size);
  return Buffer(bytes, std::move(owner), false);
}

Result<Buffer> Buffer::pages(std::size_t size) {
  const auto mapped = os::map_pages(size);
  if (!mapped) return std::unexpected(mapped.error());
  return Buffer(mapped->first(size), std::make_shared<Pages>(*mapped), true);
}

Slice Buffer::freeze(std::size_t length) && {
  Slice slice(bytes_.first(std::min(length, bytes_.size())), std::move(owner_), never_reused_);
  bytes_ = {};
  return slice;
}

void Chain::append(Slice slice) {
  if (slice.empty()) return;
  size_ += slice.size();
  slices_.push_back(std::move(slice));
}

void Chain::prepend(Slice slice) {
  if (slice.empty()) return;
  size_ += slice.size();
  slices_.insert(slices_.begin(), std::move(slice));
}

}  // namespace leat
