/// `leat bench memory` and `leat bench read`.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
}

namespace leat::app::memory {

/// `show_progress` is called where standard error is a terminal.
void add_memory_command(CLI::App& bench, const std::function<void(std::string_view)>& show_progress,
                        int& exit_status);
void add_read_command(CLI::App& bench, const std::string& default_folder,
                      const std::function<void(std::string_view)>& show_progress, int& exit_status);

}  // namespace leat::app::memory
