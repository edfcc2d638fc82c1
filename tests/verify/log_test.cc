#include <doctest/doctest.h>

#include "repo/log_entry.h"
#include "verify_world.h"

namespace coppice::test {
namespace {

Objects two_snapshots() {
  RepositoryFixture fixture;
  fixture.store_tree({file("a", "first")});
  fixture.store_tree({file("a", "second")});
  return objects_of(fixture.repository().store());
}

VerifyOptions expecting(const std::string& head) {
  VerifyOptions options;
  options.expected_head = head;
  return options;
}

void remove_twin(Objects& objects, const std::string& name) {
  objects.erase(name);
  objects.erase(copy_name(name));
}

}  // namespace

TEST_CASE("a log that was cut at its tail is found by the head that was noted down") {
  Objects objects = two_snapshots();
  const auto entries = names_of(objects, "log/");
  const std::string head = blake3(objects.at(entries.back())).hex();
  const std::string earlier = blake3(objects.at(entries[1])).hex().substr(0, 12);
  for (const std::string& expected : {head, head.substr(0, 8), earlier}) {
    CHECK(keyless(objects, expecting(expected)).exit() == 0);
    CHECK(keyed(objects, expecting(expected)).exit() == 0);
  }
  remove_twin(objects, entries.back());
  for (const Outcome& outcome :
       {keyless(objects, expecting(head)), keyed(objects, expecting(head))}) {
    CHECK(outcome.exit() == 13);
    CHECK(outcome.findings.has("log_rolled_back", "log"));
  }
  CHECK(keyed(objects, expecting(earlier)).exit() == 0);
}

TEST_CASE("an expected head must be eight hex digits at least") {
  const Objects objects = two_snapshots();
  for (const char* head : {"1234567", "1234567G", "ABCDEF12"}) {
    CHECK(keyless(objects, expecting(head)).thrown == ErrorKind::usage);
    CHECK(keyed(objects, expecting(head)).thrown == ErrorKind::usage);
  }
}

TEST_CASE("an entry that is missing or belongs elsewhere is found") {
  const Objects intact = two_snapshots();
  const auto entries = names_of(intact, "log/");
  Objects missing = intact;
  remove_twin(missing, entries[entries.size() - 2]);
  CHECK(keyless(missing).findings.has("log_entry_damaged", entries[entries.size() - 2]));
  CHECK(keyless(missing).exit() == 13);
  CHECK(keyed(missing).exit() == 13);
  Objects foreign = intact;
  const Objects other = two_snapshots();
  for (const std::string& name : {entries.back(), copy_name(entries.back())})
    foreign[name] = other.at(name);
  CHECK(keyless(foreign).exit() == 13);
  CHECK(keyed(foreign).exit() == 13);
}

TEST_CASE("a store without a repository is none, and one without a log is damaged") {
  CHECK(keyless({}).thrown == ErrorKind::no_repository);
  CHECK(keyless({{"photo.jpg", Bytes(10)}}).thrown == ErrorKind::no_repository);
  Objects objects = two_snapshots();
  for (const std::string& name : names_of(objects, "log/")) remove_twin(objects, name);
  CHECK(keyless(objects).exit() == 13);
  CHECK(keyed(objects).exit() == 13);
}

}  // namespace coppice::test
