/// Reads a log file without copying it: parse_log FILE
///
/// Counts the lines of each level, which is the second word. What is printed are views into the
/// file's pages.
#include <fcntl.h>

#include <cstdio>
#include <iostream>
#include <map>

#include <leat/mapping.h>
#include <leat/message.h>

namespace {

int count_levels(const leat::Chain& file) {
  std::map<std::string_view, int> levels;
  leat::Cursor cursor(file);
  while (const auto line = cursor.until("\n")) {
    const std::string_view after_first = line->text.substr(line->text.find(' ') + 1);
    ++levels[after_first.substr(0, after_first.find(' '))];
  }
  for (const auto& [level, count] : levels) std::cout << level << ": " << count << "\n";
  std::cout << cursor.position() << " bytes read, " << cursor.copied_bytes() << " copied\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const leat::OwnedFd file(::open(argv[1], O_RDONLY | O_CLOEXEC));
  if (!file.valid()) {
    std::perror(argv[1]);
    return 1;
  }
  const auto mapping = leat::Mapping::of(file);
  if (!mapping) {
    std::cerr << argv[1] << ": " << mapping.error().message() << "\n";
    return 1;
  }
  if (!mapping->advise(leat::Advice::sequential)) return 1;
  leat::Chain chain;
  chain.append(mapping->slice());
  return count_levels(chain);
}
