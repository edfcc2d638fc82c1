#include <set>
#include <utility>

#include "base/error.h"
#include "repair/repair.h"
#include "repair/repair_session.h"
#include "repair/what_is_left.h"
#include "repo/chunk_reader.h"
#include "repo/role_rights.h"
#include "snapshot/snapshot_record.h"
#include "snapshot/stored_metadata.h"
#include "snapshot/tree_reader.h"

/// `repair packs --from`, second part: another repository of the family has other packs, but chunks
/// of the same ids. All trees of all snapshots are walked, and what is lost is read there and
/// stored here; an index set entry names the new packs.
///
/// Such an entry has no room for the boxes of a session, so the session's record alone opens what
/// was stored: it must be live from the entry on.
namespace coppice {
namespace {

/// A collector may take this machine for dead, and delete what nothing names yet, so many times.
constexpr int kAttempts = 16;

/// A repository and the way to its chunks: those that its log names. Packs of an interrupted backup
/// do not count, for no entry of this job would name them.
struct Chunks {
  Chunks(Repository& repository, FindingSink& findings)
      : loaded(repository.load_index({}, findings)),
        blocks(repository.store(), loaded.index, repository.secrets()),
        reader(blocks, repository.keyring()) {}

  LoadedIndex loaded;
  BlockSource blocks;
  ChunkReader reader;
};

/// Drops what loading an index reports: repair_packs has told it.
class Silence final : public FindingSink {
 public:
  void report(const Finding&) override {}
};

/// One attempt.
class Refill final : public MetadataSource {
 public:
  Refill(Repository& repository, Repository& other, ThreadPool& pool, const RepairOptions& options)
      : repository_(repository),
        options_(options),
        session_(options.is_dry_run ? nullptr : std::make_unique<RepairSession>(repository)),
        own_(repository, silence_),
        other_(other, silence_),
        own_trees_(own_.reader),
        left_(repository, own_.loaded.index, own_trees_) {
    if (session_ != nullptr) writer_ = session_->make_writer(pool, nothing_);
  }

  /// A metadata chunk, from here or, stored anew, from there.
  Bytes get(const Id& id) override;
  void forget(const Id& pack) { left_.forget(pack); }
  void walk_snapshots();
  /// Appends what was stored. False, and nothing was appended, if a collector has deleted any of
  /// it.
  bool finish();
  void tell(RepairResult& result, FindingSink& findings) const;
  bool has_all() const { return still_lost_ == 0; }

 private:
  void walk(const Reference& tree);
  void refill_content(const Node& file);
  void store(ChunkClass chunk_class, const Id& id, ByteView bytes);

  Repository& repository_;
  const RepairOptions& options_;
  Silence silence_;
  std::unique_ptr<RepairSession> session_;  // null: a dry run. Before the log's index is loaded
  Chunks own_;
  Chunks other_;
  StoredMetadata own_trees_;
  WhatIsLeft left_;
  const Index nothing_;  // what is lost was found out here: the writer is not to doubt it
  std::unique_ptr<ChunkWriter> writer_;  // null: a dry run
  std::set<std::pair<std::uint8_t, Id>> walked_;
  std::set<Id> fetched_;
  std::uint64_t still_lost_ = 0;
};

void Refill::store(ChunkClass chunk_class, const Id& id, ByteView bytes) {
  fetched_.insert(id);
  if (writer_ != nullptr) writer_->put(chunk_class, id, bytes);
}

Bytes Refill::get(const Id& id) {
  try {
    return own_.reader.get(ChunkClass::metadata, id);
  } catch (const Error& error) {
    if (!error.is_about_bytes()) throw;
  }
  Bytes bytes = other_.reader.get(ChunkClass::metadata, id);
  store(ChunkClass::metadata, id, bytes);
  return bytes;
}

void Refill::refill_content(const Node& file) {
  ContentCursor extents(*this, file);
  while (const ContentExtent* extent = extents.next()) {
    const bool is_there = extent->is_hole || fetched_.contains(extent->id) ||
                          left_.has_data(extent->id, extent->length);
    if (is_there) continue;
    if (options_.stop != nullptr) options_.stop->check();
    try {
      store(ChunkClass::data, extent->id, other_.reader.get(ChunkClass::data, extent->id));
    } catch (const Error& error) {  // per item
      if (!error.is_about_bytes()) throw;
      ++still_lost_;
    }
  }
}

void Refill::walk(const Reference& tree) {
  if (!walked_.emplace(tree.levels, tree.id).second) return;
  if (options_.stop != nullptr) options_.stop->check();
  try {
    TreeCursor nodes(*this, tree);
    while (const Node* node = nodes.next()) {
      if (node->meta.type == FileType::regular) refill_content(*node);
      if (node->subtree) walk(Reference(*node->subtree));
    }
  } catch (const Error& error) {  // per item
    if (!error.is_about_bytes()) throw;
    ++still_lost_;
  }
}

void Refill::walk_snapshots() {
  for (const LoggedSnapshot* logged : repository_.state().visible_snapshots()) {
    try {
      walk(*decode_snapshot(logged->record).root.subtree);
    } catch (const Error& error) {  // per item: a damaged record is told by verify
      if (!error.is_about_bytes()) throw;
      ++still_lost_;
    }
  }
}

bool Refill::finish() {
  if (writer_ == nullptr) return true;
  writer_->finish();
  const std::vector<ObjectRef> objects = writer_->take_objects();
  return objects.empty() || append_unless_deleted(repository_, [&](const LogState&) {
           return LogAppend{LogEntryType::index_set, objects, {}, {}, encode_names({})};
         });
}

void Refill::tell(RepairResult& result, FindingSink& findings) const {
  if (writer_ != nullptr) result.bytes_written += writer_->packed_bytes();
  if (fetched_.empty()) return;
  findings.report({Finding::Weight::note, "refilled", "packs",
                   std::to_string(fetched_.size()) +
                       (writer_ != nullptr ? " lost chunks were" : " lost chunks would be") +
                       " taken from the other repository and stored anew"});
}

void expect_refill_rights(const Keyring& keyring) {
  if (!may_append(keyring.role(), LogEntryType::index_set)) {
    throw Error(ErrorKind::refused,
                "a reader's slot may not add what the other repository has; use an owner's");
  }
}

}  // namespace

bool refill_from(Repository& repository, Repository& other, ThreadPool& pool,
                 const RepairOptions& options, RepairResult& result, FindingSink& findings) {
  if (other.parameters().family_name != repository.parameters().family_name) {
    findings.report({Finding::Weight::note, "not_family", other.store().description(),
                     "is of another family: its chunks have other names, so only a backup of the "
                     "live files, or `coppice copy`, can bring back what is lost"});
    return false;
  }
  expect_refill_rights(repository.keyring());
  for (int attempt = 1; attempt <= kAttempts; ++attempt) {
    Refill refill(repository, other, pool, options);
    if (options.is_dry_run) {
      for (const LostPack& pack : result.lost_packs) refill.forget(pack.name);
    }
    refill.walk_snapshots();
    if (!refill.finish()) continue;
    refill.tell(result, findings);
    return refill.has_all();
  }
  throw_collected("repair packs");
}

}  // namespace coppice
