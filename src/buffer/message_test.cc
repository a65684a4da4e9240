// Goal: what is read from a chain is what was written, however the chain is cut; it is copied only
// where it straddles slices; what does not lie as the type has to is refused (pitfalls 39, 42).
// Method: the same messages cut at every place, and at random.

#include <array>
#include <bit>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/message.h>

namespace leat::testing {
namespace {

Chain chain_of(std::initializer_list<std::string_view> pieces) {
  Chain chain;
  for (const std::string_view piece : pieces) chain.append(Slice::borrow(piece));
  return chain;
}

Chain cut(std::string_view text, std::size_t at) {
  return chain_of({text.substr(0, at), text.substr(at)});
}

TEST(CursorTest, fields_are_views_unless_they_straddle) {
  const std::string_view text = "key: value\r\nmore";
  for (std::size_t at = 0; at <= text.size(); ++at) {
    SCOPED_TRACE(at);
    const Chain chain = cut(text, at);
    Cursor cursor(chain);
    const Field key = *cursor.until(": ");
    const Field value = *cursor.until("\r\n");
    EXPECT_EQ(key.text, "key");
    EXPECT_EQ(value.text, "value");
    EXPECT_EQ(key.copied, at > 0 && at < 3);
    EXPECT_EQ(value.copied, at > 5 && at < 10);
    EXPECT_EQ(cursor.copied_bytes(), (key.copied ? 3u : 0u) + (value.copied ? 5u : 0u));
    if (!key.copied) {
      EXPECT_EQ(static_cast<const void*>(key.text.data()), chain.slices()[0].data());
    }
    EXPECT_FALSE(cursor.until("\r\n"));
    EXPECT_EQ(cursor.position(), 12u);
    EXPECT_EQ(cursor.left(), 4u);
    EXPECT_EQ(cursor.take(4)->text, "more");
    EXPECT_FALSE(cursor.take(1));
    EXPECT_EQ(cursor.take(0)->text, "");
  }
}

TEST(CursorTest, a_delimiter_over_three_slices_and_one_that_only_begins) {
  const Chain chain = chain_of({"a\r", "\n\r", "\r", "\n", "\r\nrest\r"});
  Cursor cursor(chain);
  EXPECT_EQ(cursor.until("\r\n\r\r\n\r\n")->text, "a");
  EXPECT_FALSE(cursor.until("\r\n"));
  EXPECT_EQ(cursor.take(4)->text, "rest");
}

TEST(CursorTest, goes_on_when_more_has_come) {
  Chain chain = chain_of({"li"});
  Cursor cursor(chain);
  EXPECT_FALSE(cursor.until("\n"));
  EXPECT_FALSE(cursor.take(3));
  chain.append(Slice::borrow("ne"));
  EXPECT_EQ(cursor.take(2)->text, "li");
  for (int i = 0; i < 20; ++i) chain.append(Slice::borrow("."));
  chain.append(Slice::borrow("\n"));
  EXPECT_EQ(cursor.until("\n")->text, "ne....................");
  EXPECT_EQ(cursor.left(), 0u);
}

TEST(CursorTest, fields_outlive_later_ones) {
  const Chain chain = chain_of({"a", "b", "c", "d"});
  Cursor cursor(chain);
  const Field first = *cursor.take(2);
  const Field second = *cursor.take(2);
  EXPECT_TRUE(first.copied && second.copied);
  EXPECT_EQ(first.text, "ab");
  EXPECT_EQ(second.text, "cd");
}

TEST(CursorTest, numbers_have_the_byte_order_that_is_asked_for) {
  const std::string_view text("\x01\x02\x03\x04\xff\xfe", 6);
  for (std::size_t at = 0; at <= text.size(); ++at) {
    const Chain chain = cut(text, at);
    Cursor cursor(chain);
    EXPECT_EQ(cursor.number<std::uint32_t>(std::endian::big), 0x01020304u);
    EXPECT_EQ(cursor.number<std::uint16_t>(std::endian::little), 0xfeffu);
    EXPECT_EQ(cursor.number<std::uint8_t>(std::endian::big), std::nullopt);
  }
}

TEST(CursorTest, a_length_that_a_peer_sends_is_not_believed) {
  const std::string_view text(
      "\x00\x03"
      "abc"
      "\xff\xff"
      "d",
      8);
  const Chain chain = chain_of({text});
  Cursor cursor(chain);
  const auto field = cursor.prefixed<std::uint16_t>(std::endian::big, 3);
  ASSERT_TRUE(field && *field);
  EXPECT_EQ((*field)->text, "abc");
  const auto refused = cursor.prefixed<std::uint16_t>(std::endian::big, 1000);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::too_long);
  const auto incomplete = cursor.prefixed<std::uint16_t>(std::endian::big, 65535);
  ASSERT_TRUE(incomplete);
  EXPECT_FALSE(*incomplete);
  EXPECT_EQ(cursor.position(), 5u);
}

TEST(CursorTest, what_is_shared_outlives_the_chain) {
  int releases = 0;
  Chain payload;
  {
    const std::string_view text = "headpayload";
    Chain chain;
    chain.append(Slice::adopt(std::as_bytes(std::span(text)), [&] { ++releases; }));
    Cursor cursor(chain);
    EXPECT_TRUE(cursor.skip(4));
    EXPECT_FALSE(cursor.share(8));
    payload = *cursor.share(7);
    EXPECT_FALSE(cursor.skip(1));
  }
  EXPECT_EQ(releases, 0);
  EXPECT_EQ(payload.flatten()->slice.text(), "payload");
}

/// Messages of random fields, cut at random, read again.
TEST(CursorTest, reads_what_was_written_however_it_is_cut) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto pick = [&](std::size_t below) {
      return std::uniform_int_distribution<std::size_t>(0, below - 1)(random);
    };
    std::vector<std::string> lines;
    std::string text;
    for (std::size_t i = pick(20); i > 0; --i) {
      std::string line;
      for (std::size_t length = pick(30); length > 0; --length) line += "ab\r\n-"[pick(5)];
      while (line.find("\r\n") != line.npos || line.ends_with('\r')) line.pop_back();
      lines.push_back(line);
      text += line + "\r\n";
    }
    Chain chain;
    for (std::string_view rest = text; !rest.empty();) {
      const std::size_t length = std::min(rest.size(), 1 + pick(9));
      chain.append(Slice::borrow(rest.substr(0, length)));
      rest.remove_prefix(length);
    }
    Cursor cursor(chain);
    for (const std::string& line : lines) ASSERT_EQ(cursor.until("\r\n")->text, line);
    EXPECT_FALSE(cursor.until("\r\n"));
    EXPECT_EQ(cursor.left(), 0u);
  }
}

struct Sample {
  std::uint64_t id;
  double value;
};

TEST(ViewTest, checks_size_and_alignment) {
  alignas(8) std::array<std::byte, 40> bytes{};
  EXPECT_TRUE(view_as<Sample>(std::span(bytes).first(16)));
  EXPECT_TRUE(view_as<Sample>(std::span(bytes).subspan(8)));
  for (const auto wrong : {std::span<const std::byte>(bytes).first(15),
                           std::span<const std::byte>(bytes).subspan(4)}) {
    const auto view = view_as<Sample>(wrong);
    ASSERT_FALSE(view);
    EXPECT_EQ(view.error().code, Errc::wrong_layout);
  }
  EXPECT_NE(view_as<Sample>(std::span(bytes).subspan(4)).error().hint.find("aligned"),
            std::string::npos);
}

TEST(ViewTest, an_object_arrives_as_it_lay) {
  Frame frame = *Frame::with_room(64);
  ASSERT_TRUE(frame.add_object(Sample{7, 0.5}, 3));
  const Chain chain = std::move(frame).finish();
  const Slice sent = chain.slices()[0];
  const auto got = view_object<Sample>(sent.bytes(), 3);
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ((*got)->id, 7u);
  EXPECT_EQ((*got)->value, 0.5);
  EXPECT_EQ(static_cast<const void*>(*got), sent.data() + sizeof(ObjectTag)) << "copied";
}

TEST(ViewTest, another_version_size_or_byte_order_is_refused) {
  Frame frame = *Frame::with_room(64);
  ASSERT_TRUE(frame.add_object(Sample{7, 0.5}, 3));
  const Slice sent = std::move(frame).finish().slices()[0];
  EXPECT_NE(view_object<Sample>(sent.bytes(), 4).error().hint.find("version"), std::string::npos);
  EXPECT_FALSE(view_object<std::uint64_t>(sent.bytes(), 3));
  EXPECT_FALSE(view_object<Sample>(sent.bytes().first(15), 3));
  EXPECT_FALSE(view_object<Sample>(sent.bytes().first(sent.size() - 1), 3));
  alignas(8) std::array<std::byte, 32> swapped{};
  std::ranges::copy(sent.bytes(), swapped.begin());
  std::reverse(swapped.begin(), swapped.begin() + 4);
  EXPECT_NE(view_object<Sample>(swapped, 3).error().hint.find("byte order"), std::string::npos);
}

TEST(FrameTest, gathers_what_was_written_with_what_is_shared) {
  Frame frame = *Frame::with_room(16);
  const Slice payload = Slice::borrow("payload");
  ASSERT_TRUE(frame.add("id="));
  ASSERT_TRUE(frame.add_number<std::uint16_t>(0x4142, std::endian::big));
  frame.append(payload);
  frame.append(chain_of({"x", "y"}));
  ASSERT_TRUE(frame.add_number<std::uint16_t>(0x4142, std::endian::little));
  EXPECT_EQ(frame.size(), 16u);
  EXPECT_FALSE(frame.add("too much room"));
  ASSERT_TRUE(frame.add("9 bytes.."));
  EXPECT_FALSE(frame.add("."));
  const Chain chain = std::move(frame).finish();
  EXPECT_EQ(chain.flatten()->slice.text(), "id=ABpayloadxyBA9 bytes..");
  ASSERT_EQ(chain.slices().size(), 5u);
  EXPECT_EQ(chain.slices()[1].data(), payload.data());
}

TEST(FrameTest, may_be_empty) {
  Frame frame = *Frame::with_room(0);
  EXPECT_TRUE(frame.add(""));
  EXPECT_FALSE(frame.add("x"));
  EXPECT_TRUE(std::move(frame).finish().empty());
}

}  // namespace
}  // namespace leat::testing
