#include <algorithm>
#include <atomic>
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

// True if nobody else holds it, after which all that they did with it has happened.
bool is_held_alone(const std::shared_ptr<const void>& owner) noexcept {
  if (owner.use_count() != 1) return false;
#ifdef __SANITIZE_THREAD__
  // The thread sanitizer knows no fences. libstdc++ takes a reference by an acquiring addition.
  [[maybe_unused]] const auto again = owner;
#else
  std::atomic_thread_fence(std::memory_order_acquire);
#endif
  return true;
}

}  // namespace

Slice Slice::adopt(std::string text) {
  auto owner = std::make_shared<const std::string>(std::move(text));
  const auto bytes = std::as_bytes(std::span(*owner));
  const std::uint64_t retained = owner->capacity();
  return {bytes, std::move(owner), {.retained = retained}};
}

std::optional<Buffer> Slice::try_thaw() && {
  if (!storage_.thaws || !is_held_alone(owner_)) return std::nullopt;
  auto owner = std::const_pointer_cast<void>(std::exchange(owner_, nullptr));
  const std::span whole(static_cast<std::byte*>(owner.get()), storage_.retained);
  const auto head = static_cast<std::size_t>(bytes_.data() - whole.data());
  const std::span bytes = whole.subspan(head, bytes_.size());
  *this = Slice();
  return Buffer(bytes, whole, std::move(owner), false);
}

Result<Buffer> Buffer::allocate(std::size_t size, Room room) {
  std::size_t whole = 0;
  if (__builtin_add_overflow(size, room.head, &whole) ||
      __builtin_add_overflow(whole, room.tail, &whole))
    return os::make_error(ENOMEM, "malloc");
  std::shared_ptr<std::byte> owner(new (std::nothrow) std::byte[std::max<std::size_t>(whole, 1)],
                                   std::default_delete<std::byte[]>());
  if (!owner) return os::make_error(ENOMEM, "malloc");
  const std::span all(owner.get(), whole);
  return Buffer(all.subspan(room.head, size), all, std::move(owner), false);
}

Result<Buffer> Buffer::pages(std::size_t size) {
  const auto mapped = os::map_pages(size);
  if (!mapped) return std::unexpected(mapped.error());
  auto pages = std::make_shared<Pages>(*mapped);
  std::shared_ptr<void> owner(std::move(pages), mapped->data());
  return Buffer(mapped->first(size), *mapped, std::move(owner), true);
}

std::span<std::byte> Buffer::grow_front(std::size_t count) noexcept {
  if (count > headroom()) return {};
  bytes_ = whole_.subspan(headroom() - count, bytes_.size() + count);
  return bytes_.first(count);
}

std::span<std::byte> Buffer::grow_back(std::size_t count) noexcept {
  if (count > tailroom()) return {};
  bytes_ = whole_.subspan(headroom(), bytes_.size() + count);
  return bytes_.last(count);
}

void Buffer::trim_front(std::size_t count) noexcept {
  bytes_ = bytes_.subspan(std::min(count, bytes_.size()));
}

void Buffer::trim_back(std::size_t count) noexcept {
  bytes_ = bytes_.first(bytes_.size() - std::min(count, bytes_.size()));
}

Slice Buffer::freeze(std::size_t length) && {
  const Slice::Storage storage{
      .retained = whole_.size(), .never_reused = never_reused_, .thaws = !never_reused_};
  Slice slice(bytes_.first(std::min(length, bytes_.size())), std::move(owner_), storage);
  *this = Buffer();
  return slice;
}

}  // namespace leat
