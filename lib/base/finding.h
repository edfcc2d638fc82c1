#pragma once
#include <cstdint>
#include <string>

#include "base/error.h"

namespace coppice {

/// One thing that a job over many items could not do or found wrong; the job goes on and the exit
/// code tells.
struct Finding {
  /// What it means for the exit code (docs/exit-codes.md): 13 beats 3 beats 14.
  enum class Weight {
    note,      ///< said, does not count (exit 0)
    healable,  ///< damaged, but a second copy or parity can heal it (14)
    partial,   ///< could not be read, set or removed (3)
    damaged,   ///< damaged or missing and not healable here (13)
  };
  Weight weight = Weight::partial;
  std::string code;     ///< stable word for scripts: "read_failed", "pack_damaged", …
  std::string item;     ///< the path or object it is about, as bytes; escaped only when shown
  std::string message;  ///< what and why, for people, without the item
};

/// Takes findings as they come. Calls come from one thread at a time.
class FindingSink {
 public:
  virtual ~FindingSink() = default;
  virtual void report(const Finding& finding) = 0;
};

}  // namespace coppice
