#pragma once
#include <string>

#include "base/finding.h"
#include "benchmark/advice.h"

namespace coppice {

struct BenchmarkOptions {
  std::string disk_directory;
  std::string tree_directory;
  bool is_quick = false;  ///< a quarter of the time, with less certain figures
  const StopFlag* stop = nullptr;
  const Clock* clock = &system_clock();
};

/// Measures this machine (docs/cli.md, `benchmark`) in some 15 seconds. A disk or tree that cannot
/// be measured is reported (partial: "disk_not_measured", "tree_not_measured") and left out. Leaves
/// nothing behind. Throws Error{interrupted}. Must not be called from the pool. Memory: about 24
/// MiB a worker.
MachineFigures measure_machine(const BenchmarkOptions& options, ThreadPool& pool,
                               FindingSink& findings);

}  // namespace coppice
