#include "bench/output_file.h"

#include <cstddef>
#include <cstdint>
#include <span>

#include <fmt/core.h>

#include <leat/transfer.h>

#include "os/files.h"

namespace leat::app::bench {
namespace {

constexpr std::uint64_t most_bytes = 64u << 20;

std::string why(const Receipt& receipt) {
  return receipt.error ? receipt.error->message()
                       : fmt::format("ended with {}", leat::name_of(receipt.ending));
}

}  // namespace

std::expected<OutputFile, std::string> OutputFile::begin(const std::string& path) {
  Result<FileReplacement> file = replace_file(path);
  if (!file) return std::unexpected(file.error().message());
  return OutputFile(path, std::move(*file));
}

std::expected<void, std::string> OutputFile::put(std::string_view text) {
  const Receipt receipt = transfer(Source(text), file_.sink());
  if (!receipt.ok()) return std::unexpected(fmt::format("{}: {}", path_, why(receipt)));
  if (const auto named = file_.commit(); !named) return std::unexpected(named.error().message());
  return {};
}

std::expected<std::string, std::string> read_result(const std::string& path) {
  const Result<os::FileFacts> facts = os::look_at(path);
  if (!facts) return std::unexpected(facts.error().message());
  if (!facts->is_regular() || facts->size() > most_bytes) {
    return std::unexpected(fmt::format("{}: is no file of at most 64 MiB", path));
  }
  Result<Source> source = Source::open(path);
  if (!source) return std::unexpected(source.error().message());
  std::string text(facts->size(), '\0');
  const Receipt receipt =
      transfer(std::move(*source), Sink(std::as_writable_bytes(std::span(text))));
  if (!receipt.ok() || receipt.delivered != text.size()) {
    return std::unexpected(fmt::format("{}: {}", path, why(receipt)));
  }
  return text;
}

}  // namespace leat::app::bench
