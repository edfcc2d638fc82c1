#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "prune/live_packs.h"

namespace coppice {

/// How much that is dead may stay in packs that hold something alive as well.
struct UnusedLimit {
  double percent = 5;                  ///< of the repository
  std::optional<std::uint64_t> bytes;  ///< instead
  bool is_unlimited = false;
};

struct PlanLimits {
  UnusedLimit max_unused;
  /// Of packs that are read to write them anew. Rescuing what was condemned is not bound by it.
  std::uint64_t max_repack_bytes = std::numeric_limits<std::uint64_t>::max();
};

/// What is to become of packs: positions in LivePacks::packs().
struct PackPlan {
  std::vector<std::size_t> dead;     ///< nothing in them is needed: to be condemned
  std::vector<std::size_t> rescued;  ///< condemned, but needed after all: moved, then deleted
  std::vector<std::size_t> partly;   ///< too much in them is dead: moved
  std::vector<std::size_t> small;    ///< small ones that are joined
  std::uint64_t used_bytes = 0;      ///< sealed bytes of live blocks
  std::uint64_t dead_bytes = 0;    ///< of packs that go without being chosen: dead or rescued ones
  std::uint64_t unused_bytes = 0;  ///< dead blocks in all other packs, before anything is moved
  std::uint64_t unused_after = 0;  ///< and afterwards

  /// All whose live blocks are moved.
  std::vector<std::size_t> moved() const;
};

/// Small packs are joined once there are so many within one power of eight: so each byte is moved
/// a few times at most until its pack is large, and few small ones are left at any time.
inline constexpr std::size_t kSmallPacksToJoin = 8;
/// Packs below this are small, bytes.
inline constexpr std::uint64_t kSmallPackBytes = 8ULL << 20;

PackPlan plan_packs(const std::vector<PackView>& packs, const PlanLimits& limits);

}  // namespace coppice
