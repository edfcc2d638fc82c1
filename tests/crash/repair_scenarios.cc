#include <algorithm>
#include <iterator>
#include <stdexcept>

#include "crash_world.h"
#include "repair/repair.h"
#include "repo/object_names.h"
#include "support/repository_objects.h"

/// Repairs that are driven through every cut, each of a repository that is damaged so that it has
/// something to do.
namespace coppice::test {
namespace {

using Names = std::set<std::string>;

/// Files whose names begin so, side files left out.
Names files(CrashWorld& world, const std::string& prefix) {
  Names names;
  for (const ObjectInfo& object : world.store().list(prefix)) {
    if (!object.name.ends_with(".copy") && !object.name.ends_with(".par"))
      names.insert(object.name);
  }
  return names;
}

std::string added_since(CrashWorld& world, const std::string& prefix, const Names& before) {
  for (const std::string& name : files(world, prefix)) {
    if (!before.contains(name)) return name;
  }
  throw std::logic_error("nothing was added to " + prefix);
}

void flip(CrashWorld& world, const std::string& name, std::uint64_t offset) {
  const std::uint64_t size = world.store().size(name).value();
  Bytes bytes = world.store().read_all(name, size);
  std::uint8_t& byte = bytes.at(static_cast<std::size_t>(std::min(offset, size - 1)));
  byte = static_cast<std::uint8_t>(byte ^ 0x21U);
  world.store().put(name, bytes);
}

void lose(CrashWorld& world, const std::string& name) {
  world.store().remove(name);
  world.store().remove(copy_name(name));
}

/// Some of every kind of file, none of it in both copies: a large pack with parity among them.
void much_is_healable(CrashWorld& world) {
  world.init();
  world.backup(1);
  const Names first = files(world, "packs/");
  world.backup(2);
  const std::string second = added_since(world, "packs/", first);
  const Names small = files(world, "packs/");
  world.backup(Versions::kLarge);
  const std::string large = added_since(world, "packs/", small);
  add_index_object(*world.open());
  flip(world, *first.begin(), 100);
  world.store().remove(copy_name(second));
  flip(world, large, 300'000);
  flip(world, *files(world, "index/").begin(), 60);
  const Names log = files(world, "log/");
  flip(world, *log.rbegin(), 40);
  world.store().remove(copy_name(*std::next(log.begin(), 2)));
  flip(world, copy_name(kHeaderName), 10);
  flip(world, *files(world, "slots/").begin(), 10);
  world.store().remove(kReadmeName);
}

/// Nothing that was found to be lost.
bool is_healed(const RepairResult& result, const FindingList& findings) {
  return result.lost == 0 && result.lost_packs.empty() &&
         findings.count(Finding::Weight::damaged) == 0;
}

void repair_files(CrashWorld& world) {
  FindingList told;
  repair_packs(world.store(), nullptr, world.pool, {}, told);
}

CrashStore::Contents& other_repository() {
  static CrashStore::Contents contents;
  return contents;
}

/// The other repository is a copy from before the damage.
void second_pack_is_lost(CrashWorld& world) {
  world.init();
  world.backup(1);
  const Names before = files(world, "packs/");
  world.backup(2);
  CrashStore::Contents& intact = other_repository();
  intact.clear();
  for (const ObjectInfo& object : world.store().list("")) {
    intact[object.name] =
        std::make_shared<const Bytes>(world.store().read_all(object.name, object.size));
  }
  lose(world, added_since(world, "packs/", before));
  world.release(2);
}

void repair_from_other(CrashWorld& world) {
  CrashStore other(other_repository());
  FindingList told;
  const RepairResult result = repair_packs(world.store(), &other, world.pool, {}, told);
  if (is_healed(result, told)) world.promise(2);
}

/// The block of version 2 that holds what only its files have, in both copies; its trees are whole.
void second_version_is_hurt(CrashWorld& world) {
  world.init();
  world.backup(1);
  world.backup(2);
  const auto repository = world.open();
  const LoadedIndex loaded = repository->load_index({}, world.findings);
  const std::string text = Versions::content(2).at("sub/text");
  const Id id = repository->keyring().identity(ChunkClass::data).id(as_bytes(text));
  for (const ChunkPlace& place : loaded.index.find(id)) {
    const std::string pack = pack_name(place.pack_record().name);
    for (const std::string& name : {pack, copy_name(pack)})
      flip(world, name, place.block_record().offset + 7);
  }
  world.release(2);
}

void repair_and_mark(CrashWorld& world) {
  FindingList told;
  RepairResult result = repair_packs(world.store(), nullptr, world.pool, {}, told);
  mark_lost_packs(*world.open(), {}, result, told);
}

void second_version_is_marked(CrashWorld& world) {
  second_version_is_hurt(world);
  repair_and_mark(world);
}

/// What takes the place of version 2 is promised by its negative number.
void remake_snapshots(CrashWorld& world) {
  FindingList told;
  std::vector<RepairedSnapshot> repaired;
  repair_snapshots(*world.open(), world.pool, {}, "test", repaired, told);
  if (!repaired.empty()) world.promise(-2);
}

/// What is lost is that version 1 was forgotten.
void forget_entry_is_lost(CrashWorld& world) {
  world.init();
  world.backup(1);
  world.backup(2);
  const Names before = files(world, "log/");
  world.forget({1});
  const std::string entry = added_since(world, "log/", before);
  world.backup(3);
  lose(world, entry);
}

void void_entries(CrashWorld& world) {
  FindingList told;
  repair_log(*world.open(), {}, told);
}

void index_object_is_lost(CrashWorld& world) {
  world.init();
  world.backup(1);
  world.backup(2);
  add_index_object(*world.open());
  const std::string index = *files(world, "index/").begin();
  for (const std::string& name : {index, copy_name(index)}) flip(world, name, 60);
}

void remake_index(CrashWorld& world) {
  FindingList told;
  repair_index(*world.open(), {}, told);
}

}  // namespace

std::vector<CrashScenario> repair_scenarios() {
  constexpr auto kWhole = CrashScenario::Effort::whole;
  return {
      {"repair packs", much_is_healable, repair_files, kWhole, {repair_files, false, {}}},
      {"repair packs from another repository",
       second_pack_is_lost,
       repair_from_other,
       kWhole,
       {repair_from_other, true, {}}},
      {"repair packs marks what is lost",
       second_version_is_hurt,
       repair_and_mark,
       kWhole,
       {repair_and_mark, true, {2}}},
      {"repair snapshots",
       second_version_is_marked,
       remake_snapshots,
       kWhole,
       {remake_snapshots, true, {2}}},
      {"repair log", forget_entry_is_lost, void_entries, kWhole, {void_entries, true, {}}},
      {"repair index", index_object_is_lost, remake_index, kWhole, {remake_index, true, {}}},
  };
}

}  // namespace coppice::test
