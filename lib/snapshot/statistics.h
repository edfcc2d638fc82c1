#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/finding.h"
#include "base/stop.h"
#include "index/index.h"
#include "snapshot/catalog.h"
#include "snapshot/reference.h"
#include "store/store.h"

/// What snapshots come to: when restored, in packs, and over time (docs/cli.md, `stats`). Changes
/// nothing.
namespace coppice {

/// Not null, each once, in order of receipt.
using ChosenSnapshots = std::span<const ListedSnapshot* const>;

/// What trees are counted with.
struct StatisticsTools {
  MetadataSource& trees;
  FindingSink& findings;
  const StopFlag* stop = nullptr;
};

struct RestoreSize {
  /// Of regular files, holes included; the names of one hard link count once in each snapshot.
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;  ///< of all types, each name
};

/// Counts each snapshot in full. What is beneath a directory that cannot be read is reported
/// ("tree_damaged", once for all snapshots that share it) and left out.
/// Memory: about 110 bytes for each different directory, 32 for each name of a hard link.
RestoreSize restore_size(const StatisticsTools& tools, ChosenSnapshots snapshots);

/// What is stored for snapshots: each chunk once, data and metadata, where a reader takes it from.
struct RawData {
  std::uint64_t chunks = 0;
  std::uint64_t raw_bytes = 0;
  /// In packs. A block's sealed bytes are shared among its chunks by their raw length, so a block
  /// of which all chunks count is counted in full. Bases that only other snapshots name do not
  /// count.
  std::uint64_t sealed_bytes = 0;

  /// What a restore would write, without holes, minus the raw bytes of different data chunks.
  std::uint64_t saved_by_deduplication = 0;
  /// An estimate: what the chunks in delta blocks would take if they compressed as well as the
  /// plain blocks of their class do in the whole repository, minus what they take.
  std::uint64_t saved_by_deltas = 0;
  /// In plain blocks: raw minus sealed bytes.
  std::uint64_t saved_by_compression = 0;

  /// Raw to sealed bytes; 1 if nothing is stored.
  double compression_ratio() const;
  /// In percent of the raw bytes; negative if what sealing adds is more than compression saves.
  double compression_space_saving() const;
};

/// Reads each different directory and content list once. What cannot be read is reported
/// ("tree_damaged", "content_damaged"), so are chunks that no pack holds ("chunks_missing"), and
/// the rest is counted. Memory: 32 bytes a chunk, 4 a block, and as restore_size.
RawData raw_data(const StatisticsTools& tools, const Index& index, ChosenSnapshots snapshots);

/// The repository as a whole.
struct RepositoryFacts {
  std::uint64_t packs = 0;            ///< files, also those that no log entry names (yet)
  std::uint64_t pack_bytes = 0;       ///< of these files
  std::uint64_t side_file_bytes = 0;  ///< parity and second copies of all objects
  std::uint64_t delta_blocks = 0;
  std::uint64_t plain_blocks = 0;
};

/// Lists the whole store.
RepositoryFacts repository_facts(Store& store, const Index& index);

/// A snapshot and all chosen ones before it.
struct GrowthStep {
  const ListedSnapshot* snapshot = nullptr;
  std::uint64_t packed_so_far = 0;  ///< sum of data_added_packed up to this snapshot
};

/// As the snapshots' own summaries say.
std::vector<GrowthStep> growth(ChosenSnapshots snapshots);

}  // namespace coppice
