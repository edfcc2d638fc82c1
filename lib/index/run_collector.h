#pragma once
#include "index/index_run.h"

namespace coppice {

/// Collects any number of pack tables into runs within a fixed memory: full parts are sorted and
/// spilled into scratch files, and merged from there. Private memory: about 32 MiB, and what
/// merge_runs takes. Not thread-safe.
class RunCollector {
 public:
  void add(const Id& pack, std::uint64_t pack_length, const PackTable& table);
  bool is_empty() const { return parts_.empty() && builder_.is_empty(); }

  /// All that was added, in parts; the collector is empty again.
  std::vector<IndexRun> take_parts();
  /// The same as one run. Requires that something was added.
  IndexRun take_run();

 private:
  void spill();

  IndexRunBuilder builder_;
  std::vector<IndexRun> parts_;
};

/// Several runs as one, in a scratch file. Throws what scratch files throw.
IndexRun merge_into_scratch(std::span<const IndexRun> parts);

}  // namespace coppice
