#pragma once
#include <string>
#include <vector>

#include "base/secret.h"
#include "index/index_run.h"

namespace coppice {

/// Index runs kept in a private local directory, so that a command need not read every pack's table
/// again. Safe to delete at any time. Each file is authenticated with a key from the slot, since a
/// forged run could make a backup skip what is not stored. Everything that goes wrong here is only
/// a slower start: nothing throws.
class IndexCache {
 public:
  /// `directory` is made (0700) when first written to. `key` authenticates.
  IndexCache(std::string directory, Secret32 key);

  /// All intact runs; damaged or foreign files are removed.
  std::vector<IndexRun> load() const;
  /// Keeps `run`.
  void store(const IndexRun& run) const;
  /// Removes all runs but this one: after a merge, or when the log no longer has what they were
  /// made from.
  void keep_only(const IndexRun& run) const;

 private:
  std::string path_of(const IndexRun& run) const;

  std::string directory_;
  Secret32 key_;
};

}  // namespace coppice
