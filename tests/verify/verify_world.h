#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "index/index_object.h"
#include "repo/log_bodies.h"
#include "repo/object_names.h"
#include "repo/pack_table.h"
#include "repo/side_file.h"
#include "support/repository_fixture.h"
#include "verify/verify.h"

namespace coppice::test {

using Objects = MemoryStore::Objects;

/// Everything that a repository consists of, to be damaged and put into a store of its own.
inline Objects objects_of(Store& store) {
  Objects objects;
  for (const ObjectInfo& object : store.list("")) {
    objects[object.name] = store.read_all(object.name, object.size);
  }
  return objects;
}

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

/// Merges the tables of all packs into one index object, as Repository::maintain does once there
/// are many.
inline void add_index_object(RepositoryFixture& fixture) {
  Repository& repository = fixture.repository();
  std::vector<IndexedTable> tables;
  for (const auto& [name, object] : repository.state().objects.live()) {
    if (object.kind != ObjectKind::pack) continue;
    tables.push_back(
        {name, object.length,
         read_pack_table(repository.store(), repository.keyring(), name, object.length)});
  }
  const Bytes bytes =
      encode_index_object(tables, 0, repository.keyring().repository_key(0), repository.id());
  const Id name = blake3(bytes);
  LogAppend entry;
  entry.type = LogEntryType::index_set;
  const Side side = put_with_side(repository.store(), index_name(name), bytes, repository.parity());
  entry.adds.push_back({ObjectKind::index, side, name, bytes.size()});
  entry.body = encode_names({});
  repository.append([&](const LogState&) { return entry; });
}

/// Names of the files whose name begins so, side files left out.
inline std::vector<std::string> names_of(const Objects& objects, std::string_view prefix) {
  std::vector<std::string> names;
  for (const auto& [name, bytes] : objects) {
    if (name.starts_with(prefix) && !name.ends_with(".copy") && !name.ends_with(".par"))
      names.push_back(name);
  }
  return names;
}

}  // namespace coppice::test
