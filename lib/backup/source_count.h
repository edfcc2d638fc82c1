#pragma once
#include <cstdint>
#include <optional>

#include "backup/backup.h"
#include "task/counter.h"
#include "task/stage.h"

namespace coppice {

/// Counts what a backup will find, with a walk of its own that opens no file, beside the backup: so
/// that a first one can tell how far it is. The options (their sources and selection) must outlive
/// it, and so must the pool. What cannot be read is not counted; the backup itself reports it.
class SourceCount {
 public:
  SourceCount(const BackupOptions& options, ThreadPool& pool);
  /// Stops counting.
  ~SourceCount() { is_stopped_.add(); }
  SourceCount(const SourceCount&) = delete;
  SourceCount& operator=(const SourceCount&) = delete;

  struct Totals {
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
  };
  /// Nothing until all is counted.
  std::optional<Totals> totals() const;

 private:
  void count(const BackupOptions& options, ThreadPool& pool);

  Counter files_;
  Counter bytes_;
  Counter is_complete_;
  Counter is_stopped_;
  Stage stage_;  // last: uses all else
};

}  // namespace coppice
