#include "os/interfaces.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include <leat/fd.h>

#include "os/error.h"

namespace leat::app::os {
namespace {

constexpr std::uint32_t most_offloads = 1024;  // some 60 in Linux 6.18

ifreq request_for(const std::string& name) {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

/// See SIOCETHTOOL in <linux/ethtool.h>: the command and its answer share their memory.
Result<void> ask_ethtool(FdRef socket, const std::string& name, void* command,
                         std::string_view operation) {
  ifreq request = request_for(name);
  request.ifr_data = static_cast<char*>(command);
  if (::ioctl(socket.number(), SIOCETHTOOL, &request) < 0) return last_error(operation);
  return {};
}

/// A command with an array behind it.
template <class Head, class Item>
class Command {
 public:
  Command(const Head& head, std::size_t items)
      : words_((sizeof(Head) + items * sizeof(Item) + 7) / 8) {
    std::memcpy(words_.data(), &head, sizeof head);
  }
  void* data() { return words_.data(); }
  Head head() const { return at<Head>(0); }
  Item item(std::size_t index) const { return at<Item>(sizeof(Head) + index * sizeof(Item)); }

 private:
  template <class T>
  T at(std::size_t offset) const {
    T value;
    std::memcpy(&value, reinterpret_cast<const std::byte*>(words_.data()) + offset, sizeof value);
    return value;
  }
  std::vector<std::uint64_t> words_;
};

Result<std::uint32_t> count_offloads(FdRef socket, const std::string& name) {
  ethtool_sset_info head{};
  head.cmd = ETHTOOL_GSSET_INFO;
  head.sset_mask = std::uint64_t{1} << ETH_SS_FEATURES;
  Command<ethtool_sset_info, std::uint32_t> command(head, 1);
  if (const auto asked = ask_ethtool(socket, name, command.data(), "ioctl ETHTOOL_GSSET_INFO");
      !asked) {
    return std::unexpected(asked.error());
  }
  if (command.head().sset_mask == 0) return make_error(EOPNOTSUPP, "ioctl ETHTOOL_GSSET_INFO");
  return std::min(command.item(0), most_offloads);
}

Result<std::vector<std::string>> offload_names(FdRef socket, const std::string& name,
                                               std::uint32_t count) {
  struct Name {
    char text[ETH_GSTRING_LEN];
  };
  ethtool_gstrings head{};
  head.cmd = ETHTOOL_GSTRINGS;
  head.string_set = ETH_SS_FEATURES;
  head.len = count;
  Command<ethtool_gstrings, Name> command(head, count);
  if (const auto asked = ask_ethtool(socket, name, command.data(), "ioctl ETHTOOL_GSTRINGS");
      !asked) {
    return std::unexpected(asked.error());
  }
  std::vector<std::string> names;
  for (std::uint32_t i = 0; i < std::min(count, command.head().len); ++i) {
    const Name item = command.item(i);
    names.emplace_back(item.text, ::strnlen(item.text, sizeof item.text));
  }
  return names;
}

Result<std::vector<Offload>> offloads_of(FdRef socket, const std::string& name) {
  const auto count = count_offloads(socket, name);
  if (!count) return std::unexpected(count.error());
  const auto names = offload_names(socket, name, *count);
  if (!names) return std::unexpected(names.error());
  const std::uint32_t blocks = (*count + 31) / 32;
  ethtool_gfeatures head{};
  head.cmd = ETHTOOL_GFEATURES;
  head.size = blocks;
  Command<ethtool_gfeatures, ethtool_get_features_block> command(head, blocks);
  if (const auto asked = ask_ethtool(socket, name, command.data(), "ioctl ETHTOOL_GFEATURES");
      !asked) {
    return std::unexpected(asked.error());
  }
  std::vector<Offload> offloads;
  for (std::uint32_t i = 0; i < names->size() && i / 32 < blocks; ++i) {
    const ethtool_get_features_block block = command.item(i / 32);
    const std::uint32_t bit = 1u << (i % 32);
    if ((*names)[i].empty()) continue;
    offloads.push_back({.name = (*names)[i],
                        .on = (block.active & bit) != 0,
                        .changeable = (block.available & bit & ~block.never_changed) != 0});
  }
  return offloads;
}

std::string driver_of(FdRef socket, const std::string& name) {
  ethtool_drvinfo info{};
  info.cmd = ETHTOOL_GDRVINFO;
  if (!ask_ethtool(socket, name, &info, "ioctl ETHTOOL_GDRVINFO")) return {};
  return {info.driver, ::strnlen(info.driver, sizeof info.driver)};
}

}  // namespace

Result<std::vector<std::string>> interface_names() {
  const std::unique_ptr<struct if_nameindex, void (*)(struct if_nameindex*)> list(
      ::if_nameindex(), ::if_freenameindex);
  if (!list) return last_error("if_nameindex");
  std::vector<std::string> names;
  for (const struct if_nameindex* entry = list.get(); entry->if_index != 0; ++entry) {
    names.emplace_back(entry->if_name);
  }
  return names;
}

Result<Interface> look_at_interface(const std::string& name) {
  const OwnedFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return last_error("socket");
  ifreq request = request_for(name);
  if (::ioctl(socket.number(), SIOCGIFFLAGS, &request) < 0) return last_error("ioctl SIOCGIFFLAGS");
  Interface found{.name = name,
                  .driver = driver_of(socket, name),
                  .up = (request.ifr_flags & IFF_UP) != 0,
                  .loopback = (request.ifr_flags & IFF_LOOPBACK) != 0,
                  .mtu = 0,
                  .offloads = offloads_of(socket, name)};
  if (::ioctl(socket.number(), SIOCGIFMTU, &request) == 0) {
    found.mtu = static_cast<std::uint32_t>(request.ifr_mtu);
  }
  return found;
}

}  // namespace leat::app::os
