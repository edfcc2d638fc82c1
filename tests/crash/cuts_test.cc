// A power cut after every step of every job, and again during the recovery from it.
#include <doctest/doctest.h>
#include <stdlib.h>

#include "judge.h"

namespace coppice::test {
namespace {

std::string text_of(const Violations& violations) {
  std::string text;
  for (const std::string& violation : violations) text += violation + "\n";
  return text;
}

/// The long tests look at twenty times as many states.
bool is_long() { return getenv("COPPICE_LONG_TESTS") != nullptr; }

struct Total {
  std::uint64_t states = 0;
  std::uint64_t judged = 0;
};

void sweep(const CrashScenario& scenario, std::uint64_t seed, Total& total) {
  CAPTURE(scenario.name);
  SweepOptions options;
  options.seed = seed;
  options.depth = scenario.is_large && !is_long() ? 1 : 3;
  options.share = (scenario.is_large ? 4 : 1) * (is_sanitized() ? 10 : 1);
  options.nested_share = is_long() ? 1 : 3;
  const SweepResult result = sweep_cuts(scenario, options);
  CHECK_MESSAGE(result.violations.empty(), text_of(result.violations));
  CHECK((result.judged > 0 || is_sanitized()));
  MESSAGE(scenario.name << ": " << result.cuts << " cuts, " << result.states << " states, "
                        << result.judged << " different ones judged");
  total.states += result.states;
  total.judged += result.judged;
}

}  // namespace

TEST_CASE(
    "after a power cut at any step of any job, and of the recoveries from it, nothing is lost") {
  Total total;
  const std::uint64_t wanted = is_long() ? 100'000 : is_sanitized() ? 1 : 5'000;
  for (std::uint64_t seed = 1; total.states < wanted; ++seed) {
    for (const CrashScenario& scenario : crash_scenarios()) sweep(scenario, seed, total);
  }
  MESSAGE(total.states << " states, " << total.judged << " different ones judged");
}

}  // namespace coppice::test
