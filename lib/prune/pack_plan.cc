#include "prune/pack_plan.h"

#include <algorithm>
#include <bit>
#include <map>
#include <utility>

namespace coppice {
namespace {

std::uint64_t allowed_unused(const UnusedLimit& limit, std::uint64_t used) {
  if (limit.is_unlimited) return std::numeric_limits<std::uint64_t>::max();
  if (limit.bytes) return *limit.bytes;
  if (limit.percent >= 100) return std::numeric_limits<std::uint64_t>::max();
  return static_cast<std::uint64_t>(static_cast<double>(used) * limit.percent /
                                    (100 - limit.percent));
}

/// Makes the plan; spends the limit of bytes to read on one kind after the other.
class Planner {
 public:
  Planner(const std::vector<PackView>& packs, const PlanLimits& limits)
      : packs_(packs), limits_(limits), left_(limits.max_repack_bytes) {}

  PackPlan make() {
    sort_out();
    choose_partly_dead();
    choose_small();
    return std::move(plan_);
  }

 private:
  void sort_out();
  void choose_partly_dead();
  void choose_small();
  bool try_spend(const PackView& pack) {
    if (pack.length > left_) return false;
    left_ -= pack.length;
    return true;
  }

  const std::vector<PackView>& packs_;
  const PlanLimits& limits_;
  std::uint64_t left_;
  std::vector<std::size_t> movable_;  // alive, there, not condemned
  PackPlan plan_;
};

void Planner::sort_out() {
  for (std::size_t i = 0; i < packs_.size(); ++i) {
    const PackView& pack = packs_[i];
    plan_.used_bytes += pack.live_bytes;
    if (pack.is_dead()) {
      plan_.dead_bytes += pack.dead_bytes;
      if (!pack.is_condemned) plan_.dead.push_back(i);
      continue;
    }
    if (pack.is_condemned) {
      plan_.dead_bytes += pack.dead_bytes;
      plan_.rescued.push_back(i);
      continue;
    }
    plan_.unused_bytes += pack.dead_bytes;
    if (pack.is_whole || pack.has_lost_chunks) movable_.push_back(i);
  }
}

/// The emptiest first: they give most for what is read. Before them, and whatever is allowed to
/// stay, packs of which lost chunks are not needed any more: so that a repository that was refilled
/// becomes whole again.
void Planner::choose_partly_dead() {
  const std::uint64_t allowed = allowed_unused(limits_.max_unused, plan_.used_bytes);
  plan_.unused_after = plan_.unused_bytes;
  std::vector<std::size_t> candidates;
  for (const std::size_t i : movable_) {
    if (packs_[i].dead_bytes != 0) candidates.push_back(i);
  }
  const auto share = [this](std::size_t i) {
    return static_cast<double>(packs_[i].dead_bytes) /
           static_cast<double>(packs_[i].dead_bytes + packs_[i].live_bytes);
  };
  std::stable_sort(candidates.begin(), candidates.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(!packs_[a].has_lost_chunks, -share(a)) <
           std::pair(!packs_[b].has_lost_chunks, -share(b));
  });
  for (const std::size_t i : candidates) {
    if (plan_.unused_after <= allowed && !packs_[i].has_lost_chunks) break;
    if (!try_spend(packs_[i])) continue;
    plan_.partly.push_back(i);
    plan_.unused_after -= packs_[i].dead_bytes;
  }
}

void Planner::choose_small() {
  std::map<int, std::vector<std::size_t>> tiers;
  for (const std::size_t i : movable_) {
    const bool is_moved =
        std::find(plan_.partly.begin(), plan_.partly.end(), i) != plan_.partly.end();
    if (is_moved || !packs_[i].is_whole || packs_[i].length >= kSmallPackBytes) continue;
    tiers[static_cast<int>(std::bit_width(packs_[i].length)) / 3].push_back(i);
  }
  for (const auto& [tier, members] : tiers) {
    if (members.size() < kSmallPacksToJoin) continue;
    for (const std::size_t i : members) {
      if (!try_spend(packs_[i])) continue;
      plan_.small.push_back(i);
      plan_.unused_after -= packs_[i].dead_bytes;
    }
  }
}

}  // namespace

std::vector<std::size_t> PackPlan::moved() const {
  std::vector<std::size_t> all = rescued;
  all.insert(all.end(), partly.begin(), partly.end());
  all.insert(all.end(), small.begin(), small.end());
  return all;
}

PackPlan plan_packs(const std::vector<PackView>& packs, const PlanLimits& limits) {
  return Planner(packs, limits).make();
}

}  // namespace coppice
