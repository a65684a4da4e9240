// Goal: a chain is its slices in order, whatever is done to it, and copies nothing but in flatten()
// and copy_to(). Method: random operations, and a std::string that has the same done to it.

#include <sys/uio.h>

#include <array>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <leat/buffer.h>

namespace leat::testing {
namespace {

Slice frozen(std::size_t size) { return std::move(*Buffer::allocate(size)).freeze(); }

std::string text_of(const Chain& chain) {
  std::string text;
  for (const Slice& slice : chain) text += slice.text();
  return text;
}

TEST(ChainTest, is_its_slices_in_order) {
  const std::string_view text = "header body trailer";
  const Slice whole = Slice::borrow(std::as_bytes(std::span(text)));
  Chain chain;
  chain.append(whole.subslice(7, 4));
  chain.append(Slice());
  chain.append(whole.subslice(12));
  chain.prepend(whole.subslice(0, 6));
  EXPECT_EQ(chain.size(), 17u);
  ASSERT_EQ(chain.slices().size(), 3u);
  EXPECT_EQ(chain.slices()[0].data(), whole.data());
  EXPECT_EQ(chain.slices()[1].size(), 4u);
  EXPECT_EQ(chain.slices()[2].size(), 7u);
}

TEST(ChainTest, memory_is_kept_by_what_is_cut_off_alone) {
  int releases = 0;
  const std::string_view text = "abcdef";
  Chain chain;
  chain.append(Slice::adopt(std::as_bytes(std::span(text)), [&] { ++releases; }));
  Chain front = chain.split(2);
  chain = Chain();
  EXPECT_EQ(releases, 0);
  EXPECT_EQ(text_of(front), "ab");
  front.drop_front(2);
  EXPECT_EQ(releases, 1);
}

TEST(ChainTest, one_piece_is_flat_already) {
  Chain chain;
  EXPECT_TRUE(chain.flatten()->slice.empty());
  chain.append(Slice::borrow("abc"));
  const Chain::Flat same = *chain.flatten();
  EXPECT_EQ(same.slice.data(), chain.slices()[0].data());
  EXPECT_EQ(same.copied_bytes, 0u);
  chain.append(Slice::borrow("def"));
  const Chain::Flat copy = *chain.flatten();
  EXPECT_EQ(copy.slice.text(), "abcdef");
  EXPECT_EQ(copy.copied_bytes, 6u);
}

TEST(ChainTest, iovecs_are_the_first_pieces) {
  Chain chain;
  for (const char* text : {"a", "bc", "def"}) chain.append(Slice::borrow(text));
  std::array<iovec, 4> vectors{};
  EXPECT_EQ(chain.fill_iovecs(std::span(vectors).first(2)), 2u);
  EXPECT_EQ(vectors[1].iov_len, 2u);
  EXPECT_EQ(vectors[2].iov_len, 0u);
  EXPECT_EQ(chain.fill_iovecs(vectors), 3u);
  EXPECT_EQ(vectors[2].iov_base, chain.slices()[2].data());
}

// Pitfall 40.
TEST(ChainTest, each_buffer_that_it_keeps_counts_once) {
  const Slice large = frozen(1000);
  const Slice other = frozen(50);
  Chain chain;
  chain.append(large.subslice(0, 1));
  chain.append(other.subslice(1, 1));
  chain.append(large.subslice(999));
  chain.append(Slice::borrow("1234"));
  EXPECT_EQ(chain.size(), 7u);
  EXPECT_EQ(chain.retained_bytes(), 1050u) << "what is borrowed it does not keep";
}

/// A chain and what it must read as.
class Model {
 public:
  explicit Model(unsigned seed) : random_(seed) {}

  void act() {
    switch (pick(9)) {
      case 0:
      case 1: return append();
      case 2: return prepend();
      case 3: return split();
      case 4: return drop();
      case 5: return subchain();
      case 6: return append_chain();
      case 7: return copy();
      default: return look();
    }
  }
  void look() {
    ASSERT_EQ(text_of(chain_), text_);
    ASSERT_EQ(chain_.size(), text_.size());
    ASSERT_EQ(chain_.empty(), text_.empty());
    const Chain::Flat flat = *chain_.flatten();
    ASSERT_EQ(flat.slice.text(), text_);
    const std::size_t from = pick(text_.size() + 2);
    std::array<std::byte, 20> some{};
    const std::size_t got = chain_.copy_to(std::span(some).first(pick(21)), from);
    const std::string_view seen(reinterpret_cast<const char*>(some.data()), got);
    ASSERT_EQ(seen, std::string_view(text_).substr(std::min(from, text_.size()), got));
  }

 private:
  std::size_t pick(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_);
  }
  std::string fresh() {
    std::string text(pick(30), ' ');
    for (char& c : text) c = static_cast<char>('a' + pick(26));
    return text;
  }
  /// A slice of `text` that is a part of something larger.
  static Slice wrap(const std::string& text) {
    return Slice::adopt("<<" + text + ">>").subslice(2, text.size());
  }

  void append() {
    const std::string text = fresh();
    chain_.append(wrap(text));
    text_ += text;
  }
  void prepend() {
    const std::string text = fresh();
    chain_.prepend(wrap(text));
    text_ = text + text_;
  }
  void split() {
    const std::size_t at = pick(text_.size() + 3);
    const Chain front = chain_.split(at);
    ASSERT_EQ(text_of(front), text_.substr(0, at));
    text_.erase(0, at);
  }
  void drop() {
    const std::size_t count = pick(text_.size() / 2 + 3);
    chain_.drop_front(count);
    text_.erase(0, count);
  }
  void subchain() {
    const std::size_t from = pick(text_.size() + 1);
    const std::size_t length = pick(text_.size() + 2);
    ASSERT_EQ(text_of(chain_.subchain(from, length)), text_.substr(from, length));
    ASSERT_EQ(text_of(chain_.subchain(from)), text_.substr(from));
  }
  void append_chain() {
    Chain other;
    for (std::size_t i = pick(4); i > 0; --i) {
      const std::string text = fresh();
      other.append(wrap(text));
      text_ += text;
    }
    chain_.append(std::move(other));
  }
  void copy() {
    const Chain copy = chain_;
    Chain moved = std::move(chain_);
    chain_ = Chain();
    ASSERT_EQ(text_of(copy), text_);
    chain_ = std::move(moved);
  }

  std::mt19937 random_;
  Chain chain_;
  std::string text_;
};

TEST(ChainTest, is_the_string_that_had_the_same_done_to_it) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Model model(seed);
    for (int i = 0; i < 200; ++i) {
      model.act();
      if (::testing::Test::HasFatalFailure()) return;
    }
    model.look();
  }
}

}  // namespace
}  // namespace leat::testing
