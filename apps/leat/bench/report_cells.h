/// Cells of the tables on the terminal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bench/rounds.h"

namespace leat::app::bench {

/// "0.95 [0.93-0.98]": at most 16 columns.
std::string ratio_cell(const Ratio& ratio, bool is_baseline);
/// With a mark behind it if it may as well be 1; at most 18 columns.
std::string marked_cell(const Ratio& ratio, bool is_baseline);
/// A line without blanks at its end.
std::string trimmed(std::string line);
/// A sentence in lines of at most 100 columns, broken between words.
std::string wrapped(std::string_view sentence);
/// "what: name, name", in lines of at most 100 columns; nothing if there are no names.
std::string list_rows(std::string_view what, const std::vector<std::string>& names);

/// The rows of a series that was measured request by request: p50, p99 and CPU time of a request.
std::string format_request_rows(const Series& series);
/// How that was done; nothing for other series.
std::string format_request_heading(const Series& series);
/// The rows whose p99 is no figure to count on; nothing for other series.
std::string format_unsettled_p99(const Series& series);

}  // namespace leat::app::bench
