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

/// Of packs that came since the last time; reading all index objects to be sure would cost more than
/// a pack that is opened for its table now and then.
void Repository::merge_tables() {
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
  const std::set<Id> packs = state().unindexed;
  for (const Id& name : packs) {
    const ObjectRef& pack = *state().objects.find(name);
    tables.push_back({name, pack.length, read_pack_table(store_, keyring_, name, pack.length)});
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
  const bool is_long =
      state().next_number - state().checkpoint_field() >= kEntriesBeforeCheckpoint;
  // A reader that starts from a checkpoint cannot tell which packs before it have no index object.
  const std::size_t enough = is_long ? 1 : kTablesBeforeIndex;
  try {
    if (state().unindexed.size() >= enough &&
        may_append(keyring_.role(), LogEntryType::index_set)) {
      merge_tables();
    }
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
