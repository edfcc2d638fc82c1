#pragma once
#include <string>
#include <vector>

#include "retention/policy.h"

/// Literal snapshots, named by one letter, received in the order in which they are made.
namespace coppice::test {

constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kDay = 24 * kHour;
/// 2026-11-22 12:00:00 UTC, a Sunday.
constexpr std::int64_t kNoon = 1'795'348'800;

class SnapshotList {
 public:
  ListedSnapshot& add(char name, std::int64_t seconds) {
    ListedSnapshot snapshot;
    snapshot.id.bytes[0] = static_cast<std::uint8_t>(name);
    snapshot.number = all_.size() + 1;
    snapshot.record.time = {seconds, 0};
    snapshot.record.host = "web1";
    snapshot.record.paths = {"/etc"};
    all_.push_back(snapshot);
    return all_.back();
  }
  std::vector<const ListedSnapshot*> pointers() const {
    std::vector<const ListedSnapshot*> list;
    for (const ListedSnapshot& snapshot : all_) list.push_back(&snapshot);
    return list;
  }
  const std::vector<ListedSnapshot>& all() const { return all_; }

 private:
  std::vector<ListedSnapshot> all_;
};

inline char letter(const Id& id) { return static_cast<char>(id.bytes[0]); }

/// The letters of those that stay, in order of receipt.
inline std::string kept(const SnapshotList& list, const RetentionPolicy& policy,
                        std::int64_t now = kNoon + 1000 * kDay) {
  std::string letters;
  for (const Judgement& judgement : judge(policy, list.pointers(), {now, 0})) {
    if (judgement.is_kept()) letters += letter(judgement.snapshot->id);
  }
  return letters;
}

inline std::uint64_t& count_of(RetentionPolicy& policy, Period period) {
  return policy.newest_of.at(static_cast<std::size_t>(period));
}
inline std::optional<CalendarSpan>& within_of(RetentionPolicy& policy, Period period) {
  return policy.newest_within.at(static_cast<std::size_t>(period));
}

}  // namespace coppice::test
