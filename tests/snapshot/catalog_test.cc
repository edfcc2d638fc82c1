#include "snapshot/catalog.h"

#include <doctest/doctest.h>

#include "snapshot/memory_metadata.h"

namespace coppice::test {
namespace {

ListedSnapshot made_snapshot(std::uint64_t number, std::uint8_t first_byte,
                             const std::string& host = "here") {
  ListedSnapshot snapshot;
  snapshot.id = made_id(first_byte, static_cast<std::uint32_t>(number));
  snapshot.number = number;
  snapshot.record.host = host;
  snapshot.record.paths = {"/etc", "/home"};
  // The clock runs backwards: nothing may go by it.
  snapshot.record.time.seconds = 1'000'000 - static_cast<std::int64_t>(number);
  return snapshot;
}

NameContext here() {
  NameContext context;
  context.this_host = "here";
  return context;
}

std::uint64_t number_of(const Catalog& catalog, const std::string& name,
                        const NameContext& context = here()) {
  return catalog.resolve(name, context).number;
}

/// The error's message, having checked its kind.
std::string message_of(const Catalog& catalog, const std::string& name, ErrorKind kind,
                       const NameContext& context = here()) {
  try {
    catalog.resolve(name, context);
  } catch (const Error& error) {
    CHECK(error.kind() == kind);
    return error.what();
  }
  FAIL("no error was thrown");
  return {};
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("an id prefix of any length names a snapshot") {
  const Catalog catalog({made_snapshot(3, 0xAB), made_snapshot(4, 0xCD)});
  CHECK(number_of(catalog, "a") == 3);
  CHECK(number_of(catalog, "ab03") == 3);
  CHECK(number_of(catalog, "CD") == 4);
  CHECK(number_of(catalog, made_id(0xCD, 4).hex()) == 4);
}

TEST_CASE("an ambiguous prefix is a usage error that lists the snapshots") {
  const Catalog catalog({made_snapshot(3, 0xAB), made_snapshot(4, 0xAB, "other\n")});
  const std::string message = message_of(catalog, "ab", ErrorKind::usage);
  CHECK(contains(message, made_id(0xAB, 3).short_hex()));
  CHECK(contains(message, made_id(0xAB, 4).short_hex()));
  CHECK(contains(message, "other\\n"));
  CHECK(number_of(catalog, "ab04") == 4);
}

TEST_CASE("a long list of candidates is cut short") {
  std::vector<ListedSnapshot> snapshots;
  for (std::uint64_t i = 0; i < 30; ++i) snapshots.push_back(made_snapshot(i, 0xAB));
  CHECK(contains(message_of(Catalog(snapshots), "ab", ErrorKind::usage), "and 20 more"));
}

TEST_CASE("what is neither an id nor latest is a usage error") {
  const Catalog catalog({made_snapshot(3, 0xAB)});
  for (const char* name : {"", "xyz", "latest~", "latest~x", "latest~-1", "latest1", "Latest",
                           "latest~1x", "latest~99999999999999999999"}) {
    CAPTURE(name);
    message_of(catalog, name, ErrorKind::usage);
  }
  message_of(catalog, std::string(65, 'a'), ErrorKind::usage);
}

TEST_CASE("a snapshot that is not there fails and says where to look") {
  const Catalog catalog({made_snapshot(3, 0xAB)});
  CHECK(contains(message_of(catalog, "ff", ErrorKind::failed), "coppice snapshots"));
  CHECK(contains(message_of(Catalog({}), "latest", ErrorKind::failed), "coppice backup"));
}

TEST_CASE("latest goes by order of receipt and not by time") {
  const Catalog catalog({made_snapshot(9, 1), made_snapshot(3, 2), made_snapshot(5, 3)});
  CHECK(number_of(catalog, "latest") == 9);
  CHECK(number_of(catalog, "latest~0") == 9);
  CHECK(number_of(catalog, "latest~1") == 5);
  CHECK(number_of(catalog, "latest~2") == 3);
  CHECK(contains(message_of(catalog, "latest~3", ErrorKind::failed), "only 3"));
}

TEST_CASE("latest passes over snapshots with a given time or from an import") {
  std::vector<ListedSnapshot> snapshots = {made_snapshot(1, 1), made_snapshot(2, 2),
                                           made_snapshot(3, 3)};
  snapshots[1].record.is_time_given = true;
  snapshots[2].record.is_imported = true;
  const Catalog catalog(snapshots);
  CHECK(number_of(catalog, "latest") == 1);
  CHECK(number_of(catalog, "02") == 2);
  CHECK(number_of(catalog, "03") == 3);
  const Catalog none({snapshots[1], snapshots[2]});
  CHECK(contains(message_of(none, "latest", ErrorKind::failed), "2 made with --time or by import"));
}

TEST_CASE("of several hosts this one is meant") {
  const Catalog catalog(
      {made_snapshot(1, 1, "here"), made_snapshot(2, 2, "there"), made_snapshot(3, 3, "far")});
  CHECK(number_of(catalog, "latest") == 1);
  message_of(catalog, "latest~1", ErrorKind::failed);

  NameContext stranger = here();
  stranger.this_host = "new";
  const std::string message = message_of(catalog, "latest", ErrorKind::usage, stranger);
  for (const char* host : {"here", "there", "far", "--host"}) CHECK(contains(message, host));

  stranger.filter.hosts = {"there"};
  CHECK(number_of(catalog, "latest", stranger) == 2);
  stranger.filter.hosts = {"there", "far"};
  CHECK(number_of(catalog, "latest", stranger) == 3);
  CHECK(number_of(catalog, "01", stranger) == 1);
}

TEST_CASE("a single other host needs no naming") {
  const Catalog catalog({made_snapshot(1, 1, "there"), made_snapshot(2, 2, "there")});
  CHECK(number_of(catalog, "latest") == 2);
}

TEST_CASE("hosts that only --time or forgotten snapshots have do not count") {
  std::vector<ListedSnapshot> snapshots = {made_snapshot(1, 1, "a"), made_snapshot(2, 2, "b"),
                                           made_snapshot(3, 3, "c")};
  snapshots[1].is_forgotten = true;
  snapshots[2].record.is_time_given = true;
  CHECK(number_of(Catalog(snapshots), "latest") == 1);
}

TEST_CASE("latest with a path that this host never had is the newest of the host that has it") {
  const Catalog catalog({made_snapshot(1, 1, "here"), made_snapshot(2, 2, "there"),
                         made_snapshot(3, 3, "there"), made_snapshot(4, 4, "far")});
  NameContext context = here();
  context.contains = [](const ListedSnapshot& snapshot) { return snapshot.record.host == "there"; };
  CHECK(number_of(catalog, "latest", context) == 3);
  context.contains = [](const ListedSnapshot& snapshot) { return snapshot.record.host != "here"; };
  const std::string message = message_of(catalog, "latest", ErrorKind::usage, context);
  for (const char* host : {"there", "far", "--host"}) CHECK(contains(message, host));
  context.contains = [](const ListedSnapshot&) { return false; };
  message_of(catalog, "latest", ErrorKind::failed, context);
}

TEST_CASE("latest with a path is the newest that contains it, asked newest first") {
  const Catalog catalog({made_snapshot(1, 1), made_snapshot(2, 2), made_snapshot(3, 3),
                         made_snapshot(4, 4, "there")});
  NameContext context = here();
  std::vector<std::uint64_t> asked;
  context.contains = [&](const ListedSnapshot& snapshot) {
    asked.push_back(snapshot.number);
    return snapshot.number <= 2;
  };
  CHECK(number_of(catalog, "latest", context) == 2);
  CHECK(asked == std::vector<std::uint64_t>{3, 2});
  CHECK(number_of(catalog, "latest~1", context) == 1);
  context.contains = [](const ListedSnapshot&) { return false; };
  CHECK(contains(message_of(catalog, "latest", ErrorKind::failed, context), "contains the path"));
  CHECK(number_of(catalog, "03", context) == 3);
}

TEST_CASE("forgotten snapshots are left out unless asked for") {
  std::vector<ListedSnapshot> snapshots = {made_snapshot(1, 1), made_snapshot(2, 2)};
  snapshots[1].is_forgotten = true;
  const Catalog catalog(snapshots);
  CHECK(number_of(catalog, "latest") == 1);
  CHECK(catalog.select({}).size() == 1);
  CHECK(catalog.all().size() == 2);
  CHECK(contains(message_of(catalog, "02", ErrorKind::failed), "coppice undelete 02"));
  NameContext context = here();
  context.filter.with_forgotten = true;
  CHECK(number_of(catalog, "02", context) == 2);
  CHECK(number_of(catalog, "latest", context) == 2);
  // A prefix that a kept and a forgotten one share means the kept one.
  CHECK(number_of(catalog, "0") == 1);
}

TEST_CASE("a snapshot listed twice is one: the newest that is not forgotten") {
  std::vector<ListedSnapshot> snapshots = {made_snapshot(1, 1), made_snapshot(1, 1),
                                           made_snapshot(1, 1)};
  snapshots[1].number = 5;
  snapshots[2].number = 7;
  snapshots[2].is_forgotten = true;
  const Catalog catalog(snapshots);
  CHECK(catalog.all().size() == 1);
  CHECK(number_of(catalog, "01") == 5);
  REQUIRE(catalog.find(made_id(1, 1)) != nullptr);
  CHECK(catalog.find(made_id(1, 1))->number == 5);
  CHECK(catalog.find(made_id(1, 2)) == nullptr);
}

TEST_CASE("filters ask for any host, any list of tags, and all paths") {
  std::vector<ListedSnapshot> snapshots = {made_snapshot(1, 1, "a"), made_snapshot(2, 2, "b"),
                                           made_snapshot(3, 3, "c")};
  snapshots[0].tags = {"x", "y"};
  snapshots[1].tags = {"x"};
  snapshots[2].record.paths = {"/etc"};
  const Catalog catalog(snapshots);
  const auto numbers = [&](const SnapshotFilter& filter) {
    std::vector<std::uint64_t> found;
    for (const ListedSnapshot* snapshot : catalog.select(filter)) found.push_back(snapshot->number);
    return found;
  };
  using Numbers = std::vector<std::uint64_t>;
  SnapshotFilter filter;
  CHECK(numbers(filter) == Numbers{1, 2, 3});
  filter.hosts = {"a", "c"};
  CHECK(numbers(filter) == Numbers{1, 3});
  filter = {};
  filter.tags = {{"x"}};
  CHECK(numbers(filter) == Numbers{1, 2});
  filter.tags = {{"x", "y"}};
  CHECK(numbers(filter) == Numbers{1});
  filter.tags = {{"x", "y"}, {""}};
  CHECK(numbers(filter) == Numbers{1, 3});
  filter = {};
  filter.paths = {"/home"};
  CHECK(numbers(filter) == Numbers{1, 2});
  filter.paths = {"/home", "/usr"};
  CHECK(numbers(filter).empty());
}

TEST_CASE("tags are those of the record with what the log changed") {
  const std::vector<std::string> added = {"b", "c"};
  const std::vector<std::string> removed = {"a"};
  CHECK(changed_tags({"a", "b"}, added, removed) == std::vector<std::string>{"b", "c"});
}

TEST_CASE("a snapshot and its path are cut at the first colon") {
  CHECK(split_snapshot_path("latest~2").snapshot == "latest~2");
  CHECK_FALSE(split_snapshot_path("latest~2").path);
  CHECK(split_snapshot_path("ab12:/etc/a:b").snapshot == "ab12");
  CHECK(split_snapshot_path("ab12:/etc/a:b").path == "/etc/a:b");
  for (const char* word : {"", ":", ":/etc", "ab12:", "ab12:etc"}) {
    CAPTURE(word);
    CHECK(kind_of_error([&] { split_snapshot_path(word); }) == ErrorKind::usage);
  }
}

}  // namespace
}  // namespace coppice::test
