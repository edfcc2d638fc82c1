#pragma once
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "index/index.h"
#include "repo/object_reader.h"
#include "repo/repository.h"
#include "repo/side_file.h"
#include "task/thread_pool.h"

namespace coppice {

/// All pack tables, as an index that owes nothing to index objects or caches.
struct PackTables {
  Index index;  ///< one run, or none; every pack readable
  /// Packs of which something was wrong so far: to be read whole.
  std::set<Id> suspects;
  /// Packs whose table opens neither from the pack nor from its side file. Other readers may not
  /// look for it in index objects.
  std::set<Id> unopened;
  /// Packs of which these index objects tell something else than the pack: either is wrong.
  std::map<Id, std::set<Id>> contradicted;
  /// Tables that had to come from elsewhere than the pack itself.
  std::map<Id, Bytes> rescued;
  /// Packs whose table nobody has: what is in them is unknown.
  std::set<Id> unreadable;
};

/// Reads and judges the tables of all live packs and compares the index objects with them. Reports
/// "table_damaged", "table_forged", "index_damaged", "index_missing" and
/// damaged side files of index objects; what is wrong with packs is left for whoever reads them
/// whole. `on_object` is called with each name when it is done.
PackTables read_pack_tables(const Repository& repository, ThreadPool& pool,
                            const ObjectReader& reader,
                            const std::function<void(const std::string&)>& on_object,
                            FindingSink& findings);

}  // namespace coppice
