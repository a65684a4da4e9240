/// The page that shows results: rendered from their JSON alone, whether it was just made or kept.
#pragma once

#include <expected>
#include <span>
#include <string>

namespace leat::app::bench {

/// The JSON of one command, and what to call it in messages.
struct ResultText {
  std::string name;
  std::string json;
};

/// One self-contained HTML page of all results: those of `leat bench transfer`, `claims`, `memory`
/// and `read`, and of `scripts/bench peers`, in the order given. The error is one line that names
/// the result which is none of these.
std::expected<std::string, std::string> render_page(std::span<const ResultText> results);

/// The bars of the first pair of ends, at its largest size, of the first result of `leat bench
/// transfer`, as an SVG document.
std::expected<std::string, std::string> render_picture(std::span<const ResultText> results);

}  // namespace leat::app::bench
