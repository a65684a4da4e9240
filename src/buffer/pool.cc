#include <algorithm>
#include <array>
#include <new>

#include <leat/pool.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

#include "buffer/pool_state.h"
#include "os/error.h"
#include "os/memory.h"

namespace leat {
namespace {

// Under the address sanitizer whoever touches a block that is not leased is told.
void close_off([[maybe_unused]] std::span<const std::byte> bytes) noexcept {
#ifdef __SANITIZE_ADDRESS__
  __asan_poison_memory_region(bytes.data(), bytes.size());
#endif
}

void open_up([[maybe_unused]] std::span<const std::byte> bytes) noexcept {
#ifdef __SANITIZE_ADDRESS__
  __asan_unpoison_memory_region(bytes.data(), bytes.size());
#endif
}

const void* this_thread() noexcept {
  static thread_local const char tag = 0;
  return &tag;
}

bool is_mine(const PoolHome& home) noexcept {
  return home.thread.load(std::memory_order_relaxed) == this_thread();
}

BlockRecord* closed() noexcept {
  static BlockRecord mark;
  return &mark;
}

[[gnu::noinline]] void give_to_others(BlockRecord* record, PoolHome& home) noexcept {
  if (is_mine(home)) {
    --home.leased;
    return home.state->take_back({&record, 1});
  }
  BlockRecord* top = home.returned.load(std::memory_order_relaxed);
  while (top != closed()) {
    record->next = top;
    if (home.returned.compare_exchange_weak(top, record, std::memory_order_release,
                                            std::memory_order_relaxed))
      return;
  }
  home.state->take_back({&record, 1});
}

void give_back(BlockRecord* record, PoolHome& home) noexcept {
  close_off(record->memory);
  if (!is_mine(home) || home.kept.full()) [[unlikely]]
    return give_to_others(record, home);
  --home.leased;
  home.kept.push(*record);
}

std::size_t in_pages(std::size_t bytes) {
  const std::size_t page = os::page_bytes();
  return (bytes + page - 1) / page * page;
}

PoolOptions rounded(PoolOptions options) {
  options.block_bytes = in_pages(options.block_bytes);
  return options;
}

os::PageKind kind_of(Backing backing) noexcept {
  switch (backing) {
    case Backing::pages: break;
    case Backing::transparent_huge: return os::PageKind::transparent_huge;
    case Backing::huge: return os::PageKind::huge;
  }
  return os::PageKind::small;
}

Backing backing_of(os::PageKind kind) noexcept {
  switch (kind) {
    case os::PageKind::small: break;
    case os::PageKind::transparent_huge: return Backing::transparent_huge;
    case os::PageKind::huge: return Backing::huge;
  }
  return Backing::pages;
}

}  // namespace

std::string_view name_of(Backing backing) noexcept {
  switch (backing) {
    case Backing::pages: break;
    case Backing::transparent_huge: return "transparent_huge";
    case Backing::huge: return "huge";
  }
  return "pages";
}

bool Budget::take(std::uint64_t bytes) noexcept {
  std::uint64_t used = used_.load(std::memory_order_relaxed);
  do {
    if (bytes > limit_ - used) return false;
  } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  return true;
}

void BlockRecord::end_of_slices(Count& count) noexcept {
  auto& record = static_cast<BlockRecord&>(count);
  leat::give_back(&record, *record.home);
}

PoolState::PoolState(const PoolOptions& wishes)
    : options(rounded(wishes)), backing(wishes.backing) {
  shared_home.state = this;
  shared_home.returned = closed();
}

PoolState::~PoolState() {
  for (const Slab& slab : slabs_) {
    open_up(slab.bytes);
    os::unmap_pages(slab.bytes);
    if (options.budget) options.budget->give(slab.bytes.size());
  }
}

// A slab is what the kernel is asked for at once.
Result<void> PoolState::map_more() {
  constexpr std::size_t slab_bytes = 2u << 20;
  const std::size_t most = options.most_blocks - statistics.blocks;
  if (most == 0) return os::make_error(ENOBUFS, "lease");
  const std::size_t wanted = std::clamp<std::size_t>(slab_bytes / options.block_bytes, 1, most);
  auto mapped = map_slab(wanted);
  if (mapped || wanted == 1 || !mapped.error().is(ENOBUFS)) return mapped;
  return map_slab(1);
}

Result<void> PoolState::map_slab(std::size_t blocks) {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(blocks, options.block_bytes, &bytes))
    return os::make_error(ENOMEM, "mmap");
  Budget* const budget = options.budget.get();
  const std::size_t at_most =
      options.backing == Backing::pages
          ? bytes
          : (bytes + os::huge_page_bytes - 1) / os::huge_page_bytes * os::huge_page_bytes;
  if (budget && !budget->take(at_most)) return os::make_error(ENOBUFS, "lease");
  auto mapped = os::map_memory(bytes, {.kind = kind_of(options.backing),
                                       .node = options.node,
                                       .locked = options.locked,
                                       .not_in_children = options.not_in_children});
  if (budget) budget->give(at_most - (mapped ? mapped->bytes.size() : 0));
  if (!mapped) return std::unexpected(std::move(mapped.error()));
  backing = backing_of(mapped->kind);
  auto records = std::make_unique<BlockRecord[]>(blocks);
  for (std::size_t i = blocks; i-- > 0;) {
    records[i].memory = mapped->bytes.subspan(i * options.block_bytes, options.block_bytes);
    free_.push_back(&records[i]);
  }
  close_off(mapped->bytes);
  statistics.blocks += blocks;
  statistics.mapped_bytes += mapped->bytes.size();
  free_.reserve(statistics.blocks);
  slabs_.push_back({mapped->bytes, std::move(records)});
  return {};
}

Result<void> PoolState::map_all() {
  const std::lock_guard lock(mutex);
  while (statistics.blocks < options.most_blocks) {
    if (auto mapped = map_more(); !mapped) return mapped;
    came_back.notify_all();
  }
  return {};
}

std::vector<std::span<std::byte>> PoolState::stretches() const {
  const std::lock_guard lock(mutex);
  std::vector<std::span<std::byte>> all;
  all.reserve(slabs_.size());
  for (const Slab& slab : slabs_) all.push_back(slab.bytes);
  return all;
}

std::shared_ptr<PoolState> PoolState::keep() {
  {
    const std::lock_guard lock(mutex);
    ++users_;
  }
  return {this, [](PoolState* kept) { kept->let_go(); }};
}

Result<BlockRecord*> PoolState::take() {
  const std::lock_guard lock(mutex);
  if (free_.empty()) {
    ++statistics.misses;
    if (auto mapped = map_more(); !mapped) return std::unexpected(std::move(mapped.error()));
  }
  BlockRecord* const record = free_.back();
  free_.pop_back();
  statistics.high_water = std::max(statistics.high_water, ++statistics.leased);
  return record;
}

Result<BlockRecord*> PoolState::wait_and_take(
    std::optional<std::chrono::steady_clock::time_point> deadline, const std::stop_token& stop) {
  for (;;) {
    auto taken = take();
    if (taken || !taken.error().is(ENOBUFS)) return taken;
    std::unique_lock lock(mutex);
    if (statistics.leased == 0 && free_.empty()) return taken;  // others have the whole budget
    const auto is_there = [this] { return !free_.empty(); };
    const bool got = deadline ? came_back.wait_until(lock, stop, *deadline, is_there)
                              : came_back.wait(lock, stop, is_there);
    if (got) continue;
    return os::make_error(stop.stop_requested() ? ECANCELED : ETIMEDOUT, "lease");
  }
}

void PoolState::end_use(std::span<BlockRecord* const> records, std::size_t users) noexcept {
  bool done = false;
  {
    const std::lock_guard lock(mutex);
    // Room for all of them was made when they were mapped.
    free_.insert(free_.end(), records.begin(), records.end());
    statistics.leased -= records.size();
    users_ -= users;
    done = users_ == 0 && statistics.leased == 0;
    if (!done && !records.empty()) came_back.notify_all();
  }
  if (done) delete this;
}

PoolHome* PoolState::open_home(std::size_t most_kept) {
  const std::lock_guard lock(mutex);
  homes_.push_back(std::make_unique<PoolHome>());
  PoolHome& home = *homes_.back();
  home.state = this;
  home.thread.store(this_thread(), std::memory_order_relaxed);
  home.kept = RecordStack(most_kept);
  ++users_;
  return &home;
}

void PoolState::close_home(PoolHome& home) noexcept {
  home.thread.store(nullptr, std::memory_order_relaxed);
  std::vector<BlockRecord*> records;
  while (!home.kept.empty()) records.push_back(&home.kept.pop());
  for (BlockRecord* next = home.returned.exchange(closed(), std::memory_order_acquire); next;
       next = next->next) {
    records.push_back(next);
    --home.leased;
  }
  if (home.leased == 0) {
    // Nothing will come back to it.
    const std::lock_guard lock(mutex);
    std::erase_if(homes_, [&home](const auto& each) { return each.get() == &home; });
  }
  end_use(records, 1);
}

void Lease::give_back() noexcept { leat::give_back(static_cast<BlockRecord*>(block_), *home_); }

Slice Lease::freeze(std::size_t length) && {
  if (!block_) return {};
  auto& record = static_cast<BlockRecord&>(*std::exchange(block_, nullptr));
  record.home = std::exchange(home_, nullptr);
  record.keepers.store(1, std::memory_order_relaxed);
  return {record.memory.first(std::min(length, record.memory.size())), Keeper(record)};
}

Result<Pool> Pool::create(const PoolOptions& options) {
  if (options.block_bytes == 0 || options.most_blocks == 0 ||
      in_pages(options.block_bytes) < options.block_bytes)
    return os::make_error(EINVAL, "pool");
  return Pool(new PoolState(options));
}

Pool::~Pool() {
  if (state_) state_->let_go();
}

Result<Lease> PoolAccess::lease(PoolState& state) {
  const auto taken = state.take();
  if (!taken) return std::unexpected(taken.error());
  open_up((*taken)->memory);
  return leased(**taken, state.shared_home);
}

Result<Lease> Pool::lease() { return PoolAccess::lease(*state_); }

Result<Lease> Pool::wait_for_lease(std::optional<std::chrono::steady_clock::time_point> deadline,
                                   const std::stop_token& stop) {
  const auto taken = state_->wait_and_take(deadline, stop);
  if (!taken) return std::unexpected(taken.error());
  open_up((*taken)->memory);
  return PoolAccess::leased(**taken, state_->shared_home);
}

std::size_t Pool::block_bytes() const noexcept { return state_->options.block_bytes; }

Backing Pool::backing() const noexcept {
  const std::lock_guard lock(state_->mutex);
  return state_->backing;
}

PoolStatistics Pool::statistics() const {
  const std::lock_guard lock(state_->mutex);
  return state_->statistics;
}

PoolCache::PoolCache(Pool& pool, std::size_t blocks) : home_(pool.state_->open_home(blocks)) {}

PoolCache::~PoolCache() { home_->state->close_home(*home_); }

namespace {

// What other threads gave back; what is too much of it goes to the pool.
void fetch_returned(PoolHome& home) {
  std::vector<BlockRecord*> too_many;
  BlockRecord* next = home.returned.exchange(nullptr, std::memory_order_acquire);
  while (next) {
    BlockRecord& record = *std::exchange(next, next->next);
    --home.leased;
    if (home.kept.full()) {
      too_many.push_back(&record);
    } else {
      home.kept.push(record);
    }
  }
  if (!too_many.empty()) home.state->take_back(too_many);
}

[[gnu::noinline]] Result<Lease> lease_from_elsewhere(PoolHome& home) {
  fetch_returned(home);
  BlockRecord* record = nullptr;
  if (home.kept.empty()) {
    // An open cache keeps the state, whatever comes back.
    const auto taken = home.state->take();  // NOLINT(clang-analyzer-cplusplus.NewDelete)
    if (!taken) return std::unexpected(taken.error());
    record = *taken;
  } else {
    record = &home.kept.pop();
  }
  ++home.leased;
  open_up(record->memory);
  return PoolAccess::leased(*record, home);
}

}  // namespace

Result<Lease> PoolCache::lease() {
  PoolHome& home = *home_;
  if (home.kept.empty()) [[unlikely]]
    return lease_from_elsewhere(home);
  BlockRecord& record = home.kept.pop();
  ++home.leased;
  open_up(record.memory);
  return PoolAccess::leased(record, home);
}

}  // namespace leat
