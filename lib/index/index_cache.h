#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/secret.h"
#include "index/index_run.h"

namespace coppice {

/// A run of the cache, and the name of its file there.
struct CachedRun {
  IndexRun run;
  std::string file;
};

/// Index runs kept in a private local directory, so that a command need not read every pack's table
/// again. Safe to delete at any time. Each file is authenticated with a key from the slot, since a
/// forged run could make a backup skip what is not stored. Everything that goes wrong here is only
/// a slower start: nothing throws. Commands that share the directory do not disturb each other.
///
/// File: image (index/index_run.h) · trailer (index/image_proof.h) · u64 size of the image.
class IndexCache {
 public:
  /// `directory` is made (0700) when first written to. `key` authenticates.
  IndexCache(std::string directory, Secret32 key);

  /// How much of a file is proved before its run is used. Reading 10⁸ chunks' records takes
  /// seconds, which a backup need not wait for: to it, what is altered is only not there.
  enum class Proof { whole, as_used };
  /// All intact runs, the largest first; damaged files are removed, now or when it shows.
  std::vector<CachedRun> load(Proof proof) const;
  /// Keeps `parts` as one run and removes the files that it replaces. The parts must be proved as a
  /// whole. Nothing if it cannot be kept (a full or read-only disk).
  std::optional<CachedRun> keep(std::span<const IndexRun> parts,
                                std::span<const std::string> replaced) const;
  /// Removes a file: the log no longer has what it was made from.
  void drop(const std::string& file) const;

 private:
  CachedRun load_run(int directory, const std::string& file, Proof proof) const;
  CachedRun write(std::span<const IndexRun> parts) const;

  std::string directory_;
  Secret32 key_;
};

}  // namespace coppice
