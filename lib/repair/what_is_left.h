#pragma once
#include <set>

#include "index/index.h"
#include "repo/pack_listing.h"
#include "repo/repository.h"
#include "snapshot/reference.h"

namespace coppice {

/// Tells which contents of trees can still be had, without reading any: by what is listed at its
/// right size and not marked damaged in the log. Trees themselves are read. Remembers the trees
/// that are whole, so that many snapshots of one source cost little more than one. Memory: 40 bytes
/// a directory. Used by one thread.
class WhatIsLeft {
 public:
  /// All must outlive it.
  WhatIsLeft(const Repository& repository, const Index& index, MetadataSource& trees);

  /// Takes a pack for lost.
  void forget(const Id& pack) { listed_.erase(pack); }
  /// True if a data chunk is there.
  bool has_data(const Id& id, std::uint64_t length) const {
    return has_chunk(ChunkClass::data, id, length);
  }

  /// True if all chunks of a regular file are there. Throws Error{damaged} if the list of them
  /// cannot be read.
  bool has_content(const Node& file) const;
  /// True if the directory and all beneath it is there.
  bool has_tree(const Reference& tree);

 private:
  bool is_there(const ChunkPlace& place, ChunkClass chunk_class, const Id& id) const;
  bool has_chunk(ChunkClass chunk_class, const Id& id, std::uint64_t length) const;
  bool has_plain(ChunkClass chunk_class, const Id& id) const;
  bool scan(const Reference& tree);

  const Repository& repository_;
  const Index& index_;
  MetadataSource& trees_;
  PackSizes listed_;
  std::set<std::pair<std::uint8_t, Id>> whole_;
  std::set<std::pair<std::uint8_t, Id>> hurt_;
};

}  // namespace coppice
