#pragma once
#include <cstdint>
#include <string>

#include "base/finding.h"
#include "task/guarded.h"
#include "verify/verify.h"

namespace coppice {

/// Hands findings on and counts them for the result. Used by the calling thread only.
class CountingSink final : public FindingSink {
 public:
  CountingSink(FindingSink& next, VerifyResult& result) : next_(next), result_(result) {}

  void report(const Finding& finding) override {
    if (finding.weight == Finding::Weight::damaged) ++result_.damaged;
    if (finding.weight == Finding::Weight::healable) ++result_.healable;
    if (finding.weight != Finding::Weight::note) ++result_.error_count;
    next_.report(finding);
  }

 private:
  FindingSink& next_;
  VerifyResult& result_;
};

/// Adds up what workers have done and tells whoever watches. Thread-safe.
class ProgressMeter {
 public:
  explicit ProgressMeter(const VerifyOptions& options) : options_(options) {}

  void expect(std::uint64_t objects, std::uint64_t bytes) {
    progress_.with([&](VerifyProgress& progress) {
      progress.objects_total += objects;
      progress.bytes_total += bytes;
    });
  }
  void add_bytes(std::uint64_t bytes) {
    tell([&](VerifyProgress& progress) { progress.bytes_done += bytes; });
  }
  void add_object(const std::string& name) {
    tell([&](VerifyProgress& progress) {
      ++progress.objects_done;
      progress.current = name;
    });
  }
  void set_current(const std::string& current) {
    tell([&](VerifyProgress& progress) { progress.current = current; });
  }
  std::uint64_t bytes_read() const {
    return progress_.with([](const VerifyProgress& progress) { return progress.bytes_done; });
  }

 private:
  template <typename Change>
  void tell(const Change& change) {
    progress_.with([&](VerifyProgress& progress) {
      change(progress);
      if (options_.on_progress) options_.on_progress(progress);
    });
  }

  const VerifyOptions& options_;
  Guarded<VerifyProgress> progress_;
};

}  // namespace coppice
