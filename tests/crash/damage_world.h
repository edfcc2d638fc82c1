#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "judge.h"

namespace coppice::test {

/// A small repository with two snapshots, an index object and a checkpoint in the middle of its
/// log: every kind of object that there is. Made once.
const CrashStore::Contents& small_repository();

/// What `verify` and a restore say of a damaged repository.
struct Diagnosis {
  int with_key = 0;       ///< exit code of `verify --read-data`
  int structure = 0;      ///< exit code of `verify`
  int keyless = 0;        ///< exit code of `verify --keyless`
  bool is_told = false;   ///< one of them reported something, a note at least
  bool restores = false;  ///< both snapshots come back byte for byte
  bool lies = false;      ///< a restore made a file with other bytes, or missed one in silence
  std::string findings;   ///< for messages

  /// What no damage may ever lead to; empty if all is well.
  std::string contradiction() const;
};
Diagnosis diagnose(const CrashStore::Contents& contents);

/// Threads to share the cases among.
void for_each_in_parallel(std::size_t count, const std::function<void(std::size_t)>& work);

inline CrashStore::Contents::mapped_type shared_bytes(Bytes bytes) {
  return std::make_shared<const Bytes>(std::move(bytes));
}

}  // namespace coppice::test
