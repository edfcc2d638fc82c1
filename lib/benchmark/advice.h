#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "benchmark/disk.h"
#include "benchmark/processor.h"
#include "benchmark/tree_speed.h"

/// What the figures of a machine lead one to expect. Pure: the same figures give the same words.
namespace coppice {

/// Figures of one machine. Without a disk or a tree, what depends on it is left out of account.
struct MachineFigures {
  ProcessorSpeeds processor;
  std::optional<DiskSpeed> disk;
  std::optional<TreeSpeed> tree;
};

enum class Limit { processor, disk };

struct Expectation {
  double seconds = 0;
  Limit limit = Limit::processor;  ///< what takes the time
};

/// First backup of `bytes` of text in files of 16 KiB, at that level, with parity of 3 %. The
/// source is read as fast as from the cache.
Expectation expect_text_backup(const MachineFigures& figures, const LevelSpeed& level,
                               double bytes);
/// The same of a few large files that do not compress.
Expectation expect_noise_backup(const MachineFigures& figures, double bytes);
/// A backup in which so many files are as they were.
Expectation expect_unchanged(const MachineFigures& figures, double files);
/// Restore of text in large files to the disk that was measured.
Expectation expect_restore(const MachineFigures& figures, const LevelSpeed& level, double bytes);

struct LevelAdvice {
  int level = 3;
  std::string why;  ///< a sentence
};
/// Which of the levels suits: the highest (so the smallest repository) of those at which a backup
/// of text takes at most a tenth longer than at the best of them. Requires levels. Levels below 3
/// are never advised: deltas are made at level 3.
LevelAdvice advise_level(const MachineFigures& figures);

/// Of that level, or the usual one, or the first.
const LevelSpeed& find_level(const ProcessorSpeeds& processor, int level);

}  // namespace coppice
