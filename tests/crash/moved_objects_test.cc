// Objects in each other's place, copied over each other or under new names, log entries that are
// missing, altered or not signed, and a repository that was rolled back.
#include <doctest/doctest.h>

#include <mutex>

#include "base/error.h"
#include "damage_world.h"
#include "repo/host_state.h"
#include "repo/log_entry.h"
#include "repo/object_names.h"
#include "support/thrown_error.h"
#include "verify/verify.h"

namespace coppice::test {
namespace {

using Contents = CrashStore::Contents;

struct Case {
  std::string what;
  Contents contents;
};

/// All cases at once, in parallel; `judge` says what is wrong with a diagnosis.
void check(const std::vector<Case>& cases,
           const std::function<std::string(const Diagnosis&)>& judge) {
  std::mutex mutex;
  std::string wrong;
  for_each_in_parallel(cases.size(), [&](std::size_t n) {
    const Diagnosis diagnosis = diagnose(cases[n].contents);
    const std::string why = judge(diagnosis);
    if (why.empty()) return;
    const std::lock_guard lock(mutex);
    wrong += cases[n].what + ": " + why + " (keyless " + std::to_string(diagnosis.keyless) +
             ", keyed " + std::to_string(diagnosis.with_key) + ")\n" + diagnosis.findings;
  });
  CHECK_MESSAGE(wrong.empty(), wrong);
  CHECK_FALSE(cases.empty());
  MESSAGE(cases.size() << " cases");
}

/// Found, and healable, because each object has its second copy.
std::string expect_healable(const Diagnosis& d) {
  if (!d.contradiction().empty()) return d.contradiction();
  return d.keyless == 14 && d.with_key == 14 && d.restores ? "" : "is not healable";
}

/// Of a kind of their own: files that hold what no other file holds.
std::vector<std::string> different_files() {
  std::vector<std::string> names;
  for (const auto& [name, file] : small_repository()) {
    if (!name.ends_with(".copy") && !is_reserve_name(name)) names.push_back(name);
  }
  return names;
}

std::vector<std::string> log_names() {
  std::vector<std::string> names;
  for (const std::string& name : different_files()) {
    if (name.starts_with("log/")) names.push_back(name);
  }
  return names;
}

/// The entry with its checksum put right, so that only chain and signature tell.
CrashStore::Contents::mapped_type resealed(Bytes entry) {
  entry.resize(entry.size() - 32);
  const Id hash = blake3(entry);
  entry.insert(entry.end(), hash.bytes.begin(), hash.bytes.end());
  return shared_bytes(std::move(entry));
}

Contents with_both(const std::string& name, const Contents::mapped_type& file) {
  Contents contents = small_repository();
  contents[name] = contents[copy_name(name)] = file;
  return contents;
}

Contents without_both(Contents contents, const std::string& name) {
  contents.erase(name);
  contents.erase(copy_name(name));
  return contents;
}

}  // namespace

TEST_CASE("any two files that were swapped, or one copied over the other, are found and healable") {
  const std::vector<std::string> names = different_files();
  std::vector<Case> cases;
  for (const std::string& one : names) {
    for (const std::string& other : names) {
      if (one == other) continue;
      Case copied{one + " holds " + other, small_repository()};
      copied.contents[one] = small_repository().at(other);
      cases.push_back(copied);
      if (one > other) continue;
      copied.what = one + " and " + other + " swapped";
      copied.contents[other] = small_repository().at(one);
      cases.push_back(copied);
    }
  }
  check(cases, expect_healable);
}

TEST_CASE("objects under new names change nothing but what verify reports") {
  std::vector<Case> cases;
  const std::string digits(64, 'a');
  for (const std::string& name : different_files()) {
    for (const std::string& alias :
         {"packs/aa/" + digits, "index/aa/" + digits, "sessions/" + digits}) {
      Case added{name + " as " + alias, small_repository()};
      added.contents[alias] = small_repository().at(name);
      cases.push_back(added);
    }
  }
  check(cases, [](const Diagnosis& d) {
    return d.restores && !d.lies && d.keyless == 0 && d.with_key == 0 ? "" : "does harm";
  });
}

TEST_CASE("an entry that is put again at the log's end, or a slot under another name, is found") {
  std::vector<Case> cases;
  const std::string next = log_entry_name(log_names().size());
  for (const std::string& name : log_names()) {
    cases.push_back({name + " again as " + next, small_repository()});
    cases.back().contents[next] = cases.back().contents[copy_name(next)] =
        small_repository().at(name);
  }
  for (const std::string& name : different_files()) {
    if (!name.starts_with("slots/")) continue;
    cases.push_back({name + " as another slot", small_repository()});
    cases.back().contents["slots/" + std::string(32, 'a')] = small_repository().at(name);
  }
  check(cases, [](const Diagnosis& d) {
    if (d.lies || !d.restores) return "does harm";
    return d.keyless == 13 && d.with_key == 13 ? "" : "is not found";
  });
}

TEST_CASE("a log entry that is missing, altered or not signed is 13") {
  const std::vector<std::string> names = log_names();
  std::vector<Case> cases;
  for (const std::string& name : names) {
    const Bytes& entry = *small_repository().at(name);
    // The last one is missed by whoever remembers it: see below. The first one may have been
    // removed by a collector, since a checkpoint restates it.
    if (name != names.back() && name != names.front())
      cases.push_back({name + " missing", without_both(small_repository(), name)});
    Bytes unsigned_entry = entry;
    std::fill(unsigned_entry.end() - 96, unsigned_entry.end() - 32, std::uint8_t{0});
    cases.push_back({name + " unsigned", with_both(name, resealed(unsigned_entry))});
    for (std::size_t at = 0; at + 32 < entry.size(); at += is_long() ? 5 : 97) {
      Bytes altered = entry;
      altered[at] ^= 1;
      cases.push_back(
          {name + " altered at " + std::to_string(at), with_both(name, resealed(altered))});
    }
  }
  check(cases, [](const Diagnosis& d) {
    if (d.lies) return "a restore gives wrong bytes";
    const bool is_found = d.with_key == 13 && d.structure == 13;
    // Bytes that storage cannot judge are those of the sealed part and the signature.
    return is_found ? "" : "is not found";
  });
}

TEST_CASE("a log that was cut at its end, and a repository that was rolled back, are noticed") {
  const std::vector<std::string> names = log_names();
  const Bytes& last = *small_repository().at(names.back());
  const ScratchDir scratch;
  ThreadPool pool(1);
  Contents contents = small_repository();
  for (std::size_t left = names.size() - 1; left >= 2; --left) {
    CAPTURE(left);
    contents = without_both(contents, names[left]);
    CrashStore store(contents);
    FindingList findings;
    VerifyOptions options;
    options.expected_head = blake3(last).hex();
    verify_keyless(store, pool, options, findings);
    CHECK(findings.has("log_rolled_back", "log"));
    const auto repository = Repository::open(store, CrashWorld::credential(), {}, findings);
    FindingList with_key;
    verify_repository(*repository, pool, options, with_key);
    CHECK(with_key.has("log_rolled_back", "log"));
    HostState remembered(scratch / "state");
    remembered.remember(repository->id(), {names.size() - 1, blake3(last)});
    CHECK(kind_of([&] {
            Repository::open(store, CrashWorld::credential(), {nullptr, &remembered}, findings);
          }) == ErrorKind::damaged);
  }
}

TEST_CASE("two copies of a repository that went on apart are noticed by whoever saw the other") {
  const ScratchDir scratch;
  HostState remembered(scratch / "state");
  CrashStore one(small_repository());
  CrashStore other(small_repository());
  CrashWorld(one, one, {}).backup(3);
  CrashWorld(other, other, {}).backup(3);
  FindingList findings;
  const OpenOptions options{nullptr, &remembered};
  Repository::open(one, CrashWorld::credential(), options, findings);
  CHECK(kind_of([&] { Repository::open(other, CrashWorld::credential(), options, findings); }) ==
        ErrorKind::damaged);
}

}  // namespace coppice::test
