#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "crash_world.h"

namespace coppice::test {

/// Sanitizers take several times as long, and look for something else than lost data: there the
/// sweeps are sampled.
constexpr bool is_sanitized() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return true;
#elif defined(__has_feature)
  return __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
  return false;
#endif
}

/// The long tests (COPPICE_LONG_TESTS is set) try every byte, every state, every way to fail.
bool is_long();

/// What was found wrong with a repository after a crash; empty: nothing.
using Violations = std::vector<std::string>;

/// What recovery did, for a crash in the middle of it.
struct Recovery {
  std::unique_ptr<CrashStore> disk;
  std::vector<Promise> promises;
};

/// Does what its owner would do after a crash, without unlocking anything, and finds what is wrong:
/// every promised version must be there, `verify` with and without key must find no damage that it
/// calls lost, every snapshot that is listed must restore byte for byte; the next backup must work,
/// adopt all finished packs that no entry names, and leave a repository of which `verify` finds
/// nothing at all; a collection after that must lose nothing, and leave no file that nobody needs.
/// `aftermath` says what else the owner does, and what cannot be expected. `recovery` gets the
/// recording of all that; may be null. Without `restores` only `verify --read-data` proves that
/// what is listed can be restored, and nothing is collected.
Violations judge(const CrashStore::Contents& contents, const std::set<int>& promised,
                 const Aftermath& aftermath = {}, Recovery* recovery = nullptr,
                 bool restores = true);

/// The versions that must be there after `steps` steps.
const std::set<int>& promised_after(const std::vector<Promise>& promises, std::size_t steps);

struct SweepOptions {
  std::uint64_t seed = 1;
  unsigned depth = 1;            ///< 2: with a crash during the recovery, and so on
  std::size_t per_cut = 64;      ///< states after one cut; more are sampled
  std::size_t share = 1;         ///< one of so many states is judged, chosen at random
  std::size_t nested_share = 1;  ///< the same for states of depth 2 and deeper
  CrashStore::Mutant mutant = CrashStore::Mutant::none;
  bool until_first_violation = false;
};

struct SweepResult {
  std::uint64_t cuts = 0;
  std::uint64_t states = 0;  ///< legal states after them
  std::uint64_t judged = 0;  ///< those of them that differ from their neighbours
  Violations violations;     ///< with the place of the cut; at most some
};

/// Runs the job of the scenario once and judges every state that a power cut may leave, at any
/// step.
SweepResult sweep_cuts(const CrashScenario& scenario, const SweepOptions& options);

}  // namespace coppice::test
