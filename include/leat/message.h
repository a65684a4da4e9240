/// Messages in memory, read and written without copying: fields of a Chain, objects as they lie in
/// memory, and a header gathered with its payload.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <leat/buffer.h>
#include <leat/error.h>

namespace leat {

/// A piece of a message. Valid as long as both the chain that it was read from and the Cursor are.
struct Field {
  std::string_view text;
  bool copied = false;  ///< it lay in more than one slice, and was put together in the Cursor

  std::span<const std::byte> bytes() const noexcept { return std::as_bytes(std::span(text)); }
};

/// Reads a chain from front to back. A field is a view into the chain's own memory, and a copy only
/// if it straddles slices. Where there is too little left, nothing is returned and nothing is read:
/// append what comes in to the chain, and ask again.
///
///     Cursor cursor(chain);
///     while (auto line = cursor.until("\r\n")) header(line->text);
///     chain.drop_front(cursor.position());
///
/// The chain has to outlive it; it may be appended to meanwhile, and nothing else. One thread.
class Cursor {
 public:
  explicit Cursor(const Chain& chain) noexcept : chain_(&chain) {}
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  /// Bytes read so far, and those that are there to be read.
  std::uint64_t position() const noexcept { return position_; }
  std::uint64_t left() const noexcept { return chain_->size() - position_; }
  /// Bytes that were put together so far: what a message that arrives in large pieces has few of.
  std::uint64_t copied_bytes() const noexcept { return copied_; }

  /// The next `length` bytes.
  std::optional<Field> take(std::size_t length);
  /// What comes before the next `delimiter`, which is read too. `delimiter` is not empty.
  std::optional<Field> until(std::string_view delimiter);
  /// A number of fixed size, in the byte order of the message.
  template <std::unsigned_integral T>
  std::optional<T> number(std::endian order);
  /// A number as above, and as many bytes as it says. Errors: Errc::too_long, if it says more than
  /// `longest`, whether they are there or not: what a peer says is not to be believed.
  template <std::unsigned_integral T>
  Result<std::optional<Field>> prefixed(std::endian order, std::uint64_t longest);
  /// The next `length` bytes, kept beyond the Cursor and the chain. Nothing is copied.
  std::optional<Chain> share(std::uint64_t length);
  /// False, and nothing is read, if there are not so many.
  bool skip(std::uint64_t length) noexcept;

 private:
  struct Place {
    std::size_t slice = 0;
    std::size_t offset = 0;
  };
  std::optional<std::uint64_t> find(std::string_view delimiter) const noexcept;
  bool begins_at(Place place, std::string_view delimiter) const noexcept;
  void advance(std::uint64_t length) noexcept;
  Place settled() const noexcept;
  static Error too_long();

  const Chain* chain_;
  Place place_;
  std::uint64_t position_ = 0;
  std::uint64_t copied_ = 0;
  std::vector<std::unique_ptr<char[]>> put_together_;
};

/// What precedes an object that is sent as it lies in memory, so that whoever gets it can tell
/// whether it lies the same way there.
struct ObjectTag {
  std::uint32_t byte_order = 0x01020304;  ///< reads otherwise on a host of the other order
  std::uint32_t size = 0;                 ///< sizeof
  std::uint32_t alignment = 0;            ///< alignof
  std::uint32_t version = 0;              ///< the sender's; changes with the object's members
};

namespace message_detail {
Error wrong_layout(std::string_view why);
/// Where an object begins behind its tag.
constexpr std::size_t object_offset(std::size_t alignment) noexcept {
  return (sizeof(ObjectTag) + alignment - 1) / alignment * alignment;
}
}  // namespace message_detail

/// `bytes` as one T, in place. T has no pointers and no padding that matters; who sends `bytes` and
/// who reads them agree on its members. Errors: Errc::wrong_layout, with what is wrong: too few
/// bytes, or not aligned as T has to be, which any slice of a message may be.
template <class T>
  requires std::is_trivially_copyable_v<T>
Result<const T*> view_as(std::span<const std::byte> bytes);

/// How many bytes an object takes with its tag.
template <class T>
inline constexpr std::size_t tagged_bytes = message_detail::object_offset(alignof(T)) + sizeof(T);

/// The same as view_as for an object that Frame::add_object wrote, tag first. Errors:
/// Errc::wrong_layout, also of another version, size, alignment or byte order.
template <class T>
  requires std::is_trivially_copyable_v<T>
Result<const T*> view_object(std::span<const std::byte> tagged, std::uint32_t version);

/// A message in the making: small fields are written one after the other into memory of its own,
/// payloads are taken as they are, and one transfer() of the chain sends all of it by one call.
class Frame {
 public:
  /// `header_bytes`: all that the functions named add… will write; it does not grow. Errors:
  /// ENOMEM.
  static Result<Frame> with_room(std::size_t header_bytes);

  /// False, and nothing is written, if the room is used up.
  [[nodiscard]] bool add(std::string_view text);
  template <std::unsigned_integral T>
  [[nodiscard]] bool add_number(T value, std::endian order);
  /// The object with its tag before it: view_object() reads it where it is aligned as T has to be,
  /// for example at the front of a frame that was received into memory so aligned.
  template <class T>
    requires std::is_trivially_copyable_v<T>
  [[nodiscard]] bool add_object(const T& object, std::uint32_t version);
  /// Shares it.
  void append(Slice payload);
  void append(Chain payload);

  std::uint64_t size() const noexcept { return chain_.size() + pending_; }
  /// What was written, in order. The frame is empty afterwards.
  Chain finish() &&;

 private:
  explicit Frame(Slice room, std::span<std::byte> writable) noexcept
      : room_(std::move(room)), writable_(writable) {}
  std::span<std::byte> claim(std::size_t count);
  void close_run();

  Chain chain_;
  Slice room_;                     // of the header's bytes; those handed on are not written again
  std::span<std::byte> writable_;  // the same, from its beginning
  std::size_t begun_ = 0;          // where the run begins that the chain does not have yet
  std::size_t pending_ = 0;        // its length
};

template <std::unsigned_integral T>
std::optional<T> Cursor::number(std::endian order) {
  const auto field = take(sizeof(T));
  if (!field) return std::nullopt;
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    const std::size_t place = order == std::endian::big ? sizeof(T) - 1 - i : i;
    value |= static_cast<T>(static_cast<T>(field->bytes()[place]) << (8 * i));
  }
  return value;
}

template <std::unsigned_integral T>
Result<std::optional<Field>> Cursor::prefixed(std::endian order, std::uint64_t longest) {
  if (left() < sizeof(T)) return std::nullopt;
  Cursor ahead(*chain_);
  ahead.place_ = place_;
  ahead.position_ = position_;
  const std::uint64_t length = *ahead.number<T>(order);
  if (length > longest) return std::unexpected(too_long());
  if (ahead.left() < length) return std::nullopt;
  skip(sizeof(T));
  return take(static_cast<std::size_t>(length));
}

template <class T>
  requires std::is_trivially_copyable_v<T>
Result<const T*> view_as(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(T))
    return std::unexpected(message_detail::wrong_layout("it is shorter than the type"));
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(T) != 0)
    return std::unexpected(
        message_detail::wrong_layout("it is not aligned as the type has to be: copy it out"));
  return std::launder(reinterpret_cast<const T*>(bytes.data()));
}

template <class T>
  requires std::is_trivially_copyable_v<T>
Result<const T*> view_object(std::span<const std::byte> tagged, std::uint32_t version) {
  ObjectTag tag;
  if (tagged.size() < sizeof tag)
    return std::unexpected(message_detail::wrong_layout("it is shorter than its tag"));
  std::memcpy(&tag, tagged.data(), sizeof tag);
  if (tag.byte_order != ObjectTag{}.byte_order)
    return std::unexpected(message_detail::wrong_layout("it has another byte order"));
  if (tag.version != version)
    return std::unexpected(message_detail::wrong_layout("it has another version"));
  if (tag.size != sizeof(T) || tag.alignment != alignof(T))
    return std::unexpected(message_detail::wrong_layout("it has another size or alignment"));
  const std::size_t begin = message_detail::object_offset(alignof(T));
  if (tagged.size() < begin)
    return std::unexpected(message_detail::wrong_layout("it is shorter than the type"));
  return view_as<T>(tagged.subspan(begin));
}

template <std::unsigned_integral T>
bool Frame::add_number(T value, std::endian order) {
  const auto into = claim(sizeof(T));
  if (into.empty()) return false;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    const std::size_t place = order == std::endian::big ? sizeof(T) - 1 - i : i;
    into[place] = static_cast<std::byte>(value >> (8 * i));
  }
  return true;
}

template <class T>
  requires std::is_trivially_copyable_v<T>
bool Frame::add_object(const T& object, std::uint32_t version) {
  const ObjectTag tag{.size = sizeof(T), .alignment = alignof(T), .version = version};
  const std::size_t begin = message_detail::object_offset(alignof(T));
  const auto into = claim(begin + sizeof(T));
  if (into.empty()) return false;
  std::memset(into.data(), 0, begin);
  std::memcpy(into.data(), &tag, sizeof tag);
  std::memcpy(into.data() + begin, &object, sizeof(T));
  return true;
}

}  // namespace leat
