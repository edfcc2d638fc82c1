#include "support/roles.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "prune/pack_proof.h"
#include "prune_world.h"
#include "support/repository_objects.h"

/// Who may collect (docs/design.md, section 5): auditors and owners; all others are told so, and
/// nothing changes.
namespace coppice::test {
namespace {

class Roles : public PruneWorld {
 public:
  Roles() {
    Repository& here = fixture.repository();
    add_slot(here, Role::writer, 20);
    add_slot(here, Role::reader, 21);
    add_slot(here, Role::auditor, 22);
    write("kept", noise(400'000, 1));
    write("gone", noise(900'000, 2));
    first_ = backup(here);
    write("gone", "small now");
    backup(here);
  }
  std::unique_ptr<Repository> as(std::uint8_t byte) {
    return Repository::open(fixture.faults(), passkey(byte), {}, findings);
  }

  Id first_;
};

std::optional<Error> error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

TEST_CASE_FIXTURE(Roles,
                  "a writer and a reader may neither forget nor collect: 19, and no change") {
  forget(fixture.repository(), {first_});
  const Objects before = objects_of(fixture.faults());
  for (const std::uint8_t byte : {std::uint8_t{20}, std::uint8_t{21}}) {
    CAPTURE(byte);
    const auto repository = as(byte);
    for (const bool is_dry_run : {false, true}) {
      PruneOptions options = prune_options();
      options.is_dry_run = is_dry_run;
      const auto error = error_of([&] { run_prune(*repository, options, findings); });
      REQUIRE(error);
      CHECK(exit_code(error->kind()) == 19);
      CHECK(std::string(error->what()).find("only auditors and owners") != std::string::npos);
    }
    const auto error = error_of([&] { mark(*repository, LogEntryType::forget, {first_}); });
    REQUIRE(error);
    CHECK(exit_code(error->kind()) == 19);
  }
  CHECK(objects_of(fixture.faults()) == before);
}

TEST_CASE_FIXTURE(Roles, "an auditor forgets and collects, and moves blocks that it cannot open") {
  const auto auditor = as(22);
  forget(*auditor, {first_});
  const PruneResult result = prune(*auditor);
  CHECK(result.snapshots_collected == 1);
  CHECK(result.packs_moved == 1);
  CHECK(result.removed.bytes > 900'000);
  CHECK(auditor->state().condemned.empty());
  CHECK_MESSAGE(findings.count(Finding::Weight::damaged) == 0, findings.text());
  expect_all_whole();
  SUBCASE("an owner's collection after it finds nothing to do") {
    CHECK(prune(*machine()).removed.files == 0);
  }
  SUBCASE("a backup after it is whole") {
    backup(*machine());
    expect_all_whole();
  }
}

/// Damages all blocks of the pack, in both copies if there are two.
void spoil(FaultyStore& store, const PackView& pack) {
  for (const std::string& file : {pack_name(pack.name), copy_name(pack_name(pack.name))}) {
    if (!store.size(file)) continue;
    for (std::uint64_t at = 100; at < pack.length * 3 / 4; at += 1000) store.flip_byte(file, at);
  }
}

TEST_CASE_FIXTURE(Roles, "an owner opens what writers signed before it moves it, each block once") {
  const auto writer = as(20);
  write("by the writer", noise(700'000, 3));
  backup(*writer);
  write("by the writer", noise(700'000, 4));
  backup(*writer);
  Repository& here = fixture.repository();
  here.refresh();
  const PruneOptions options = prune_options();
  const std::set<Id> ending;
  Survey survey(here, options, ending, findings);
  const auto& packs = survey.live().packs();
  std::vector<std::size_t> all(packs.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  PackProof few(here, survey, nullptr, 3);
  PackProof many(here, survey, nullptr);
  CHECK(few.find_false(all).empty());
  CHECK(many.find_false(all).empty());
  CHECK(few.blocks_opened() > 2);
  CHECK(few.blocks_opened() == many.blocks_opened());
  const auto by_writer = std::find_if(packs.begin(), packs.end(), [&](const PackView& pack) {
    return pack.writer == writer->keyring().slot();
  });
  REQUIRE(by_writer != packs.end());
  spoil(fixture.faults(), *by_writer);
  const auto bad = many.find_false(all);
  REQUIRE(bad.size() == 1);
  CHECK(bad.begin()->first == by_writer->name);
  CHECK(few.find_false(all).size() == 1);
}

}  // namespace
}  // namespace coppice::test
