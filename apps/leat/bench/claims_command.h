/// The subcommand `leat bench claims`.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
}

namespace leat::app::bench {

/// `folder` is where the file is made unless --dir says otherwise; `show_progress` writes one line
/// over the one before.
void add_claims_command(CLI::App& bench, const std::string& folder,
                        const std::function<void(std::string_view)>& show_progress,
                        int& exit_status);

}  // namespace leat::app::bench
