/// Options that `leat copy` and `leat explain` have in common, and how their texts are read.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "copy/request.h"
#include "sizes.h"

namespace leat::app::copy {

/// The value, or a usage error of the option `name`.
template <class T>
T checked(std::expected<T, std::string> value, const std::string& name) {
  if (!value) throw CLI::ValidationError(name, value.error());
  return *value;
}

/// An option whose text `set` understands or refuses.
template <class Set>
CLI::Option* text_option(CLI::App& command, const std::string& name, const std::string& type,
                         const std::string& description, const Set& set) {
  auto* option = command.add_option_function<std::string>(name, set, description);
  return option->type_name(type);
}

/// 0 or 1: which of two words it is.
inline int one_of(const std::string& option, const std::string& text, const char* first,
                  const char* second) {
  if (text == first) return 0;
  if (text == second) return 1;
  throw CLI::ValidationError(option, fmt::format("'{}' is neither {} nor {}", text, first, second));
}

template <class Store>
void size_option(CLI::App& command, const std::string& name, const std::string& type,
                 const std::string& description, Store store) {
  text_option(command, name, type, description,
              [name, store](const std::string& text) { store(checked(parse_size(text), name)); });
}

/// SRC and DST.
void add_endpoints(CLI::App& command, Request& request);
/// --offset, --length.
void add_range(CLI::App& command, Request& request);
/// --mechanism, --copies, --consistency, --block-size, --limit-rate.
void add_ways(CLI::App& command, Request& request);

}  // namespace leat::app::copy
