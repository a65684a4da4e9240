/// Result files: written whole or not at all, and read.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include <leat/endpoint.h>

namespace leat::app::bench {

/// A file that is begun before a long measurement, so that a path that cannot be written is told at
/// once, and that appears when it is put. Errors are one line.
class OutputFile {
 public:
  static std::expected<OutputFile, std::string> begin(const std::string& path);

  /// Writes `text` and gives the file its name, replacing what was there. To be called once.
  std::expected<void, std::string> put(std::string_view text);

 private:
  OutputFile(std::string path, FileReplacement file)
      : path_(std::move(path)), file_(std::move(file)) {}

  std::string path_;
  FileReplacement file_;
};

/// The whole of a regular file of at most 64 MiB. The error is one line that names the path.
std::expected<std::string, std::string> read_result(const std::string& path);

}  // namespace leat::app::bench
