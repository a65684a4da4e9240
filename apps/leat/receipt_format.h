/// A receipt as text: a line for people and a line of JSON for scripts (docs/man/leat-copy.1).
#pragma once

#include <optional>
#include <string>

#include <leat/receipt.h>

namespace leat::app {

/// Of all bytes that were copied.
struct DigestValue {
  std::string algorithm;
  std::string hex;
};

/// "1.00 GiB in 0.41 s (2.44 GiB/s, 0.12 s CPU), complete: sendfile 1.00 GiB in 513 calls,
/// 0 copies; refused: copy_file_range EXDEV at 0". One line without its end.
std::string receipt_line(const Receipt& receipt,
                         const std::optional<DigestValue>& digest = std::nullopt);

/// The contract for scripts: keys may be added, never renamed. One line without its end.
std::string receipt_json(const Receipt& receipt,
                         const std::optional<DigestValue>& digest = std::nullopt);

/// "ECONNREFUSED", "does_not_fit", "EAI_NONAME", ….
std::string error_code_name(const Error& error);

/// `text` with control characters replaced by '?': a name may hold line ends and escape sequences.
std::string printable(std::string text);

}  // namespace leat::app
