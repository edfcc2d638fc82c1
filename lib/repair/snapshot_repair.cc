#include <algorithm>
#include <utility>

#include "base/error.h"
#include "repair/repair.h"
#include "repair/repair_session.h"
#include "repair/what_is_left.h"
#include "repo/chunk_reader.h"
#include "repo/role_rights.h"
#include "snapshot/catalog.h"
#include "snapshot/snapshot_record.h"
#include "snapshot/stored_metadata.h"
#include "snapshot/tree_reader.h"
#include "snapshot/tree_writer.h"

/// `repair snapshots`: first all trees are walked, and every path that is lost is told; then the
/// new trees are stored, and only when they are durable, the new snapshots are appended. Only what
/// the log names counts as there: packs of an interrupted backup are for the next backup to adopt.
namespace coppice {
namespace {

/// Where rebuilt trees go; without a writer they are only named.
class RepairedTrees final : public MetadataSink {
 public:
  RepairedTrees(const ChunkIdentity& identity, ChunkWriter* writer)
      : identity_(identity), writer_(writer) {}

  Id put(ByteView encoded) override {
    const Id id = identity_.id(encoded);
    if (writer_ != nullptr) writer_->put(ChunkClass::metadata, id, encoded);
    return id;
  }

 private:
  const ChunkIdentity& identity_;
  ChunkWriter* writer_;
};

struct HurtSnapshot {
  Id id;
  SnapshotRecord record;
  std::uint64_t lost = 0;  ///< entries
};

class SnapshotRepair {
 public:
  SnapshotRepair(Repository& repository, ThreadPool& pool, const RepairOptions& options,
                 const std::string& program, std::vector<RepairedSnapshot>& repaired,
                 FindingSink& findings)
      : repository_(repository),
        pool_(pool),
        options_(options),
        program_(program),
        repaired_(repaired),
        findings_(findings),
        session_(options.is_dry_run ? nullptr : std::make_unique<RepairSession>(repository)),
        loaded_(repository.load_index({}, findings)),
        blocks_(repository.store(), loaded_.index, repository.secrets()),
        chunks_(blocks_, repository.keyring()),
        trees_(chunks_),
        left_(repository, loaded_.index, trees_) {}

  RepairResult run();

 private:
  struct Rebuilt {
    Reference tree;
    bool is_incomplete = false;
  };
  using OnLost = std::function<void(const std::string& path, const std::string& why)>;

  void decode_snapshots();
  bool was_repaired(const HurtSnapshot& snapshot);
  void plan(RepairResult& result);
  void store(RepairResult& result);
  SnapshotRecord make_record(const HurtSnapshot& snapshot, const Node& root) const;
  void append(const SnapshotRecord& record, const ChunkWriter& writer,
              const std::vector<ObjectRef>& objects);
  void expect_still_stored(const LogState& state) const;
  Node rebuild_root(const SnapshotRecord& record, MetadataSink& sink, const OnLost& on_lost);
  Rebuilt rebuild(const Reference& tree, const std::string& path, MetadataSink& sink,
                  const OnLost& on_lost);
  /// False if the entry is lost.
  bool keep(Node& node, const std::string& path, MetadataSink& sink, const OnLost& on_lost);
  const ChunkIdentity& identity() const {
    return repository_.keyring().identity(ChunkClass::metadata);
  }

  Repository& repository_;
  ThreadPool& pool_;
  const RepairOptions& options_;
  const std::string program_;
  std::vector<RepairedSnapshot>& repaired_;
  FindingSink& findings_;
  std::unique_ptr<RepairSession> session_;  // null: a dry run. Before the index is loaded
  LoadedIndex loaded_;
  BlockSource blocks_;
  ChunkReader chunks_;
  StoredMetadata trees_;
  WhatIsLeft left_;
  std::vector<HurtSnapshot> all_;
  std::vector<HurtSnapshot> hurt_;
};

void SnapshotRepair::decode_snapshots() {
  for (const LoggedSnapshot* logged : repository_.state().visible_snapshots()) {
    const std::string item = "snapshot " + logged->id.short_hex();
    try {
      SnapshotRecord record = decode_snapshot(logged->record);
      if (!is_snapshot_signed(logged->record)) throw_damaged("its signature is wrong");
      const std::vector<std::string> added(logged->added_tags.begin(), logged->added_tags.end());
      const std::vector<std::string> removed(logged->removed_tags.begin(),
                                             logged->removed_tags.end());
      record.tags = changed_tags(std::move(record.tags), added, removed);
      all_.push_back({logged->id, std::move(record)});
    } catch (const Error& error) {  // per item
      if (!error.is_about_bytes()) throw;
      findings_.report({Finding::Weight::damaged, "snapshot_damaged", item, error.what()});
    }
  }
}

bool SnapshotRepair::was_repaired(const HurtSnapshot& snapshot) {
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const HurtSnapshot& other) {
    return other.record.parent == snapshot.id && other.record.is_time_given &&
           other.record.time == snapshot.record.time && other.record.host == snapshot.record.host &&
           other.record.paths == snapshot.record.paths &&
           left_.has_tree(*other.record.root.subtree);
  });
  if (found == all_.end()) return false;
  findings_.report({Finding::Weight::note, "repaired_before", "snapshot " + snapshot.id.short_hex(),
                    "has lost content; " + found->id.short_hex() +
                        " was made without it: `coppice forget` the old one when you are done with "
                        "it"});
  return true;
}

bool SnapshotRepair::keep(Node& node, const std::string& path, MetadataSink& sink,
                          const OnLost& on_lost) {
  if (options_.stop != nullptr) options_.stop->check();
  if (node.meta.type == FileType::regular) {
    try {
      if (left_.has_content(node)) return true;
      on_lost(path, "some of its content is lost");
    } catch (const Error& error) {  // per item
      if (!error.is_about_bytes()) throw;
      on_lost(path, std::string("the list of its chunks is lost: ") + error.what());
    }
    return false;
  }
  if (node.subtree && !left_.has_tree(*node.subtree)) {
    const Rebuilt rebuilt = rebuild(*node.subtree, path, sink, on_lost);
    node.subtree = rebuilt.tree;
    node.incomplete = node.incomplete || rebuilt.is_incomplete;
  }
  return true;
}

SnapshotRepair::Rebuilt SnapshotRepair::rebuild(const Reference& tree, const std::string& path,
                                                MetadataSink& sink, const OnLost& on_lost) {
  TreeWriter writer(sink);
  bool is_incomplete = false;
  try {
    TreeCursor nodes(trees_, tree);
    while (Node* node = nodes.next()) {
      Node kept = *node;
      if (keep(kept, path + "/" + kept.name, sink, on_lost)) {
        writer.add(kept);
      } else {
        is_incomplete = true;
      }
    }
  } catch (const Error& error) {  // per item
    if (!error.is_about_bytes()) throw;
    is_incomplete = true;
    on_lost(path.empty() ? "/" : path,
            std::string("the list of its entries is lost from some name on: ") + error.what());
  }
  return {writer.finish(), is_incomplete};
}

Node SnapshotRepair::rebuild_root(const SnapshotRecord& record, MetadataSink& sink,
                                  const OnLost& on_lost) {
  Node root = record.root;
  const Rebuilt rebuilt = rebuild(*root.subtree, "", sink, on_lost);
  root.subtree = rebuilt.tree;
  root.incomplete = root.incomplete || rebuilt.is_incomplete;
  return root;
}

void SnapshotRepair::plan(RepairResult& result) {
  RepairedTrees nowhere(identity(), nullptr);
  for (HurtSnapshot& snapshot : all_) {
    if (left_.has_tree(*snapshot.record.root.subtree) || was_repaired(snapshot)) continue;
    const std::string id = snapshot.id.short_hex();
    rebuild_root(snapshot.record, nowhere, [&](const std::string& path, const std::string& why) {
      ++snapshot.lost;
      findings_.report({Finding::Weight::damaged, "content_lost", id + ":" + path, why});
    });
    if (options_.on_plan) {
      options_.on_plan({"snapshot " + id, "make a new one without " +
                                              std::to_string(snapshot.lost) +
                                              " lost entries, and keep this one"});
    }
    result.lost += snapshot.lost;
    ++result.planned;
    hurt_.push_back(snapshot);
  }
}

void SnapshotRepair::expect_still_stored(const LogState& state) const {
  const Index& index = loaded_.index;
  for (std::uint32_t r = 0; r < index.runs().size(); ++r) {
    const auto packs = index.runs()[r].packs();
    for (std::uint32_t p = 0; p < packs.size(); ++p) {
      if (index.use_of(r, p) == PackUse::absent) continue;  // it was when this was planned, too
      if (state.objects.is_deleted(packs[p].name) || state.condemned.contains(packs[p].name)) {
        throw Error(ErrorKind::failed,
                    "packs were deleted meanwhile: run `coppice repair snapshots` again");
      }
    }
  }
}

SnapshotRecord SnapshotRepair::make_record(const HurtSnapshot& snapshot, const Node& root) const {
  SnapshotRecord record = snapshot.record;
  record.is_time_given = true;
  record.is_incomplete = true;
  record.parent = snapshot.id;
  record.root = root;
  record.program_version = program_;
  record.summary.error_count += snapshot.lost;
  return record;
}

/// Every entry names all that was stored, which changes nothing after the first: so each of them is
/// refused if it is gone.
void SnapshotRepair::append(const SnapshotRecord& record, const ChunkWriter& writer,
                            const std::vector<ObjectRef>& objects) {
  const Keyring& keyring = repository_.keyring();
  SnapshotBody body;
  body.record =
      encode_snapshot(record, keyring.signing_key(), keyring.repository(), keyring.slot());
  if (const auto box = writer.session_box()) body.sessions.push_back(*box);
  LogAppend entry;
  entry.type = LogEntryType::snapshot;
  entry.adds = objects;
  entry.body = encode_snapshot_body(body);
  const bool is_appended = append_unless_deleted(repository_, [&](const LogState& state) {
    expect_still_stored(state);
    return entry;
  });
  if (!is_appended) throw_collected("repair snapshots");
  repaired_.push_back({*record.parent, snapshot_id(keyring.family().metadata_id_key, body.record)});
}

void SnapshotRepair::store(RepairResult& result) {
  const auto writer = session_->make_writer(pool_, loaded_.index);
  RepairedTrees sink(identity(), writer.get());
  std::vector<Node> roots;
  for (const HurtSnapshot& snapshot : hurt_) {
    roots.push_back(rebuild_root(snapshot.record, sink, [](const auto&, const auto&) {}));
  }
  writer->finish();
  const std::vector<ObjectRef> objects = writer->take_objects();
  for (std::size_t i = 0; i < hurt_.size(); ++i) {
    append(make_record(hurt_[i], roots[i]), *writer, objects);
    ++result.healed;
  }
  result.bytes_written = writer->packed_bytes();
}

RepairResult SnapshotRepair::run() {
  RepairResult result;
  decode_snapshots();
  plan(result);
  if (options_.is_dry_run) {
    result.healed = hurt_.size();
  } else if (!hurt_.empty()) {
    store(result);
  }
  return result;
}

void expect_rights(const Repository& repository) {
  if (repository.state().is_read_only()) {
    throw Error(ErrorKind::newer_version,
                "the repository was written by a newer coppice; this one only reads it");
  }
  const Keyring& keyring = repository.keyring();
  if (keyring.class_key(repository.state().newest_epoch(), ChunkClass::metadata) == nullptr)
    throw Error(ErrorKind::no_key, "this slot cannot read trees; use an owner's");
  if (!may_append(keyring.role(), LogEntryType::snapshot))
    throw Error(ErrorKind::refused, "this slot may not make snapshots; use an owner's");
}

}  // namespace

RepairResult repair_snapshots(Repository& repository, ThreadPool& pool,
                              const RepairOptions& options, const std::string& program,
                              std::vector<RepairedSnapshot>& repaired, FindingSink& findings) {
  expect_rights(repository);
  return SnapshotRepair(repository, pool, options, program, repaired, findings).run();
}

}  // namespace coppice
