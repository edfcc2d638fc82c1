#include "verify/tree_check.h"

#include <utility>

#include "base/error.h"

namespace coppice {
namespace {

void add_packs(const Index& index, const Id& id, std::set<std::uint32_t>* packs) {
  if (packs == nullptr) return;
  for (const ChunkPlace& place : index.find(id)) {
    packs->insert(place.block_record().pack);
    for (const BlockBase& base : place.run->bases(place.block_record())) {
      for (const ChunkPlace& of_base : index.find(base.id))
        packs->insert(of_base.block_record().pack);
    }
  }
}

}  // namespace

Bytes WatchedMetadata::get(const Id& id) {
  latest_ = id;
  add_packs(index_, id, packs_);
  return chunks_.get(ChunkClass::metadata, id);
}

Hurt metadata_hurt(const TreeTools& tools, const WatchedMetadata& source, const Error& error) {
  // Bytes that are what their id says and yet make no sense were written so: nothing heals them.
  const Verdict verdict = tools.verdicts.of_metadata(source.latest());
  return {verdict == Verdict::good ? Verdict::lost : verdict, error.what(), source.latest()};
}

Hurt check_content(const TreeTools& tools, WatchedMetadata& source, const Node& file,
                   std::set<std::uint32_t>* packs) {
  Hurt worst;
  const auto add = [&](Hurt hurt) {
    if (hurt.verdict > worst.verdict) worst = std::move(hurt);
  };
  try {
    ContentCursor extents(source, file);
    while (const ContentExtent* extent = extents.next()) {
      if (extent->is_hole) continue;
      add_packs(tools.index, extent->id, packs);
      const Verdict verdict = tools.verdicts.of_chunk(ChunkClass::data, extent->id, extent->length);
      if (verdict <= worst.verdict) continue;
      const bool is_lost = verdict == Verdict::lost;
      add({verdict,
           "chunk " + extent->id.short_hex() +
               (is_lost ? " is missing, or damaged wherever it lies"
                        : " lies in a damaged pack that parity can heal"),
           std::nullopt});
    }
  } catch (const Error& error) {
    if (!error.is_about_bytes()) throw;
    add(metadata_hurt(tools, source, error));
  }
  return worst;
}

TreeCheck check_tree(const TreeTools& tools, const Reference& tree, bool wants_packs) {
  TreeCheck check;
  std::set<std::uint32_t>* packs = wants_packs ? &check.packs : nullptr;
  const auto add = [&](const Hurt& hurt) {
    check.is_hurt = check.is_hurt || hurt.verdict != Verdict::good;
    if (hurt.metadata) check.bad_metadata.insert(*hurt.metadata);
  };
  WatchedMetadata source(tools.chunks, tools.index, packs);
  WatchedMetadata content_source(tools.chunks, tools.index, packs);
  try {
    TreeCursor nodes(source, tree);
    while (const Node* node = nodes.next()) {
      if (node->subtree) check.subtrees.push_back(*node->subtree);
      if (node->meta.type == FileType::regular)
        add(check_content(tools, content_source, *node, packs));
    }
  } catch (const Error& error) {
    if (!error.is_about_bytes()) throw;
    add(metadata_hurt(tools, source, error));
  }
  return check;
}

}  // namespace coppice
