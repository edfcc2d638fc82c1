#include "base/error.h"
#include "crypto/hash.h"
#include "index/index_object.h"
#include "repo/object_names.h"
#include "repo/pack_table.h"
#include "repo/repository.h"
#include "repo/role_rights.h"
#include "repo/side_file.h"

/// Upkeep after a backup (docs/format.md, sections 5 and 8): readers should find few files to open
/// and few log entries to read, however many backups there were.
namespace coppice {
namespace {

/// So many packs without an index object before their tables are merged, and so many entries
/// between checkpoints.
constexpr std::size_t kTablesBeforeIndex = 64;
constexpr std::uint64_t kEntriesBeforeCheckpoint = 128;

}  // namespace

std::vector<ObjectRef> Repository::packs_without_index(FindingSink& findings) const {
  std::set<Id> indexed;
  for (const Id& name : state().index_names) {
    try {
      const ObjectRef* object = state().objects.find(name);
      if (object == nullptr) continue;
      const Bytes bytes = read_index_object(store_, *object);
      const Secret32& key = keyring_.repository_key(index_object_epoch(bytes));
      for (const IndexedTable& table : decode_index_object(bytes, key, id()))
        indexed.insert(table.pack);
    } catch (const Error& error) {  // per item: its packs are then indexed anew
      if (!error.is_about_bytes()) throw;
      findings.report({Finding::Weight::healable, "index_damaged", index_name(name), error.what()});
    }
  }
  std::vector<ObjectRef> packs;
  for (const auto& [name, object] : state().objects.live()) {
    if (object.kind == ObjectKind::pack && !indexed.contains(name)) packs.push_back(object);
  }
  return packs;
}

void Repository::merge_tables(FindingSink& findings) {
  std::size_t live_packs = 0;
  for (const auto& [name, object] : state().objects.live())
    live_packs += object.kind == ObjectKind::pack ? 1U : 0U;
  if (live_packs < kTablesBeforeIndex) return;
  const std::vector<ObjectRef> packs = packs_without_index(findings);
  if (packs.size() < kTablesBeforeIndex) return;
  std::vector<ObjectRef> added;
  std::vector<IndexedTable> tables;
  std::uint64_t size = 0;
  const auto put_object = [&] {
    if (tables.empty()) return;
    const std::uint64_t epoch = state().newest_epoch();
    const Bytes bytes = encode_index_object(tables, epoch, keyring_.repository_key(epoch), id());
    const Id name = blake3(bytes);
    const Side side = put_with_side(store_, index_name(name), bytes, parity());
    added.push_back({ObjectKind::index, side, name, bytes.size()});
    tables.clear();
    size = 0;
  };
  for (const ObjectRef& pack : packs) {
    tables.push_back(
        {pack.name, pack.length, read_pack_table(store_, keyring_, pack.name, pack.length)});
    size += tables.back().table.size();
    if (size >= kIndexObjectTargetBytes) put_object();
  }
  put_object();
  append([&](const LogState&) {
    return LogAppend{LogEntryType::index_set, added, {}, {}, encode_names({})};
  });
}

void Repository::maintain(FindingSink& findings) {
  if (state().is_read_only()) return;
  try {
    if (may_append(keyring_.role(), LogEntryType::index_set)) merge_tables(findings);
    const bool is_long =
        state().next_number - state().checkpoint_field() >= kEntriesBeforeCheckpoint;
    if (is_long && may_append(keyring_.role(), LogEntryType::checkpoint) &&
        !state().collection_is_stopped()) {
      log_->append_checkpoint();
      remember_tail();
    }
  } catch (
      const Error& error) {  // the backup itself is safe and said so; upkeep comes again next time
    findings.report({Finding::Weight::note, "upkeep_failed", store_.description(), error.what()});
  }
}

}  // namespace coppice
