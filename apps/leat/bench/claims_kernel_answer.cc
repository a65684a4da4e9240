#include <algorithm>
#include <functional>

#include <fmt/core.h>

#include "bench/claims_kernel.h"
#include "bench/claims_text.h"

namespace leat::app::bench {
namespace {

using Json = nlohmann::ordered_json;

Json trials_json(const std::vector<Trial>& trials) {
  Json list = Json::array();
  for (const Trial& trial : trials) {
    list.push_back({{"from", trial.from},
                    {"to", trial.to},
                    {"bytes", trial.bytes},
                    {"errno", trial.refused_with.empty() ? Json() : Json(trial.refused_with)},
                    {"bytes_equal", trial.bytes_equal ? Json(*trial.bytes_equal) : Json()}});
  }
  return list;
}

/// "a file to a pipe 16385 bytes", "a pipe to a TCP socket EINVAL"
std::string describe_trial(const Trial& trial) {
  const std::string ends = fmt::format("{} to {}", trial.from, trial.to);
  if (!trial.refused_with.empty()) return fmt::format("{} {}", ends, trial.refused_with);
  if (!trial.bytes_equal) return fmt::format("{} {} bytes", ends, trial.bytes);
  return fmt::format("{} {} bytes, {}", ends, trial.bytes,
                     *trial.bytes_equal ? "compared" : "AND NOT THOSE THAT WERE SENT");
}

std::string describe_trials(const std::vector<Trial>& trials) {
  std::vector<std::string> list;
  list.reserve(trials.size());
  for (const Trial& trial : trials) list.push_back(describe_trial(trial));
  return join(list, "; ");
}

/// Each file system once: "ext4, tmpfs".
std::string names_of(const std::vector<Trial>& trials, bool working) {
  std::vector<std::string> names;
  for (const Trial& trial : trials) {
    const std::string& name = trial.from == "a pipe" ? trial.to : trial.from;
    const bool works = std::all_of(trials.begin(), trials.end(), [&](const Trial& other) {
      return (other.from != name && other.to != name) || other.worked();
    });
    const bool known = std::find(names.begin(), names.end(), name) != names.end();
    if (works == working && !known) names.push_back(name);
  }
  return join(names, ", ");
}

}  // namespace

Claim answer_sendfile(const std::vector<Trial>& trials) {
  Claim claim = unanswered(12);
  std::vector<std::string> others;
  std::vector<std::string> refused;
  for (const Trial& trial : trials) {
    const bool as_claimed = trial.from == "a file" && trial.to.ends_with("socket");
    if (trial.worked() && !as_claimed) others.push_back(trial.to);
    if (!trial.worked()) refused.push_back(describe_trial(trial));
  }
  claim.here = describe_trials(trials);
  claim.figures["trials"] = trials_json(trials);
  const bool to_sockets = std::any_of(trials.begin(), trials.end(), [](const Trial& trial) {
    return trial.worked() && trial.to.ends_with("socket");
  });
  if (!to_sockets) {
    claim.why = "sendfile(2) is denied here, even to a socket";
    return claim;
  }
  claim.verdict = others.empty() ? Verdict::holds : Verdict::fails;
  claim.why = others.empty()
                  ? "nothing but a socket took a file's bytes"
                  : fmt::format("since Linux 2.6.33 it also goes to {}", join(others, " and "));
  if (!refused.empty()) {
    claim.why += "; the source has to be a file: " + join(refused, ", ");
  }
  return claim;
}

Claim answer_splice(const SpliceTrials& trials) {
  Claim claim = unanswered(13);
  const auto has_pipe = [](const Trial& trial) {
    return trial.from == "a pipe" || trial.to == "a pipe";
  };
  const bool needs_pipe =
      std::all_of(trials.ends.begin(), trials.ends.end(),
                  [&](const Trial& trial) { return trial.worked() == has_pipe(trial); });
  const std::string refusing = names_of(trials.file_systems, false);
  const std::string serving = names_of(trials.file_systems, true);
  claim.here = fmt::format("{}. File systems that serve it: {}; that refuse: {}",
                           describe_trials(trials.ends), serving,
                           refusing.empty() ? "none of those mounted here" : refusing);
  claim.figures = {{"ends", trials_json(trials.ends)},
                   {"file_systems", trials_json(trials.file_systems)}};
  if (std::none_of(trials.ends.begin(), trials.ends.end(), std::mem_fn(&Trial::worked))) {
    claim.why = "splice(2) is denied here, also with a pipe";
    return claim;
  }
  claim.verdict = !needs_pipe        ? Verdict::fails
                  : refusing.empty() ? Verdict::depends
                                     : Verdict::holds;
  claim.why = needs_pipe ? "without a pipe at one end it is refused, with one it works"
                         : "a call without a pipe was not refused, or one with a pipe was";
  claim.why += refusing.empty() ? "; of what is mounted here nothing refuses it"
                                : "; it is refused by: " + refusing;
  return claim;
}

Claim answer_zerocopy(const ZerocopyTrials& trials) {
  Claim claim = unanswered(14);
  Json paths = Json::array();
  std::vector<std::string> here;
  std::vector<std::string> copied;
  std::vector<std::string> uncopied;
  bool seen = false;
  bool kept = true;
  for (const ZerocopyTrial& trial : trials.paths) {
    paths.push_back({{"path", trial.path},
                     {"problem", trial.problem.empty() ? Json() : Json(trial.problem)},
                     {"sent_bytes", trial.sent_bytes},
                     {"copied_bytes", trial.copied_bytes},
                     {"known_by", leat::name_of(trial.known_by)},
                     {"lent_before_reading_bytes", trial.lent_unread_bytes},
                     {"lent_after_reading_bytes", trial.lent_read_bytes}});
    if (!trial.problem.empty()) {
      here.push_back(fmt::format("{}: {}", trial.path, trial.problem));
      continue;
    }
    if (trial.known_by != KnownBy::kernel) {
      here.push_back(fmt::format("{}: the kernel did not say what it did", trial.path));
      continue;
    }
    seen = true;
    (trial.copied_bytes > 0 ? copied : uncopied).push_back(trial.path);
    kept = kept && trial.lent_unread_bytes > 0 && trial.lent_read_bytes == 0;
    here.push_back(
        fmt::format("{}: {} of {} bytes copied, by the kernel's own word; {} still lent "
                    "when the peer had read all, {} once the completions were read",
                    trial.path, trial.copied_bytes, trial.sent_bytes, trial.lent_unread_bytes,
                    trial.lent_read_bytes));
  }
  claim.figures = {{"unavailable", trials.unavailable.empty() ? Json() : Json(trials.unavailable)},
                   {"receiving", trials.of_receiving},
                   {"paths", paths}};
  if (!trials.unavailable.empty() || !seen) {
    claim.here = trials.unavailable.empty() ? join(here, "; ") : trials.unavailable;
    claim.why = "no send with MSG_ZEROCOPY could be looked at";
    return claim;
  }
  claim.here = fmt::format("{}; as the receiver: {}", join(here, "; "), trials.of_receiving);
  claim.verdict = copied.empty() ? kept ? Verdict::holds : Verdict::fails : Verdict::depends;
  claim.why = kept ? "sending only, and what is not read stays lent, as claimed"
                   : "memory did not stay lent until the completions were read";
  if (!copied.empty()) claim.why += "; but over " + join(copied, " and ") + " it is copied";
  if (!uncopied.empty()) claim.why += "; over " + join(uncopied, " and ") + " it is not";
  claim.why += "; between two cards: scripts/lab zerocopy";
  return claim;
}

}  // namespace leat::app::bench
