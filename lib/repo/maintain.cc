#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <string>

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
/// Where there are many snapshots a checkpoint is large: then there are more entries between two,
/// this share of the snapshots, so that all checkpoints together stay within a multiple of the
/// last.
constexpr std::uint64_t kSnapshotsToAnEntry = 8;
constexpr std::uint64_t kMaxTwinBytes = 1 << 20;

/// Puts the file that is missing of a text and its second copy: whoever wrote them was interrupted
/// in between. One that is there and damaged is for `repair`. `expect` throws for a text that is
/// not what it should be.
void complete_twin(Store& store, const std::string& name,
                   const std::function<void(ByteView)>& expect) {
  const std::string copy = copy_name(name);
  const bool is_there = store.size(name).has_value();
  if (is_there == store.size(copy).has_value()) return;
  const Bytes text = store.read_all(is_there ? name : copy, kMaxTwinBytes);
  expect(text);
  store.put_if_absent(is_there ? copy : name, text);
}

void complete_texts(Store& store) {
  complete_twin(store, kHeaderName, [](ByteView text) { decode_header(text); });
  std::set<std::string> slots;
  for (std::string& name : store.names("slots/")) {
    if (name.ends_with(".copy")) name.resize(name.size() - std::string_view(".copy").size());
    slots.insert(std::move(name));
  }
  for (const std::string& name : slots)
    complete_twin(store, name, [](ByteView text) { parse_slot(text); });
}

/// The second files of log entries whose writers died, or met a full disk, before they had put
/// them.
void complete_log(Store& store) {
  const std::vector<std::string> names = store.names("log/");  // sorted: the copy follows at once
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::optional<std::uint64_t> number = log_number_of(names[i]);
    if (!number || names[i] != log_entry_name(*number)) continue;  // or it is such a second file
    const std::string copy = copy_name(names[i]);
    if (i + 1 < names.size() && names[i + 1] == copy) continue;
    try {
      const Bytes file = store.read_all(names[i], kMaxLogEntryBytes);
      parse_log_entry(file);
      store.put_if_absent(copy, file);
    } catch (const Error& error) {  // per item: for `repair`, or collected meanwhile
      if (!error.is_about_bytes()) throw;
    }
  }
}

}  // namespace

/// Of packs that came since the last time; reading all index objects to be sure would cost more
/// than a pack that is opened for its table now and then.
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
  append([&](const LogState& latest) {
    latest.objects.expect_not_deleted(added);
    return LogAppend{LogEntryType::index_set, added, {}, {}, encode_names({})};
  });
}

void Repository::maintain(FindingSink& findings) {
  if (state().is_read_only()) return;
  const bool is_long = state().next_number - state().checkpoint_field() >=
                       std::max<std::uint64_t>(kEntriesBeforeCheckpoint,
                                               state().snapshots.size() / kSnapshotsToAnEntry);
  // A reader that starts from a checkpoint cannot tell which packs before it have no index object.
  const std::size_t enough = is_long ? 1 : kTablesBeforeIndex;
  try {
    complete_texts(store_);
    complete_log(store_);
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
