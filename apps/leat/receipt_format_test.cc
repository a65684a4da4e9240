/// Goal: receipts read well and their JSON keeps its keys, whatever they hold. Method: receipts
/// made by hand; those of real transfers are checked by tests/apps.
#include "receipt_format.h"

#include <cerrno>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace leat::app {
namespace {

Receipt receipt_of_a_fallback() {
  Receipt receipt;
  receipt.delivered = 1ull << 30;
  receipt.holes = 4096;
  receipt.ending = Ending::complete;
  receipt.legs.push_back({.mechanism = *Mechanism::named("sendfile"),
                          .known_by = KnownBy::construction,
                          .bytes = (1ull << 30) - 4096,
                          .calls = 513});
  receipt.legs.push_back({.mechanism = *Mechanism::named("read_write"),
                          .known_by = KnownBy::unknown,
                          .bytes = 0,
                          .calls = 1});
  receipt.refusals.push_back({.mechanism = *Mechanism::named("copy_file_range"),
                              .error_number = EXDEV,
                              .reason = "another file system",
                              .at = 0,
                              .count = 2});
  receipt.usage = Usage{.wall_s = 0.5, .user_s = 0.04, .system_s = 0.08};
  return receipt;
}

TEST(ReceiptLine, TellsWhatMovedHowAndWhatRefused) {
  EXPECT_EQ(receipt_line(receipt_of_a_fallback()),
            "1.00 GiB in 0.50 s (2.00 GiB/s, 0.12 s CPU), complete: sendfile 1.00 GiB in 513 "
            "calls, 0 copies; read_write 0 B in 1 call, copies unknown; 4.00 KiB kept as holes; "
            "refused: copy_file_range EXDEV at 0 (2 times)");
}

TEST(ReceiptLine, OfNothingHasNoFigures) {
  Receipt receipt;
  receipt.ending = Ending::cancelled;
  EXPECT_EQ(receipt_line(receipt), "0 B, cancelled");
}

TEST(ReceiptLine, CountsCopiesPerByte) {
  Receipt receipt;
  receipt.delivered = 100;
  receipt.stranded = 7;
  receipt.acknowledged = 100;
  receipt.ending = Ending::end_of_source;
  receipt.legs.push_back({.mechanism = *Mechanism::named("read_write"),
                          .known_by = KnownBy::construction,
                          .bytes = 100,
                          .calls = 3,
                          .cpu_copied_bytes = 200});
  EXPECT_EQ(receipt_line(receipt),
            "100 B, end of source: read_write 100 B in 3 calls, 2 copies; 7 B stranded; 100 B "
            "acknowledged");
  receipt.legs[0].cpu_copied_bytes = 150;
  EXPECT_NE(receipt_line(receipt).find("1.50 copies"), std::string::npos);
  receipt.legs[0].known_by = KnownBy::pending;
  EXPECT_NE(receipt_line(receipt).find("copies pending"), std::string::npos);
}

TEST(ReceiptJson, SaysNullWhereNothingIsKnown) {
  Receipt receipt = receipt_of_a_fallback();
  const auto json = nlohmann::json::parse(receipt_json(receipt));
  EXPECT_EQ(json["delivered"], 1ull << 30);
  EXPECT_TRUE(json["acknowledged"].is_null());
  EXPECT_TRUE(json["error"].is_null());
  EXPECT_EQ(json["legs"][0]["cpu_copied_bytes"], 0);
  EXPECT_TRUE(json["legs"][1]["cpu_copied_bytes"].is_null());
  EXPECT_EQ(json["refusals"][0]["errno"], "EXDEV");
  receipt.refusals[0].error_number = 0;
  receipt.usage.reset();
  const auto without = nlohmann::json::parse(receipt_json(receipt));
  EXPECT_TRUE(without["refusals"][0]["errno"].is_null());
  EXPECT_TRUE(without["usage"].is_null());
}

TEST(ReceiptJson, IsOneLineOfUtf8WhateverThePathIs) {
  Receipt receipt;
  receipt.ending = Ending::failed;
  receipt.error = Error{.code = {ENOENT, std::generic_category()},
                        .operation = "open",
                        .mechanism = {},
                        .subject = "a\nb\xff",
                        .hint = "check \"it\""};
  const std::string text = receipt_json(receipt);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["ending"], "failed");
  EXPECT_EQ(json["error"]["code"], "ENOENT");
  EXPECT_EQ(json["error"]["operation"], "open");
  EXPECT_EQ(json["error"]["hint"], "check \"it\"");
}

}  // namespace
}  // namespace leat::app
