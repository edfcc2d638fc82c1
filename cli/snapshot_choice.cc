#include "snapshot_choice.h"

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "repo/block_source.h"
#include "repo/chunk_reader.h"
#include "snapshot/listing.h"
#include "snapshot/stored_metadata.h"
#include "snapshot/tree_reader.h"
#include "values.h"

namespace coppice {
namespace {

/// What reading trees takes; loaded when it is first needed, which mostly it is not.
class TreeLookup {
 public:
  TreeLookup(OpenedRepository& opened, FindingSink& findings)
      : opened_(opened), findings_(findings) {}

  bool contains(const ListedSnapshot& snapshot, const std::string& path) {
    if (!reading_) reading_ = std::make_unique<Reading>(opened_, findings_);
    return find_path(reading_->trees, snapshot.record.root, path).has_value();
  }

 private:
  struct Reading {
    Reading(OpenedRepository& opened, FindingSink& findings)
        : index(opened.repository->load_index({false, opened.index_cache_directory, true}, findings)
                    .index),
          blocks(*opened.store, index, opened.repository->secrets()),
          chunks(blocks, opened.repository->keyring()),
          trees(chunks) {}
    Index index;
    BlockSource blocks;
    ChunkReader chunks;
    StoredMetadata trees;
  };

  OpenedRepository& opened_;
  FindingSink& findings_;
  std::unique_ptr<Reading> reading_;
};

}  // namespace

void SnapshotWishes::declare(Syntax& syntax) {
  syntax.values("--host", "NAME", hosts, "only snapshots of this host");
  syntax.values("--tag", "TAG[,TAG]", tags,
                "only snapshots with all of these tags; repeated: or with those");
  syntax.values("--path", "PATH", paths, "only snapshots that were told to back up this path");
}

SnapshotFilter SnapshotWishes::filter() const {
  SnapshotFilter filter;
  filter.hosts = hosts;
  if (std::find(hosts.begin(), hosts.end(), "") != hosts.end())
    throw Error(ErrorKind::usage, "--host: an empty name is no host's");
  for (const std::string& list : tags) filter.tags.push_back(parse_tags("--tag", list));
  for (const std::string& path : paths) filter.paths.push_back(absolute_path(path));
  return filter;
}

bool can_read_trees(const Repository& repository) {
  return repository.keyring().class_key(repository.state().newest_epoch(), ChunkClass::metadata) !=
         nullptr;
}

ChosenSnapshot choose_snapshot(const Invocation& invocation, OpenedRepository& opened,
                               const std::string& word, const SnapshotWishes& wishes) {
  const SnapshotPath split = split_snapshot_path(word);
  const Catalog catalog = list_snapshots(opened.repository->state(), invocation.console);
  NameContext context;
  context.filter = wishes.filter();
  context.this_host = invocation.options.this_host();
  TreeLookup lookup(opened, invocation.console);
  if (split.path && *split.path != "/") {
    context.contains = [&](const ListedSnapshot& snapshot) {
      return lookup.contains(snapshot, *split.path);
    };
  }
  return {catalog.resolve(split.snapshot, context), split.path};
}

}  // namespace coppice
