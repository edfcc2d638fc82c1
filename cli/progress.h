#pragma once
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "console.h"

namespace coppice {

/// How far a job is. A total of 0 is unknown.
struct ProgressState {
  std::string verb = {};  ///< "backed up"
  std::string files_word = "files";
  std::uint64_t files_done = 0;
  std::uint64_t files_total = 0;
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;
  std::uint64_t error_count = 0;
  std::string current = {};  ///< bytes
};

/// Shows a job's progress: a line on a terminal, `status` lines in JSON, else nothing. Called from
/// one thread at a time.
class ProgressDisplay {
 public:
  explicit ProgressDisplay(Console& console, const Clock& clock = system_clock())
      : console_(console), clock_(clock), began_ns_(clock.monotonic_ns()) {}

  void show(const ProgressState& state);
  double seconds_elapsed() const;

 private:
  std::string line(const ProgressState& state) const;
  Json message(const ProgressState& state) const;

  Console& console_;
  const Clock& clock_;
  std::uint64_t began_ns_;
  std::uint64_t shown_ns_ = 0;
};

}  // namespace coppice
