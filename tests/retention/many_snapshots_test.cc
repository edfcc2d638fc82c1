#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "retention/forget.h"
#include "retention/kit.h"
#include "snapshot/listing.h"
#include "store/local_store.h"
#include "support/repository_fixture.h"
#include "support/scratch_dir.h"

namespace coppice::test {
namespace {

/// Appends snapshots of one tree, an hour apart; what a command at its start has to read.
void append_snapshots(Repository& repository, const SnapshotRecord& like, int count,
                      FindingSink& findings) {
  const Keyring& keyring = repository.keyring();
  SnapshotRecord record = like;
  for (int i = 0; i < count; ++i) {
    record.time.seconds += kHour;
    LogAppend entry;
    entry.type = LogEntryType::snapshot;
    entry.body = encode_snapshot_body(
        {encode_snapshot(record, keyring.signing_key(), keyring.repository(), keyring.slot()), {}});
    repository.append([&](const LogState&) { return entry; });
    repository.maintain(findings);
  }
}

// Minutes, for each entry is made durable. COPPICE_TEST_REPOSITORY=DIR tells where to make the
// repository: tests/bench/many_snapshots.py, which tests/run.sh --long runs, goes on with it.
TEST_CASE("ten thousand snapshots are judged" * doctest::skip()) {
  ScratchDir scratch;
  const char* wish = std::getenv("COPPICE_TEST_REPOSITORY");
  const auto store = LocalStore::create(wish != nullptr ? wish : scratch / "repo");
  FindingList findings;
  InitOptions options;
  options.program = "test";
  std::vector<Credential> credentials;
  credentials.push_back(RepositoryFixture::credential());
  init_repository(*store, credentials, options, system_random());
  const auto repository = Repository::open(*store, RepositoryFixture::credential(), {}, findings);
  RepositoryFixture fixture;
  fixture.store_tree({file("f", "x")});
  const SnapshotRecord like =
      decode_snapshot(fixture.repository().state().snapshots.front().record);
  append_snapshots(*repository, like, 10'000, findings);
  const std::uint64_t before = system_clock().monotonic_ns();
  const auto again = Repository::open(*store, RepositoryFixture::credential(), {}, findings);
  const std::uint64_t opened = system_clock().monotonic_ns();
  ForgetOptions forget;
  forget.policy.newest_of = {24, 30, 52, 120, 10};
  forget.now = {kNoon, 0};
  forget.is_dry_run = true;
  const PlannedForget planned = run_forget(*again, forget, findings);
  MESSAGE("open ms: ", (opened - before) / 1'000'000,
          ", judge ms: ", (system_clock().monotonic_ns() - opened) / 1'000'000);
  CHECK(planned.plan.forgotten().size() > 9'000);
  CHECK(planned.plan.kept() > 60);
}

}  // namespace
}  // namespace coppice::test
