#include <algorithm>
#include <utility>

#include "base/error.h"
#include "crypto/hash.h"
#include "repair/repair.h"
#include "repair/repair_plan.h"
#include "repair/signed_tables.h"
#include "repo/object_names.h"
#include "repo/role_rights.h"
#include "repo/side_file.h"

/// `repair index`: index objects are a convenience; the packs' own tables say the same.
namespace coppice {
namespace {

class IndexRepair {
 public:
  IndexRepair(Repository& repository, const RepairOptions& options, FindingSink& findings)
      : repository_(repository), options_(options), findings_(findings), tables_(repository) {}

  RepairResult run();

 private:
  void read_packs();
  void judge_index_objects();
  void judge_tables(const Id& name, const std::vector<IndexedTable>& tables);
  std::uint64_t rebuild();
  void put_object(std::vector<IndexedTable>& tables, std::vector<ObjectRef>& added);
  std::optional<Bytes> table_of(const ObjectRef& pack) const;

  const LogState& state() const { return repository_.state(); }
  bool may_delete() const {
    return may_append(repository_.keyring().role(), LogEntryType::remove) &&
           !state().collection_is_stopped();
  }

  Repository& repository_;
  const RepairOptions& options_;
  FindingSink& findings_;
  const SignedTables tables_;
  std::map<Id, Id> hashes_;                // pack → hash of the table in it
  std::vector<ObjectRef> without_table_;   // packs whose own table is lost
  std::map<Id, std::string> bad_objects_;  // index object → why
  std::set<Id> unreadable_;                // of them, those that nobody can read
  std::uint64_t written_ = 0;
};

void IndexRepair::read_packs() {
  for (const auto& [name, object] : state().objects.live()) {
    if (object.kind != ObjectKind::pack) continue;
    if (options_.stop != nullptr) options_.stop->check();
    if (const auto table = tables_.from_pack(object)) {
      hashes_.emplace(name, blake3(*table));
    } else {
      without_table_.push_back(object);
    }
  }
}

void IndexRepair::judge_tables(const Id& name, const std::vector<IndexedTable>& tables) {
  for (const IndexedTable& entry : tables) {
    const auto hash = hashes_.find(entry.pack);
    if (hash != hashes_.end() && hash->second != blake3(entry.table))
      bad_objects_[name] = "tells something else than pack " + entry.pack.short_hex();
  }
}

void IndexRepair::judge_index_objects() {
  for (const auto& [name, object] : state().objects.live()) {
    if (object.kind != ObjectKind::index) continue;
    const bool is_used = state().index_names.contains(name);
    const auto tables = tables_.in_index_object(object);
    if (!tables && (is_used || may_delete())) {
      bad_objects_[name] = "cannot be read";
      unreadable_.insert(name);
    } else if (tables && is_used) {
      judge_tables(name, *tables);
    }
  }
}

/// The pack's own, else what an index object still has of it.
std::optional<Bytes> IndexRepair::table_of(const ObjectRef& pack) const {
  auto table = tables_.from_pack(pack);
  return table ? std::move(table) : tables_.from_index(pack);
}

void IndexRepair::put_object(std::vector<IndexedTable>& tables, std::vector<ObjectRef>& added) {
  if (tables.empty()) return;
  const std::uint64_t epoch = state().newest_epoch();
  const Bytes bytes = encode_index_object(
      tables, epoch, repository_.keyring().repository_key(epoch), repository_.id());
  const Id name = blake3(bytes);
  const Side side =
      put_with_side(repository_.store(), index_name(name), bytes, repository_.parity());
  added.push_back({ObjectKind::index, side, name, bytes.size()});
  written_ += bytes.size();
  tables.clear();
}

std::uint64_t IndexRepair::rebuild() {
  std::vector<ObjectRef> added;
  std::vector<IndexedTable> tables;
  std::uint64_t size = 0;
  for (const auto& [name, object] : state().objects.live()) {
    if (object.kind != ObjectKind::pack) continue;
    if (options_.stop != nullptr) options_.stop->check();
    auto table = table_of(object);
    if (!table) continue;  // told in the plan
    size += table->size();
    tables.push_back({name, object.length, std::move(*table)});
    if (size >= kIndexObjectTargetBytes) {
      put_object(tables, added);
      size = 0;
    }
  }
  put_object(tables, added);
  const std::vector<Id> replaced(state().index_names.begin(), state().index_names.end());
  repository_.append([&](const LogState& latest) {
    latest.objects.expect_not_deleted(added);
    return LogAppend{LogEntryType::index_set, added, {}, {}, encode_names(replaced)};
  });
  if (unreadable_.empty()) return written_;
  if (!may_delete()) {
    findings_.report({Finding::Weight::note, "index_stays", "index",
                      "index objects that nobody can read stay named in the log: an owner's "
                      "`coppice repair index` or `coppice prune` drops them"});
    return written_;
  }
  std::vector<ObjectRef> deleted;
  for (const Id& name : unreadable_) {
    const ObjectRef* object = state().objects.find(name);
    if (object != nullptr) deleted.push_back(*object);
  }
  repository_.append([&](const LogState&) {
    return LogAppend{LogEntryType::remove, {}, deleted, {}, encode_remove_body({})};
  });
  return written_;
}

RepairResult IndexRepair::run() {
  if (state().is_read_only()) {
    throw Error(ErrorKind::newer_version,
                "the repository was written by a newer coppice; this one only reads it");
  }
  if (!may_append(repository_.keyring().role(), LogEntryType::index_set)) {
    throw Error(ErrorKind::refused, "a reader's slot may not repair the index; use an owner's");
  }
  read_packs();
  judge_index_objects();
  RepairPlan plan;
  RepairResult result;
  for (const ObjectRef& pack : without_table_) {
    if (tables_.from_index(pack)) continue;
    plan.add_lost(pack_name(pack.name),
                  "its table cannot be read, and no index object has it: what is in it is unknown; "
                  "`coppice repair packs` may heal it");
  }
  if (!bad_objects_.empty()) {
    std::string why;
    for (const auto& [name, what] : bad_objects_) {
      why += (why.empty() ? "" : "; ") + index_name(name) + " " + what;
    }
    plan.add("index",
             why + ": make all index objects anew from the tables of " +
                 std::to_string(hashes_.size()) + " packs",
             [this] { return rebuild(); });
  }
  plan.carry_out(options_, result, findings_);
  return result;
}

}  // namespace

RepairResult repair_index(Repository& repository, const RepairOptions& options,
                          FindingSink& findings) {
  return IndexRepair(repository, options, findings).run();
}

}  // namespace coppice
