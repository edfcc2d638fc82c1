#include "verify/pack_findings.h"

#include <algorithm>
#include <optional>
#include <set>

#include "repo/object_names.h"

namespace coppice {
namespace {

using BlocksByVerdict = std::map<std::uint32_t, Verdict>;

/// Where a pack's blocks begin and end in the index. Blocks of one pack are neighbours there.
struct BlockRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;  ///< behind the last one
};

/// Positions of packs in the index, by name.
std::map<Id, std::uint32_t> pack_positions(const Index& index) {
  std::map<Id, std::uint32_t> positions;
  if (index.runs().empty()) return positions;
  const auto packs = index.runs().front().packs();
  for (std::uint32_t position = 0; position < packs.size(); ++position) {
    positions.emplace(packs[position].name, position);
  }
  return positions;
}

BlockRange blocks_of(const Index& index, std::uint32_t pack) {
  const auto blocks = index.runs().front().blocks();
  const auto first = std::partition_point(
      blocks.begin(), blocks.end(), [&](const BlockRecord& block) { return block.pack < pack; });
  const auto last = std::partition_point(
      first, blocks.end(), [&](const BlockRecord& block) { return block.pack == pack; });
  return {static_cast<std::uint32_t>(first - blocks.begin()),
          static_cast<std::uint32_t>(last - blocks.begin())};
}

class Reporter {
 public:
  Reporter(const PackTables& tables, const Verdicts& verdicts, FindingSink& findings)
      : tables_(tables), findings_(findings), positions_(pack_positions(tables.index)) {
    for (const auto& [block, verdict] : verdicts.bad_blocks()) bad_.emplace(block, verdict);
  }

  void report(const DamagedPackRead& damaged);
  /// Those not reported yet: bad only because of what they build on.
  void report_orphaned_deltas();
  /// Of packs that are what their name says: then the index object lies.
  void report_contradictions(const std::vector<DamagedPackRead>& damaged);

 private:
  std::optional<BlockRange> range_of(const Id& pack) const;
  Finding judged_by_chunks(const DamagedPackRead& damaged, Finding finding) const;
  void report_blocks(const DamagedPackRead& damaged);

  const PackTables& tables_;
  FindingSink& findings_;
  std::map<Id, std::uint32_t> positions_;
  BlocksByVerdict bad_;
  std::set<Id> reported_;
};

std::optional<BlockRange> Reporter::range_of(const Id& pack) const {
  const auto position = positions_.find(pack);
  if (position == positions_.end()) return std::nullopt;
  return blocks_of(tables_.index, position->second);
}

Finding Reporter::judged_by_chunks(const DamagedPackRead& damaged, Finding finding) const {
  const std::optional<BlockRange> range = range_of(damaged.pack.name);
  if (!range || !damaged.read.has_table) {
    finding.message += "; its table is lost, so nobody knows what was in it";
    return finding;
  }
  std::uint64_t bad = 0;
  std::uint64_t lost = 0;
  for (auto block = bad_.lower_bound(range->first);
       block != bad_.end() && block->first < range->last; ++block) {
    ++bad;
    lost += block->second == Verdict::lost ? 1 : 0;
  }
  const std::uint64_t total = range->last - range->first;
  finding.message +=
      "; of its " + std::to_string(total) + " blocks " + std::to_string(bad) + " cannot be read";
  if (lost > 0) {
    finding.message += ", " + std::to_string(lost) + " with chunks that no other pack holds";
  } else if (tables_.unopened.contains(damaged.pack.name)) {
    finding.message += ", but only an index object still has its table";
  } else {
    finding.weight = Finding::Weight::healable;
    finding.message +=
        bad > 0 ? ", but other packs hold all that was in them" : ", so nothing is lost";
  }
  return finding;
}

void Reporter::report(const DamagedPackRead& damaged) {
  const ObjectCheck& check = damaged.read.check;
  reported_.insert(damaged.pack.name);
  if (auto finding = object_finding(damaged.pack, check)) {
    if (finding->weight == Finding::Weight::damaged) *finding = judged_by_chunks(damaged, *finding);
    findings_.report(*finding);
  }
  if (check.object == FileState::intact && tables_.unopened.contains(damaged.pack.name)) {
    const bool is_known = !tables_.unreadable.contains(damaged.pack.name);
    findings_.report({is_known ? Finding::Weight::healable : Finding::Weight::damaged,
                      "table_damaged", pack_name(damaged.pack.name),
                      "its table does not open, though its bytes are those of its name"});
  }
  // Of other damage the bad blocks are only the consequence.
  const bool is_whole_somewhere =
      check.object == FileState::intact || (damaged.pack.side == Side::copy && check.is_healable);
  if (is_whole_somewhere) report_blocks(damaged);
}

void Reporter::report_blocks(const DamagedPackRead& damaged) {
  const std::optional<BlockRange> range = range_of(damaged.pack.name);
  if (!range) return;
  for (const BadBlock& bad : damaged.read.bad_blocks) {
    const auto verdict = bad_.find(range->first + bad.block);
    const Verdict best = verdict == bad_.end() ? Verdict::good : verdict->second;
    const std::string consequence = best == Verdict::lost ? "; no other pack holds what it should"
                                                          : "; another pack holds what it should";
    findings_.report({weight_of(best), bad.chunk_offset ? "chunk_damaged" : "block_damaged",
                      pack_name(damaged.pack.name),
                      "block " + std::to_string(bad.block) + ": " + bad.why + consequence});
  }
}

void Reporter::report_orphaned_deltas() {
  if (tables_.index.runs().empty()) return;
  const IndexRun& run = tables_.index.runs().front();
  std::map<std::uint32_t, std::pair<std::uint64_t, Verdict>> by_pack;  // how many, the worst
  for (const auto& [block, verdict] : bad_) {
    const std::uint32_t pack = run.blocks()[block].pack;
    if (reported_.contains(run.packs()[pack].name)) continue;
    auto& [count, worst] = by_pack.emplace(pack, std::make_pair(0, Verdict::good)).first->second;
    ++count;
    worst = worse(worst, verdict);
  }
  for (const auto& [pack, found] : by_pack) {
    findings_.report({weight_of(found.second), "block_damaged", pack_name(run.packs()[pack].name),
                      std::to_string(found.first) +
                          " of its blocks are deltas of chunks that are missing or damaged"});
  }
}

void Reporter::report_contradictions(const std::vector<DamagedPackRead>& damaged) {
  std::set<Id> exchanged;
  for (const DamagedPackRead& each : damaged) {
    if (each.read.check.object != FileState::intact) exchanged.insert(each.pack.name);
  }
  for (const auto& [pack, index_objects] : tables_.contradicted) {
    if (exchanged.contains(pack)) continue;
    for (const Id& object : index_objects) {
      findings_.report({Finding::Weight::damaged, "index_contradicts_pack", index_name(object),
                        "tells something else of " + pack_name(pack) + " than the pack itself"});
    }
  }
}

}  // namespace

void mark_bad_places(const PackTables& tables, const std::vector<DamagedPackRead>& damaged,
                     Verdicts& verdicts) {
  const std::map<Id, std::uint32_t> positions = pack_positions(tables.index);
  for (const DamagedPackRead& each : damaged) {
    const auto position = positions.find(each.pack.name);
    if (position == positions.end()) continue;
    const auto [first, last] = blocks_of(tables.index, position->second);
    const bool is_intact = each.read.check.object == FileState::intact;
    const bool parity_heals =
        !is_intact && each.pack.side == Side::parity && each.read.check.is_healable;
    if (!each.read.has_table) {  // lost since it was read first
      for (std::uint32_t block = first; block < last; ++block) verdicts.mark(block, Verdict::lost);
    }
    for (const BadBlock& bad : each.read.bad_blocks) {
      if (bad.chunk_offset && !parity_heals) {
        verdicts.mark_chunk(first + bad.block, *bad.chunk_offset);
      } else {
        verdicts.mark(first + bad.block, parity_heals ? Verdict::healable : Verdict::lost);
      }
    }
  }
  verdicts.settle();
}

void report_packs(const PackTables& tables, const std::vector<DamagedPackRead>& damaged,
                  const Verdicts& verdicts, FindingSink& findings) {
  Reporter reporter(tables, verdicts, findings);
  for (const DamagedPackRead& each : damaged) reporter.report(each);
  reporter.report_orphaned_deltas();
  reporter.report_contradictions(damaged);
}

}  // namespace coppice
