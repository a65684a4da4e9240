#include "bench/claims_textbook.h"

namespace leat::app::bench {
namespace {

constexpr std::array<TextbookClaim, 14> claims{{
    {1, "a file of 1 GB to a socket: time and CPU, where read+write is 100",
     "mmap+write 60, sendfile 30, splice 30"},
    {2, "copies on the way (CPU + DMA)",
     "read+write 2+2, mmap+write 1+2, sendfile 0+2 (1+2 without gather DMA), splice 0+2, "
     "MSG_ZEROCOPY 0+1, direct I/O 0+2, RDMA 0"},
    {3, "changes between user and kernel mode for each piece moved",
     "read+write 4, mmap+write 2 (others say 3 or 4), sendfile 2, splice 2, RDMA 0"},
    {4, "how many times as fast as read+write", "sendfile 2, MSG_ZEROCOPY 3"},
    {5, "throughput, best first", "RDMA, sendfile, splice, direct I/O, mmap+write"},
    {6, "latency, best first", "RDMA, sendfile, splice, direct I/O, mmap+write"},
    {7, "CPU use, least first", "RDMA, direct I/O, sendfile, splice, mmap+write"},
    {8, "memory saved and speed won, against the traditional way",
     "file transfer by sendfile ~50 %, 2-3 times; forwarding by splice ~40 %, 1.5-2 times; large "
     "files by mmap 30-60 %, 1.5-4 times; streams by shared buffers 40-70 %, 2-5 times"},
    {9, "a web server with sendfile", "throughput +20 to +50 %, CPU -30 to -60 %"},
    {10, "64 KiB: a slice instead of a copy",
     "0.592 ns, 0 B, 0 allocations against 4246 ns, 65536 B, 1 allocation"},
    {11, "a file of 4 MiB mapped instead of read into a buffer", "50082 ns against 94650 ns"},
    {12, "sendfile works only from a file to a socket", "from a file to a socket, nothing else"},
    {13, "splice needs a pipe; some file systems do not support it", "a pipe at one end at least"},
    {14, "MSG_ZEROCOPY: sending only, and completions have to be read",
     "from Linux 4.14; no copy; sending only; completions have to be read"},
}};

}  // namespace

std::span<const TextbookClaim> textbook() noexcept { return claims; }

std::string_view textbook_name(std::string_view mechanism) noexcept {
  if (mechanism == "read_write") return "read+write";
  if (mechanism == "mmap_write") return "mmap+write";
  if (mechanism == "zerocopy_send") return "MSG_ZEROCOPY";
  if (mechanism == "direct_io") return "direct I/O";
  return mechanism;
}

}  // namespace leat::app::bench
