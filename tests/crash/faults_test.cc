// The N-th call of the store fails, for every N: once and from then on, before its effect and after
// it (the answer is lost), as a full disk and as an error of the device. No job may call that
// success.
#include <doctest/doctest.h>

#include "judge.h"
#include "support/faulty_store.h"

namespace coppice::test {
namespace {

struct Case {
  ErrorKind kind;
  bool is_sticky;
  bool is_after;
};

std::string text_of(const Case& fault, std::uint64_t at) {
  return std::string(code_word(fault.kind)) + (fault.is_sticky ? ", sticky" : ", once") +
         (fault.is_after ? ", after" : ", before") + " call " + std::to_string(at);
}

struct FaultSweep {
  std::uint64_t faults = 0;
  Violations violations;
};

/// One run of the job with this fault; false if the job had ended before its call.
bool run_one(const CrashScenario& scenario, const CrashStore::Contents& start,
             const std::set<int>& promised, const Case& fault, std::uint64_t at,
             FaultSweep& sweep) {
  CrashStore disk(start);
  FaultyStore faulty(disk);
  CrashWorld world(disk, faulty, promised);
  faulty.fail({at, Error(fault.kind, "injected"), fault.is_sticky, fault.is_after});
  try {
    scenario.job(world);
  } catch (const Error&) {
  }
  if (faulty.fault_hits() == 0) return false;
  ++sweep.faults;
  for (const std::string& violation :
       judge(disk.contents(), world.promised(), scenario.aftermath)) {
    if (sweep.violations.size() < 20)
      sweep.violations.push_back(scenario.name + ", " + text_of(fault, at) + ": " + violation);
  }
  return true;
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const bool is_sticky : {false, true}) {
    for (const bool is_after : {false, true}) {
      for (const ErrorKind kind : {ErrorKind::no_space, ErrorKind::failed})
        cases.push_back({kind, is_sticky, is_after});
    }
  }
  return cases;
}

FaultSweep sweep_faults(const CrashScenario& scenario) {
  CrashStore prepared;
  CrashWorld before(prepared, prepared, {});
  scenario.prepare(before);
  const CrashStore::Contents start = prepared.contents();
  FaultSweep sweep;
  const bool is_slow = scenario.effort == CrashScenario::Effort::slow;
  const bool is_sampled = scenario.effort == CrashScenario::Effort::sampled && !is_long();
  const std::uint64_t step = (is_slow ? 41 : 1) * (is_sanitized() ? 20 : 1);
  const std::vector<Case> cases = all_cases();
  // Sampled: each call fails in one of the ways, and its neighbour in the next one.
  const std::size_t ways = is_sampled ? 1 : cases.size();
  for (std::size_t way = 0; way < ways; ++way) {
    for (std::uint64_t at = 0;; at += step) {
      const Case& fault = cases[(way + at) % cases.size()];
      if (!run_one(scenario, start, before.promised(), fault, at, sweep)) break;
    }
  }
  return sweep;
}

}  // namespace

TEST_CASE("whatever call of the store fails in any job, all that was promised is there") {
  std::uint64_t faults = 0;
  for (const CrashScenario& scenario : crash_scenarios()) {
    CAPTURE(scenario.name);
    const FaultSweep sweep = sweep_faults(scenario);
    faults += sweep.faults;
    MESSAGE(scenario.name << ": " << sweep.faults << " faults");
    std::string text;
    for (const std::string& violation : sweep.violations) text += violation + "\n";
    CHECK_MESSAGE(sweep.violations.empty(), text);
  }
  MESSAGE(faults << " faults");
  CHECK(faults > (is_sanitized() ? 25 : 500));
}

}  // namespace coppice::test
