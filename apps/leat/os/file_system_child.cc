#include "os/file_system_child.h"

#include <cstddef>
#include <span>
#include <string_view>
#include <system_error>

#include "os/child_process.h"
#include "os/error.h"
#include "os/process.h"

namespace leat::app::os {
namespace {

/// An answer as bytes. `operation` names static memory, which is at the same place in parent and
/// child: fork(2) changes no address.
struct Told {
  enum class State : std::uint8_t { not_asked, error, value } state = State::not_asked;
  int error_number = 0;
  const char* operation = nullptr;
  std::size_t operation_length = 0;
};

struct Report {
  Told no_file;
  Told reflink;
  Told holes;
  Told nowait;
  Told direct;
  bool holes_seen = false;
  DirectAlignment alignment;
};

Told told_error(const Error& error) {
  return {Told::State::error, error.code.value(), error.operation.data(), error.operation.size()};
}

template <class T>
Told told(const std::optional<Result<T>>& answer) {
  if (!answer) return {};
  if (!*answer) return told_error(answer->error());
  return {.state = Told::State::value};
}

std::unexpected<Error> error_in(const Told& told) {
  return make_error(told.error_number, std::string_view(told.operation, told.operation_length));
}

template <class T>
std::optional<Result<T>> heard(const Told& told, Result<T> value) {
  if (told.state == Told::State::not_asked) return std::nullopt;
  if (told.state == Told::State::error) return Result<T>(error_in(told));
  return value;
}

Report report_of(const FileSystemAnswers& answers) {
  Report report;
  if (answers.no_file) report.no_file = told_error(*answers.no_file);
  report.reflink = told(answers.reflink);
  report.holes = told(answers.holes);
  report.nowait = told(answers.nowait);
  report.direct = told(answers.direct);
  if (answers.holes && *answers.holes) report.holes_seen = **answers.holes;
  if (answers.direct && *answers.direct) report.alignment = **answers.direct;
  return report;
}

FileSystemAnswers answers_in(const Report& report) {
  FileSystemAnswers answers;
  if (report.no_file.state == Told::State::error) {
    answers.no_file = error_in(report.no_file).error();
  }
  answers.reflink = heard(report.reflink, Result<void>());
  answers.holes = heard(report.holes, Result<bool>(report.holes_seen));
  answers.nowait = heard(report.nowait, Result<void>());
  answers.direct = heard(report.direct, Result<DirectAlignment>(report.alignment));
  return answers;
}

}  // namespace

Result<FileSystemAnswers> ask_file_system_until(const Places& places,
                                                std::chrono::steady_clock::time_point deadline) {
  Result<ChildProcess> child = ChildProcess::start([&places](const ParentLink& link) {
    drop_standard_output();
    const Report report = report_of(ask_file_system(places));
    return link.send(std::as_bytes(std::span(&report, 1))) ? 0 : 1;
  });
  if (!child) return std::unexpected(child.error());
  Report report;
  if (const auto received = child->receive(std::as_writable_bytes(std::span(&report, 1)), deadline);
      !received) {
    child->abandon();
    return std::unexpected(received.error());
  }
  return answers_in(report);
}

}  // namespace leat::app::os
