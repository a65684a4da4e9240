/// `leat bench planner`.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
}

namespace leat::app::planner {

/// `show_progress` is called where standard error is a terminal.
void add_regret_command(CLI::App& bench, const std::string& default_folder,
                        const std::function<void(std::string_view)>& show_progress,
                        int& exit_status);

}  // namespace leat::app::planner
