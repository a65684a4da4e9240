/// A server and a client over one kept TCP connection: request, response, request, response.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <leat/mechanism.h>

#include "bench/claims.h"
#include "bench/run.h"
#include "bench/statistics.h"

namespace leat::app::bench {

/// What is asked for, again and again.
struct WebWork {
  std::uint64_t header_bytes = 200;  ///< 0: the body alone
  std::uint64_t body_bytes = 64u << 10;
  unsigned requests = 4000;  ///< that count; some come before them
};

/// How the server answers: header and body are parts of one transfer.
struct WebWay {
  /// Of the whole response; none leaves the choice to the planner. A header is memory, so only
  /// mechanisms that move memory too can be forced where there is one.
  Mechanism mechanism{};
  std::uint32_t block_bytes = 0;
  /// The body in parts of at most so many bytes; 0 is all at once. The planner hands parts of at
  /// most 64 KiB to sendfile.
  std::uint64_t part_bytes = 0;
};

/// One run. CPU is the server's.
struct WebSample {
  double wall_s = 0;
  double cpu_s = 0;
  double p50_us = 0;  ///< of a request, as the client saw it
  double p99_us = 0;
  double calls = 0;       ///< for each response, as the receipts count them
  Mechanism body_by{};    ///< the one that moved most of the bodies
  double body_share = 0;  ///< how much of the delivered bytes that was: 0 … 1
};

/// Answers `work.requests` requests in a process of its own, asked by another one that throws the
/// bodies away. The bytes of the first response are compared. The file is the first `body_bytes` of
/// the payload. To be called while the program has one thread.
std::expected<WebSample, Failure> measure_web(const Payload& payload, const WebWork& work,
                                              const WebWay& way);

struct WebRow {
  std::string name;
  WebWay way;
  std::vector<WebSample> samples;  ///< one a round
};

struct WebSeries {
  WebWork work;
  std::vector<WebRow> rows;         ///< the first is what others are compared with
  std::vector<std::string> absent;  ///< "direct I/O (refused: …)"
};

/// The median of the ratios of the runs of each round.
Ratio compare_web(const WebRow& row, const WebRow& baseline, double WebSample::* value);

/// All rows take turns until the ratios of `values` have settled (± 7 %), between `min_rounds` and
/// `max_rounds` of them. A row that refuses loses its place, unless it is the first.
std::expected<WebSeries, std::string> run_web(const Payload& payload, WebSeries series,
                                              const Settings& settings,
                                              const std::vector<double WebSample::*>& values);

/// Rows of a web server: read+write, sendfile, and what the planner chooses.
WebSeries web_rows(std::uint64_t body_bytes);
/// Claim 9, over bodies of several sizes.
Claim answer_web(const std::vector<WebSeries>& sizes);

}  // namespace leat::app::bench
