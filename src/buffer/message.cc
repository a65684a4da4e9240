#include <algorithm>
#include <cassert>

#include <leat/message.h>

namespace leat {

Error message_detail::wrong_layout(std::string_view why) {
  return {.code = Errc::wrong_layout,
          .operation = "view",
          .mechanism = {},
          .subject = {},
          .hint = std::string(why)};
}

Error Cursor::too_long() {
  return {.code = Errc::too_long,
          .operation = "read",
          .mechanism = {},
          .subject = "length",
          .hint = "allow more, or end what sends it"};
}

// Behind the last byte of a slice is before the first of the next one, once there is one.
Cursor::Place Cursor::settled() const noexcept {
  Place place = place_;
  const auto slices = chain_->slices();
  if (place.slice < slices.size() && place.offset == slices[place.slice].size())
    place = {place.slice + 1, 0};
  return place;
}

void Cursor::advance(std::uint64_t length) noexcept {
  position_ += length;
  const auto slices = chain_->slices();
  while (length > 0) {
    place_ = settled();
    const std::uint64_t here =
        std::min<std::uint64_t>(length, slices[place_.slice].size() - place_.offset);
    place_.offset += static_cast<std::size_t>(here);
    length -= here;
  }
}

bool Cursor::skip(std::uint64_t length) noexcept {
  if (left() < length) return false;
  advance(length);
  return true;
}

std::optional<Field> Cursor::take(std::size_t length) {
  if (left() < length) return std::nullopt;
  if (length == 0) return Field{};
  const Place from = settled();
  const std::string_view here = chain_->slices()[from.slice].text().substr(from.offset, length);
  if (here.size() == length) {
    advance(length);
    return Field{here};
  }
  auto together = std::make_unique_for_overwrite<char[]>(length);
  const std::span<char> into(together.get(), length);
  chain_->copy_to(std::as_writable_bytes(into), position_);
  put_together_.push_back(std::move(together));
  copied_ += length;
  advance(length);
  return Field{{into.data(), into.size()}, true};
}

std::optional<Chain> Cursor::share(std::uint64_t length) {
  if (left() < length) return std::nullopt;
  Chain part = chain_->subchain(position_, length);
  advance(length);
  return part;
}

bool Cursor::begins_at(Place place, std::string_view delimiter) const noexcept {
  const auto slices = chain_->slices();
  while (true) {
    const std::string_view here = slices[place.slice].text().substr(place.offset, delimiter.size());
    if (!delimiter.starts_with(here)) return false;
    delimiter.remove_prefix(here.size());
    if (delimiter.empty()) return true;
    if (++place.slice == slices.size()) return false;
    place.offset = 0;
  }
}

std::optional<std::uint64_t> Cursor::find(std::string_view delimiter) const noexcept {
  const auto slices = chain_->slices();
  std::uint64_t before = 0;
  for (Place place = settled(); place.slice < slices.size(); place = {place.slice + 1, 0}) {
    const std::string_view text = slices[place.slice].text();
    for (std::size_t at = text.find(delimiter.front(), place.offset); at != std::string_view::npos;
         at = text.find(delimiter.front(), at + 1)) {
      if (begins_at({place.slice, at}, delimiter)) return before + at - place.offset;
    }
    before += text.size() - place.offset;
  }
  return std::nullopt;
}

std::optional<Field> Cursor::until(std::string_view delimiter) {
  assert(!delimiter.empty());
  const auto length = find(delimiter);
  if (!length) return std::nullopt;
  auto field = take(static_cast<std::size_t>(*length));
  advance(delimiter.size());
  return field;
}

Result<Frame> Frame::with_room(std::size_t header_bytes) {
  auto buffer = Buffer::allocate(header_bytes);
  if (!buffer) return std::unexpected(std::move(buffer.error()));
  // The frame alone writes to it, and only behind what it has handed on.
  const std::span<std::byte> writable = buffer->bytes();
  return Frame(std::move(*buffer).freeze(), writable);
}

std::span<std::byte> Frame::claim(std::size_t count) {
  const auto rest = writable_.subspan(begun_ + pending_);
  if (rest.size() < count) return {};
  pending_ += count;
  return rest.first(count);
}

bool Frame::add(std::string_view text) {
  if (text.empty()) return true;
  const auto into = claim(text.size());
  if (into.empty()) return false;
  std::ranges::copy(std::as_bytes(std::span(text)), into.begin());
  return true;
}

void Frame::close_run() {
  chain_.append(room_.subslice(begun_, pending_));
  begun_ += std::exchange(pending_, 0);
}

void Frame::append(Slice payload) {
  close_run();
  chain_.append(std::move(payload));
}

void Frame::append(Chain payload) {
  close_run();
  chain_.append(std::move(payload));
}

Chain Frame::finish() && {
  close_run();
  room_ = Slice();
  writable_ = {};
  begun_ = 0;
  return std::exchange(chain_, Chain());
}

}  // namespace leat
