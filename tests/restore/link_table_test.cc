#include "restore/link_table.h"

#include <doctest/doctest.h>

#include <map>
#include <random>

namespace coppice::test {
namespace {

std::shared_ptr<OutputDirectory> output_directory(OutputDirectoryPtr parent,
                                                  const std::string& name, std::uint64_t inode) {
  auto directory = std::make_shared<OutputDirectory>();
  directory->parent = std::move(parent);
  directory->name = name;
  if (!directory->parent) directory->target_path = "/";
  directory->device = 7;
  directory->inode = inode;
  return directory;
}

PlannedEntry linked_entry(const OutputDirectoryPtr& directory, const std::string& name,
                          std::uint64_t inode, std::uint32_t links = 3) {
  PlannedEntry entry;
  entry.directory = directory;
  entry.node.name = name;
  entry.node.meta.inode = inode;
  entry.node.meta.links = links;
  return entry;
}

}  // namespace

TEST_CASE("a link map finds what was put into it, also after others were taken out") {
  LinkMap<std::uint32_t> map(4096);
  std::map<std::uint64_t, std::uint32_t> wanted;
  std::mt19937_64 generator(1);
  for (std::uint32_t step = 0; step < 50'000; ++step) {
    const std::uint64_t inode = generator() % 3000;
    const LinkKey key{inode % 2, inode};
    if (generator() % 3 == 0 && wanted.contains(inode)) {
      map.erase(key);
      wanted.erase(inode);
    } else {
      map.find_or_add(key) = wanted[inode] = step + 1;
    }
  }
  CHECK(map.size() == wanted.size());
  bool is_right = true;
  for (std::uint64_t inode = 0; inode < 3000; ++inode) {
    const std::uint32_t* found = map.find({inode % 2, inode});
    const auto known = wanted.find(inode);
    is_right = is_right && (known == wanted.end() ? found == nullptr
                                                  : found != nullptr && *found == known->second);
  }
  CHECK(is_right);
}

TEST_CASE("what a window has in hand is shared by all names of the file") {
  LinkTable table(0);
  const auto top = output_directory(nullptr, "", 1);
  PlannedEntry first = linked_entry(top, "first", 100);
  table.take(first, 0);
  table.put_away(0);
  PlannedEntry second = linked_entry(top, "second", 100);
  table.take(second, 0);
  CHECK(first.is_first_name);
  CHECK(!second.is_first_name);
  CHECK(first.link == second.link);
}

TEST_CASE("what no window has in hand is put away, and comes back with its directory and fate") {
  LinkTable table(0);
  const auto top = output_directory(nullptr, "", 1);
  {
    auto deep = output_directory(output_directory(top, "a", 2), "b", 3);
    PlannedEntry nested = linked_entry(deep, "nested", 100);
    PlannedEntry at_top = linked_entry(top, "at-top", 200);
    table.take(nested, 0);
    table.take(at_top, 0);
    nested.link->state = LinkSource::State::restored;
    at_top.link->state = LinkSource::State::impossible;
    at_top.link->errno_value = 95;
    at_top.link->keeps_inode = true;
  }
  table.put_away(1);
  CHECK(table.live() == 0);
  PlannedEntry nested = linked_entry(top, "other", 100);
  table.take(nested, 4);
  CHECK(!nested.is_first_name);
  CHECK(nested.link->state == LinkSource::State::restored);
  CHECK(nested.link->path() == "/a/b/nested");
  CHECK(nested.link->directory->inode == 3);
  CHECK(nested.link->directory->device == 7);
  CHECK(nested.link->directory->parent->inode == 2);
  CHECK(nested.link->directory->parent->parent == top);
  PlannedEntry at_top = linked_entry(top, "another", 200);
  table.take(at_top, 4);
  CHECK(at_top.link->directory == top);
  CHECK(at_top.link->state == LinkSource::State::impossible);
  CHECK(at_top.link->errno_value == 95);
  CHECK(at_top.link->keeps_inode);
}

TEST_CASE("a file is forgotten with its last name, and put away any number of times") {
  LinkTable table(0);
  const auto top = output_directory(nullptr, "", 1);
  for (std::uint64_t window = 0; window < 3; ++window) {
    PlannedEntry entry = linked_entry(top, "name", 100);
    table.take(entry, window);
    CHECK(entry.is_first_name == (window == 0));
    entry.link->state = LinkSource::State::restored;
    entry = {};
    table.put_away(window + 1);
  }
  PlannedEntry anew = linked_entry(top, "anew", 100);
  table.take(anew, 3);
  CHECK(anew.is_first_name);
}

}  // namespace coppice::test
