// The file of Costs: text, so that a person can read and compare it.
//
//     leat-costs 1
//     kernel 6.18.44
//     cpu Intel(R) Xeon(R) Processor
//     file tcp sendfile 65536 8200 7900
//     …
//     end 412
#include <array>
#include <charconv>
#include <system_error>
#include <utility>

#include <leat/costs.h>
#include <leat/endpoint.h>
#include <leat/transfer.h>

#include "os/host.h"

namespace leat {
namespace {

constexpr std::string_view title = "leat-costs 1";
constexpr std::size_t most_bytes = 1 << 20;

std::unexpected<Error> refuse(Errc code, const std::string& path, std::string hint) {
  return std::unexpected(Error{.code = make_error_code(code),
                               .operation = {},
                               .mechanism = {},
                               .subject = path,
                               .hint = std::move(hint)});
}

std::unexpected<Error> damaged(const std::string& path) {
  return refuse(Errc::bad_costs, path, "leat calibrate writes it anew");
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return {};  // a last line without an end is no whole one
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

std::string_view take_word(std::string_view& line) {
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

template <class Number>
bool take_number(std::string_view& line, Number& number) {
  const std::string_view word = take_word(line);
  const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc() && rest == word.data() + word.size() && !word.empty();
}

template <class Enum>
bool take_name(std::string_view& line, Enum last, Enum& value) {
  const std::string_view word = take_word(line);
  for (int index = 0; index <= static_cast<int>(last); ++index) {
    value = static_cast<Enum>(index);
    if (name_of(value) == word) return true;
  }
  return false;
}

// A line whose mechanism this build does not have is well-formed and names none.
bool read_figure(std::string_view line, CostFigure& figure) {
  if (!take_name(line, CostSource::socket, figure.source)) return false;
  if (!take_name(line, CostSink::file, figure.sink)) return false;
  if (const auto mechanism = Mechanism::named(take_word(line))) figure.mechanism = *mechanism;
  return take_number(line, figure.bytes) && take_number(line, figure.wall_ns) &&
         take_number(line, figure.cpu_ns) && line.empty();
}

bool take_field(std::string_view& text, std::string_view name, std::string& value) {
  std::string_view line = take_line(text);
  if (take_word(line) != name) return false;
  value = line;
  return true;
}

std::string number_text(double number) {
  std::array<char, 32> room;
  const auto written =
      std::to_chars(room.data(), room.data() + room.size(), number, std::chars_format::general, 6);
  return {room.data(), written.ptr};
}

std::string as_text(const Costs& costs) {
  std::string text(title);
  text += "\nkernel " + costs.kernel + "\ncpu " + costs.cpu + "\n";
  for (const CostFigure& figure : costs.figures()) {
    for (const std::string_view word :
         {name_of(figure.source), name_of(figure.sink), figure.mechanism.name()})
      text.append(word).append(" ");
    text += std::to_string(figure.bytes) + " " + number_text(figure.wall_ns) + " " +
            number_text(figure.cpu_ns) + "\n";
  }
  return text + "end " + std::to_string(costs.figures().size()) + "\n";
}

// Returns false if it is no whole file.
bool read_figures(std::string_view text, Costs& costs) {
  std::size_t count = 0;
  for (;;) {
    std::string_view line = take_line(text);
    std::string_view words = line;
    if (take_word(words) == "end") {
      std::size_t promised = 0;
      return take_number(words, promised) && words.empty() && promised == count && text.empty();
    }
    CostFigure figure;
    if (!read_figure(line, figure)) return false;
    costs.add(figure);
    ++count;
  }
}

}  // namespace

Result<Costs> Costs::load(const std::string& path) {
  const auto whole = os::read_text(path, most_bytes);
  if (!whole) {
    if (whole.error().is(EFBIG)) return damaged(path);
    Error error = whole.error();
    error.subject = path;
    return std::unexpected(std::move(error));
  }
  std::string_view text = *whole;
  Costs costs;
  const bool has_head = take_line(text) == title && take_field(text, "kernel", costs.kernel) &&
                        take_field(text, "cpu", costs.cpu);
  if (!has_head || !read_figures(text, costs)) return damaged(path);
  if (costs.kernel != kernel_release() || costs.cpu != processor_name())
    return refuse(Errc::stale_costs, path, "leat calibrate measures this one");
  return costs;
}

Result<void> Costs::save(const std::string& path) const {
  const std::string text = as_text(*this);
  auto file = replace_file(path, 0644);
  if (!file) return std::unexpected(file.error());
  const Receipt written = transfer(Source(std::string_view(text)), file->sink());
  if (!written.ok()) return std::unexpected(written.error.value_or(Error()));
  return file->commit();
}

}  // namespace leat
