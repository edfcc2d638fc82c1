#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "repair/repair.h"
#include "repo/object_names.h"
#include "support/repository_fixture.h"
#include "support/repository_objects.h"

namespace coppice::test {

inline void flip_at(Bytes& bytes, std::size_t at) {
  bytes.at(at) = static_cast<std::uint8_t>(bytes[at] ^ 0x21U);
}

/// One byte in each of `count` sectors.
inline void flip_sectors(Bytes& bytes, std::size_t first, std::size_t count) {
  for (std::size_t i = first; i < first + count && i * 4096 < bytes.size(); ++i)
    flip_at(bytes, std::min(i * 4096 + 11, bytes.size() - 1));
}

/// What a repair came to.
struct RepairRun {
  Objects objects;  ///< afterwards
  RepairResult result;
  FindingList findings;
  std::vector<std::string> plan;
  std::optional<ErrorKind> thrown;

  /// As the command line tells it.
  int exit() const {
    if (thrown) return exit_code(*thrown);
    if (findings.count(Finding::Weight::damaged) > 0) return 13;
    return findings.count(Finding::Weight::healable) > 0 ? 14 : 0;
  }
};

/// Runs `job(store, pool, options, run)` on a store of its own.
template <typename Job>
RepairRun run_repair(const Objects& objects, bool is_dry_run, const Job& job) {
  MemoryStore store(objects);
  ThreadPool pool(2);
  RepairRun run;
  RepairOptions options;
  options.is_dry_run = is_dry_run;
  options.on_plan = [&](const PlannedRepair& planned) {
    run.plan.push_back(planned.item + ": " + planned.action);
  };
  try {
    job(store, pool, options, run);
  } catch (const Error& error) {
    run.thrown = error.kind();
    run.findings.report({Finding::Weight::note, "thrown", "", error.what()});
  }
  run.objects = objects_of(store);
  return run;
}

inline RepairRun repair_keyless(const Objects& objects, const Objects* other = nullptr,
                                bool is_dry_run = false) {
  return run_repair(
      objects, is_dry_run,
      [&](Store& store, ThreadPool& pool, const RepairOptions& options, RepairRun& run) {
        std::unique_ptr<MemoryStore> from;
        if (other != nullptr) from = std::make_unique<MemoryStore>(*other);
        run.result = repair_packs(store, from.get(), pool, options, run.findings);
        report_lost_packs(run.result, false, run.findings);
      });
}

inline std::unique_ptr<Repository> open_with_key(Store& store) {
  FindingList dropped;
  return Repository::open(store, Credential::from_key_file(Secret32(Bytes(32, 7))), {}, dropped);
}

}  // namespace coppice::test
