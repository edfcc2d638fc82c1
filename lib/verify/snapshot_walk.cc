#include "verify/snapshot_walk.h"

#include "base/error.h"
#include "repo/in_order.h"
#include "snapshot/snapshot_record.h"

namespace coppice {
namespace {

std::vector<const LoggedSnapshot*> wanted_snapshots(const LogState& state,
                                                    const std::optional<Id>& only) {
  if (!only) return state.visible_snapshots();
  for (const LoggedSnapshot& snapshot : state.snapshots) {  // a forgotten one, too
    if (snapshot.id == *only && !state.is_void(snapshot)) return {&snapshot};
  }
  throw Error(ErrorKind::usage, "there is no snapshot " + only->short_hex());
}

/// Why the record's signature is not to be believed; empty if it is. The key of a slot of another
/// repository, from which the snapshot was copied, is known to nobody here.
std::string forgery(const Repository& repository, const LoggedSnapshot& logged,
                    const SnapshotRecord& record) {
  if (!is_snapshot_signed(logged.record)) return "its signature is wrong";
  if (record.origin.repository != repository.id()) return {};
  const auto certificate = repository.state().certificates.find(record.origin.slot);
  const bool is_known = certificate != repository.state().certificates.end() &&
                        certificate->second.body.signing_key == record.origin.key;
  return is_known ? "" : "is not signed by a slot of this repository, as it claims to be";
}

}  // namespace

std::vector<SnapshotRoot> sound_snapshots(const Repository& repository,
                                          const std::optional<Id>& only, FindingSink& findings) {
  std::vector<SnapshotRoot> roots;
  for (const LoggedSnapshot* logged : wanted_snapshots(repository.state(), only)) {
    const std::string item = "snapshot " + logged->id.short_hex();
    try {
      const SnapshotRecord record = decode_snapshot(logged->record);
      const std::string why = forgery(repository, *logged, record);
      if (!why.empty()) findings.report({Finding::Weight::damaged, "snapshot_forged", item, why});
      roots.push_back({logged->id, *record.root.subtree});
    } catch (const Error& error) {  // per item
      if (!error.is_about_bytes()) throw;
      findings.report({Finding::Weight::damaged, "snapshot_damaged", item, error.what()});
    }
  }
  return roots;
}

TreesWalked walk_trees(const TreeTools& tools, ThreadPool& pool,
                       const std::vector<SnapshotRoot>& snapshots, bool wants_packs,
                       const StopFlag* stop) {
  TreesWalked walked;
  ReferenceSet seen;
  // A stack: going deep first keeps it short; but a directory may have millions of others.
  ScratchVector<Reference> to_do(std::size_t{1} << 20);
  const auto add = [&](const Reference& tree) {
    if (seen.insert(tree)) to_do.push_back(tree);
  };
  // All roots at once, so that many small snapshots keep all workers busy.
  for (auto snapshot = snapshots.rbegin(); snapshot != snapshots.rend(); ++snapshot)
    add(snapshot->tree);
  for_each_as_they_come<Reference>(
      pool,
      [&]() -> std::optional<Reference> {
        if (stop != nullptr) stop->check();
        if (to_do.empty()) return std::nullopt;
        const Reference tree = to_do[to_do.size() - 1];
        to_do.resize(to_do.size() - 1);
        return tree;
      },
      [&](const Reference& tree) { return check_tree(tools, tree, wants_packs); },
      [&](const Reference&, TreeCheck check) {
        ++walked.trees;
        walked.is_hurt = walked.is_hurt || check.is_hurt;
        walked.bad_metadata.merge(check.bad_metadata);
        walked.packs.merge(check.packs);
        for (const Reference& subtree : check.subtrees) add(subtree);
      });
  return walked;
}

}  // namespace coppice
