// A power cut after every step of every job, and again during the recovery from it.
#include <doctest/doctest.h>

#include "judge.h"

namespace coppice::test {
namespace {

std::string text_of(const Violations& violations) {
  std::string text;
  for (const std::string& violation : violations) text += violation + "\n";
  return text;
}

struct Total {
  std::uint64_t states = 0;
  std::uint64_t judged = 0;
};

void sweep(const CrashScenario& scenario, std::uint64_t seed, Total& total) {
  CAPTURE(scenario.name);
  SweepOptions options;
  options.seed = seed;
  switch (scenario.effort) {
    case CrashScenario::Effort::whole:
      options.depth = 3;
      options.nested_share = is_long() ? 3 : 40;
      break;
    case CrashScenario::Effort::sampled:
      options.depth = 2;
      options.per_cut = is_long() ? 64 : 3;
      options.nested_share = is_long() ? 200 : 1000;
      break;
    case CrashScenario::Effort::slow:
      options.depth = is_long() ? 3 : 1;
      options.nested_share = is_long() ? 200 : 1;
      options.share = is_long() ? 1 : 4;
      break;
  }
  if (is_sanitized()) options.share *= 10;
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
