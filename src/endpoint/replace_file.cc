#include <array>
#include <cstdio>
#include <utility>

#include <leat/endpoint.h>

#include "os/descriptor.h"
#include "os/file.h"

namespace leat {
namespace {

constexpr unsigned default_mode = 0666;  // less the umask, which open(2) applies
constexpr unsigned private_mode = 0600;  // until the file has the mode of the one it replaces
constexpr int most_links = 40;           // as path_resolution(7) has it
constexpr int most_names = 100;

struct Place {
  std::string folder;
  std::string name;
};

Place split(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

std::unexpected<Error> refuse(std::error_code code, const std::string& path, std::string hint) {
  return std::unexpected(Error{.code = code,
                               .operation = "replace",
                               .mechanism = {},
                               .subject = path,
                               .hint = std::move(hint)});
}

template <class T>
Result<T> at(Result<T> result, const std::string& path) {
  if (!result) result.error().subject = path;
  return result;
}

// The path that `path` stands for: symbolic links are followed, also one whose target is missing.
Result<std::string> followed(std::string path) {
  for (int hops = 0; hops < most_links; ++hops) {
    const auto target = os::read_link(path);
    if (!target) {
      const bool plain = target.error().is(EINVAL) || target.error().is(ENOENT);
      if (plain) return path;
      return at<std::string>(target, path);
    }
    path = target->starts_with('/') ? *target : split(path).folder + "/" + *target;
  }
  return refuse({ELOOP, std::generic_category()}, path, "a chain of symbolic links");
}

std::string temporary_name(const std::string& name, int attempt) {
  std::array<char, 32> suffix;
  std::snprintf(suffix.data(), suffix.size(), ".%d.%d", os::process_id(), attempt);
  return ".leat-" + name.substr(0, 200) + suffix.data();
}

}  // namespace

struct FileReplacement::State {
  std::string path;  // as the user would name it; for errors
  Place place;
  OwnedFd folder;
  OwnedFd file;
  std::string temporary;  // its name for now; empty if it has none
  Durability durability = Durability::none;

  ~State() {
    if (temporary.empty()) return;
    // Discarding is best effort: there is nobody left to report to.
    [[maybe_unused]] const auto ignored = os::unlink(folder, temporary);
  }

  Result<void> create(unsigned mode);
  Result<void> name_it();
};

namespace {

Result<std::optional<os::FileStat>> existing(const std::string& path) {
  const auto fd = os::open_path(path);
  if (!fd) {
    if (fd.error().is(ENOENT)) return std::nullopt;
    return std::unexpected(at<OwnedFd>(std::unexpected(fd.error()), path).error());
  }
  const auto stat = os::stat(*fd);
  if (!stat) return std::unexpected(stat.error());
  if (stat->type == os::FileType::directory)
    return refuse(make_error_code(Errc::is_directory), path, "name a file in it");
  if (stat->type != os::FileType::regular)
    return refuse(make_error_code(Errc::unsupported_kind), path, "only regular files are replaced");
  if (stat->links > 1) {
    return refuse(make_error_code(Errc::has_several_links), path,
                  "replacing it would part it from its other names: write it in place");
  }
  return *stat;
}

}  // namespace

// In a nameless file if the file system has them: then not even SIGKILL leaves anything behind.
Result<void> FileReplacement::State::create(unsigned mode) {
  if (auto nameless = os::create_nameless(folder, mode);
      nameless && os::can_link_nameless(*nameless)) {
    file = std::move(*nameless);
    return {};
  }
  for (int attempt = 0; attempt < most_names; ++attempt) {
    std::string name = temporary_name(place.name, attempt);
    auto created = os::create_new(folder, name, mode);
    if (created) {
      file = std::move(*created);
      temporary = std::move(name);
      return {};
    }
    if (created.error().is(EACCES) || created.error().is(EPERM)) {
      return refuse(created.error().code, path,
                    "no new file can be made in its folder: write it in place");
    }
    if (!created.error().is(EEXIST)) return at<void>(std::unexpected(created.error()), path);
  }
  return refuse({EEXIST, std::generic_category()}, path, "remove old .leat-* files");
}

Result<void> FileReplacement::State::name_it() {
  // linkat(2) cannot replace, so a nameless file gets a name for the moment before rename(2).
  for (int attempt = 0; temporary.empty(); ++attempt) {
    std::string name = temporary_name(place.name, attempt);
    const auto linked = os::link_nameless(file, folder, name);
    if (linked) {
      temporary = std::move(name);
    } else if (!linked.error().is(EEXIST) || attempt >= most_names) {
      return std::unexpected(linked.error());
    }
  }
  if (const auto renamed = os::rename(folder, temporary, place.name); !renamed) return renamed;
  temporary.clear();
  return {};
}

FileReplacement::FileReplacement(std::unique_ptr<State> state) noexcept
    : state_(std::move(state)) {}
FileReplacement::FileReplacement(FileReplacement&&) noexcept = default;
FileReplacement& FileReplacement::operator=(FileReplacement&&) noexcept = default;
FileReplacement::~FileReplacement() = default;

Result<FileReplacement> FileReplacement::begin(const std::string& path,
                                               std::optional<unsigned> mode,
                                               Durability durability) {
  auto target = followed(path);
  if (!target) return std::unexpected(target.error());
  const auto there = existing(*target);
  if (!there) return std::unexpected(there.error());

  auto state = std::make_unique<State>();
  state->path = path;
  state->place = split(*target);
  state->durability = durability;
  auto folder = at(os::open_folder(state->place.folder), state->place.folder);
  if (!folder) return std::unexpected(folder.error());
  state->folder = std::move(*folder);
  if (auto created = state->create(*there ? private_mode : mode.value_or(default_mode)); !created)
    return std::unexpected(created.error());
  if (!*there) return FileReplacement(std::move(state));

  const os::FileStat& old = **there;
  const auto fresh = os::stat(state->file);
  if (!fresh) return std::unexpected(fresh.error());
  if (fresh->owner != old.owner || fresh->group != old.group) {
    if (auto kept = os::set_owner(state->file, old.owner, old.group); !kept) {
      kept.error().subject = path;
      kept.error().hint = "its owner cannot be kept: write it in place";
      return std::unexpected(kept.error());
    }
  }
  if (auto kept = os::set_mode(state->file, old.mode); !kept)
    return std::unexpected(at<void>(kept, path).error());
  return FileReplacement(std::move(state));
}

Sink FileReplacement::sink() const noexcept { return Sink::file(state_->file.ref(), 0); }

FdRef FileReplacement::fd() const noexcept { return state_->file; }

Result<void> FileReplacement::commit() {
  const bool durable = state_->durability != Durability::none;
  if (durable) {
    const auto synced = state_->durability == Durability::full ? os::sync_all(state_->file)
                                                               : os::sync_data(state_->file);
    if (!synced) return at<void>(synced, state_->path);
  }
  if (const auto named = state_->name_it(); !named) return at<void>(named, state_->path);
  if (!durable) return {};
  return at<void>(os::sync_folder(state_->folder), state_->path);
}

}  // namespace leat
