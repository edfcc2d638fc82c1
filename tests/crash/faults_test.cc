// The N-th call of the store fails, for every N: once and from then on, before its effect and after
// it (the answer is lost), as a full disk and as an error of the device. No job may call that
// success.
#include <doctest/doctest.h>

#include <limits>

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
  for (const std::string& violation : judge(disk.contents(), world.promised())) {
    if (sweep.violations.size() < 20)
      sweep.violations.push_back(scenario.name + ", " + text_of(fault, at) + ": " + violation);
  }
  return true;
}

FaultSweep sweep_faults(const CrashScenario& scenario) {
  CrashStore prepared;
  CrashWorld before(prepared, prepared, {});
  scenario.prepare(before);
  const CrashStore::Contents start = prepared.contents();
  FaultSweep sweep;
  const std::uint64_t step = (scenario.is_large ? 41 : 1) * (is_sanitized() ? 20 : 1);
  for (const ErrorKind kind : {ErrorKind::no_space, ErrorKind::failed}) {
    for (const bool is_sticky : {false, true}) {
      for (const bool is_after : {false, true}) {
        const Case fault{kind, is_sticky, is_after};
        for (std::uint64_t at = 0; run_one(scenario, start, before.promised(), fault, at, sweep);
             at += step) {
        }
      }
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
    std::string text;
    for (const std::string& violation : sweep.violations) text += violation + "\n";
    CHECK_MESSAGE(sweep.violations.empty(), text);
  }
  MESSAGE(faults << " faults");
  CHECK(faults > (is_sanitized() ? 25 : 500));
}

}  // namespace coppice::test
