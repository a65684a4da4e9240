/// What the program asks of its own process: standard descriptors and the terminal.
#pragma once

#include <cstdint>
#include <string_view>

#include <leat/fd.h>

namespace leat::app::os {

/// Gives closed standard descriptors (`leat … <&- >&-`) a placeholder, open in the wrong direction
/// so that using it is EBADF. Otherwise the next file opened would become standard output or error,
/// and a message would be written into it.
void fill_standard_descriptors() noexcept;

/// Puts /dev/null in the place of standard output and error: whoever reads those then does not wait
/// for this process. Called by a child that may outlive its parent.
void drop_standard_output() noexcept;

/// Ignores SIGPIPE and SIGXFSZ: a peer that has gone and a file that may not grow are then errors
/// in the receipt, at no cost per step.
void ignore_signals_of_writing() noexcept;

/// Writes to standard error in one call. That nobody can read it is not worth dying for, and
/// fmt::print would throw.
void tell(std::string_view text) noexcept;

/// See isatty(3).
bool is_terminal(FdRef fd) noexcept;

/// The width of the terminal in columns; 80 where it does not say. See ioctl_tty(2).
std::uint32_t terminal_width(FdRef fd) noexcept;

}  // namespace leat::app::os
