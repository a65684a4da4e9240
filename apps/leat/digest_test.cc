// Goal: digests are those of the standards, whatever pieces the bytes come in.

#include "digest.h"

#include <gtest/gtest.h>

namespace leat::app {
namespace {

std::string digest_of(std::string_view algorithm, std::string_view text, std::size_t piece) {
  auto digest = Digest::named(algorithm);
  if (!digest) return digest.error().message();
  const auto bytes = std::as_bytes(std::span(text));
  for (std::size_t at = 0; at < bytes.size(); at += piece)
    digest->add(bytes.subspan(at, std::min(piece, bytes.size() - at)));
  return digest->finish();
}

TEST(Digest, is_that_of_the_standards) {
  const std::string_view nothing =
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  const std::string_view abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(digest_of("sha256", "", 1), nothing);
  for (const std::size_t piece : {1u, 2u, 3u}) EXPECT_EQ(digest_of("sha256", "abc", piece), abc);
  EXPECT_EQ(digest_of("sha512", "abc", 3),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
  EXPECT_EQ(digest_of("blake2b512", "abc", 3),
            "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
            "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
}

TEST(Digest, of_another_name_there_is_none) {
  for (const std::string_view name : {"sha256", "sha512", "blake2b512"})
    EXPECT_TRUE(is_digest(name)) << name;
  EXPECT_FALSE(is_digest("md5"));
  EXPECT_FALSE(is_digest(""));
}

}  // namespace
}  // namespace leat::app
