#include "repair/what_is_left.h"

#include <algorithm>

#include "base/error.h"
#include "repo/object_names.h"
#include "snapshot/tree_reader.h"

namespace coppice {

WhatIsLeft::WhatIsLeft(const Repository& repository, const Index& index, MetadataSource& trees)
    : repository_(repository), index_(index), trees_(trees) {
  listed_ = list_packs(repository.store());
  for (const auto& [name, object] : repository.state().objects.live()) {
    if (object.kind != ObjectKind::pack || object.side != Side::copy) continue;
    if (listed_.contains(name)) continue;
    if (repository.store().size(copy_name(pack_name(name))) == object.length)
      listed_[name] = object.length;
  }
}

bool WhatIsLeft::is_there(const ChunkPlace& place, ChunkClass chunk_class, const Id& id) const {
  const PackRecord& pack = place.pack_record();
  const auto listed = listed_.find(pack.name);
  return listed != listed_.end() && listed->second == pack.length &&
         static_cast<ChunkClass>(place.block_record().chunk_class) == chunk_class &&
         !repository_.state().is_damaged(pack.name, {chunk_class, id});
}

bool WhatIsLeft::has_plain(ChunkClass chunk_class, const Id& id) const {
  const auto places = index_.find(id);
  return std::any_of(places.begin(), places.end(), [&](const ChunkPlace& place) {
    return !place.is_delta() && is_there(place, chunk_class, id);
  });
}

bool WhatIsLeft::has_chunk(ChunkClass chunk_class, const Id& id, std::uint64_t length) const {
  const auto places = index_.find(id);
  return std::any_of(places.begin(), places.end(), [&](const ChunkPlace& place) {
    if (place.length != length || !is_there(place, chunk_class, id)) return false;
    if (!place.is_delta()) return true;
    const auto bases = place.run->bases(place.block_record());
    return std::all_of(bases.begin(), bases.end(),
                       [&](const BlockBase& base) { return has_plain(chunk_class, base.id); });
  });
}

bool WhatIsLeft::has_content(const Node& file) const {
  ContentCursor extents(trees_, file);
  while (const ContentExtent* extent = extents.next()) {
    if (!extent->is_hole && !has_chunk(ChunkClass::data, extent->id, extent->length)) return false;
  }
  return true;
}

bool WhatIsLeft::has_tree(const Reference& tree) {
  const auto key = std::make_pair(tree.levels, tree.id);
  if (whole_.contains(key)) return true;
  if (hurt_.contains(key)) return false;
  const bool is_whole = scan(tree);
  (is_whole ? whole_ : hurt_).insert(key);
  return is_whole;
}

bool WhatIsLeft::scan(const Reference& tree) {
  try {
    TreeCursor nodes(trees_, tree);
    while (const Node* node = nodes.next()) {
      if (node->meta.type == FileType::regular && !has_content(*node)) return false;
      if (node->subtree && !has_tree(*node->subtree)) return false;
    }
    return true;
  } catch (const Error& error) {  // per item
    if (!error.is_about_bytes()) throw;
    return false;
  }
}

}  // namespace coppice
