#include "snapshot/statistics.h"

#include <string>
#include <string_view>

#include "snapshot/needed_chunks.h"
#include "snapshot/tree_counter.h"

namespace coppice {
namespace {

TreeSums count_all(TreeCounter& counter, ChosenSnapshots snapshots) {
  TreeSums sums;
  for (const ListedSnapshot* snapshot : snapshots) sums.add(counter.count(*snapshot));
  return sums;
}

}  // namespace

double RawData::compression_ratio() const {
  if (sealed_bytes == 0) return 1;
  return static_cast<double>(raw_bytes) / static_cast<double>(sealed_bytes);
}

double RawData::compression_space_saving() const {
  if (raw_bytes == 0) return 0;
  return (1 - static_cast<double>(sealed_bytes) / static_cast<double>(raw_bytes)) * 100;
}

RestoreSize restore_size(const StatisticsTools& tools, ChosenSnapshots snapshots) {
  TreeCounter counter(tools, nullptr);
  const TreeSums sums = count_all(counter, snapshots);
  return {sums.size, sums.entries};
}

RawData raw_data(const StatisticsTools& tools, const Index& index, ChosenSnapshots snapshots) {
  NeededChunks chunks(tools.trees, index);
  TreeCounter counter(tools, &chunks);
  const TreeSums sums = count_all(counter, snapshots);
  // One finding, not one a file: what no pack holds is mostly a whole pack.
  if (chunks.missing() != 0) {
    tools.findings.report({Finding::Weight::damaged, "chunks_missing",
                           std::to_string(chunks.missing()) + " chunks",
                           "no pack that can be read holds them, so they are not counted; "
                           "`coppice verify` names the files"});
  }
  return chunks.sum(sums.size - sums.holes);
}

RepositoryFacts repository_facts(Store& store, const Index& index) {
  RepositoryFacts facts;
  for (const ObjectInfo& object : store.list("")) {
    const std::string_view name = object.name;
    Id pack;
    if (name.ends_with(".par") || name.ends_with(".copy")) {
      facts.side_file_bytes += object.size;
    } else if (name.starts_with("packs/") &&
               from_hex(name.substr(name.rfind('/') + 1), pack.bytes)) {
      ++facts.packs;
      facts.pack_bytes += object.size;
    }
  }
  for (std::uint32_t run = 0; run < index.runs().size(); ++run) {
    for (const BlockRecord& block : index.runs()[run].blocks()) {
      if (index.use_of(run, block.pack) == PackUse::absent) continue;
      ++((block.encoding & kEncodingDelta) != 0 ? facts.delta_blocks : facts.plain_blocks);
    }
  }
  return facts;
}

std::vector<GrowthStep> growth(ChosenSnapshots snapshots) {
  std::vector<GrowthStep> steps;
  steps.reserve(snapshots.size());
  std::uint64_t packed = 0;
  for (const ListedSnapshot* snapshot : snapshots) {
    packed += snapshot->record.summary.data_added_packed;
    steps.push_back({snapshot, packed});
  }
  return steps;
}

}  // namespace coppice
