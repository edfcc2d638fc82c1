#pragma once
#include <cstddef>
#include <deque>
#include <future>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "task/task_group.h"

namespace coppice {

/// Does work(item) on the pool's workers and hands the results to use(item, result) in the caller's
/// thread, in the order of the items: so findings come in the same order however many workers there
/// are. `next()` gives the next item, or nothing if there is none for now; it is asked
/// again after each `use`, which may have brought more.
///
/// At most two items a worker are under way. What `work` or `use` throws ends all and is thrown.
/// `next`, `use`: the caller's thread only. Must not be called from the pool.
template <typename Item, typename Next, typename Work, typename Use>
void for_each_as_they_come(ThreadPool& pool, const Next& next, const Work& work, const Use& use) {
  using Result = std::invoke_result_t<const Work&, const Item&>;
  const std::size_t window = 2 * std::size_t{pool.threads()};
  std::deque<std::pair<Item, std::future<Result>>> under_way;
  TaskGroup tasks(pool);  // after the items: its destructor waits for whoever uses them
  const auto fill = [&] {
    while (under_way.size() < window) {
      std::optional<Item> item = next();
      if (!item) return;
      auto& [kept, result] = under_way.emplace_back(std::move(*item), std::future<Result>());
      result = tasks.submit(ThreadPool::Priority::normal,
                            [&work, &kept = kept] { return work(std::as_const(kept)); });
    }
  };
  for (fill(); !under_way.empty(); fill()) {
    Result result = under_way.front().second.get();
    use(std::as_const(under_way.front().first), std::move(result));
    under_way.pop_front();
  }
}

/// The same for items that are all there.
template <typename Item, typename Work, typename Use>
void for_each_in_order(ThreadPool& pool, const std::vector<Item>& items, const Work& work,
                       const Use& use) {
  std::size_t next = 0;
  for_each_as_they_come<const Item*>(
      pool,
      [&]() -> std::optional<const Item*> {
        if (next == items.size()) return std::nullopt;
        return &items[next++];
      },
      [&](const Item* item) { return work(*item); },
      [&](const Item* item, auto result) { use(*item, std::move(result)); });
}

}  // namespace coppice
