#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "repo/object_names.h"
#include "support/repository_fixture.h"
#include "support/repository_objects.h"
#include "verify/verify.h"

namespace coppice::test {

/// What a verification came to.
struct Outcome {
  FindingList findings;
  VerifyResult result;
  std::optional<ErrorKind> thrown;

  /// As the command line tells it: 13 beats 3 beats 14.
  int exit() const {
    if (thrown) return exit_code(*thrown);
    if (findings.count(Finding::Weight::damaged) > 0) return 13;
    if (findings.count(Finding::Weight::partial) > 0) return 3;
    return findings.count(Finding::Weight::healable) > 0 ? 14 : 0;
  }
};

inline Outcome keyless(const Objects& objects, const VerifyOptions& options = {},
                       unsigned threads = 2) {
  MemoryStore store(objects);
  ThreadPool pool(threads);
  Outcome outcome;
  try {
    outcome.result = verify_keyless(store, pool, options, outcome.findings);
  } catch (const Error& error) {
    outcome.thrown = error.kind();
  }
  return outcome;
}

/// Opens the repository with the fixture's key and verifies it.
inline Outcome keyed(const Objects& objects, const VerifyOptions& options = {},
                     unsigned threads = 2) {
  MemoryStore store(objects);
  ThreadPool pool(threads);
  Outcome outcome;
  FindingList dropped;
  try {
    const auto repository =
        Repository::open(store, Credential::from_key_file(Secret32(Bytes(32, 7))), {}, dropped);
    outcome.result = verify_repository(*repository, pool, options, outcome.findings);
  } catch (const Error& error) {
    outcome.thrown = error.kind();
  }
  return outcome;
}

inline VerifyOptions reading_data() {
  VerifyOptions options;
  options.read_data = true;
  return options;
}

inline Outcome verified(RepositoryFixture& fixture, const VerifyOptions& options) {
  return keyed(objects_of(fixture.repository().store()), options);
}

}  // namespace coppice::test
