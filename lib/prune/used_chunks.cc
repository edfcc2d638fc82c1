#include "prune/used_chunks.h"

#include <memory>
#include <utility>

namespace coppice {
namespace {

struct Position {
  std::uint32_t run = 0;
  std::size_t chunk = 0;
};

/// Calls `use` with each place of the chunk in a pack that the log names.
template <typename Use>
void for_each_place(const Index& index, const Id& id, const Use& use) {
  for (std::uint32_t r = 0; r < index.runs().size(); ++r) {
    const IndexRun& run = index.runs()[r];
    for (const ChunkRecord& chunk : run.find(id)) {
      if (index.use_of(r, run.blocks()[chunk.block].pack) == PackUse::absent) continue;
      use(Position{r, static_cast<std::size_t>(&chunk - run.chunks().data())});
    }
  }
}

}  // namespace

ChunkBits::ChunkBits(const Index& index) {
  bits_.reserve(index.runs().size());
  for (const IndexRun& run : index.runs()) bits_.emplace_back(run.chunks().size());
}

bool UsedChunks::mark(const Id& id) {
  bool is_known = false;
  bool is_new = false;
  for_each_place(index_, id, [&](const Position& at) {
    is_known = true;
    is_new = is_new || !bits_.test(at.run, at.chunk);
    bits_.set(at.run, at.chunk);
  });
  return is_known ? is_new : missing_.insert(id);
}

bool SnapshotMarker::Seen::insert(const Reference& reference) {
  auto& level = levels_.at(reference.levels);
  if (level.empty()) level.emplace_back(index_);
  bool is_known = false;
  bool is_new = false;
  for_each_place(index_, reference.id, [&](const Position& at) {
    is_known = true;
    is_new = is_new || !level.front().test(at.run, at.chunk);
    level.front().set(at.run, at.chunk);
  });
  return is_known ? is_new : unknown_.insert(reference.id);
}

void SnapshotMarker::mark_metadata(const Reference& reference) {
  walk_reference(trees_, reference, [this](const Id& id, std::uint8_t) {
    used_.mark(id);
    return true;
  });
}

void SnapshotMarker::mark_content(const Node& file) {
  if (const auto& list = file.content.reference) {
    if (!seen_lists_.insert(*list)) return;
    mark_metadata(*list);
  }
  ContentCursor extents(trees_, file);
  while (const ContentExtent* extent = extents.next()) {
    if (!extent->is_hole) used_.mark(extent->id);
  }
}

void SnapshotMarker::mark(const Reference& root) {
  // Depth first, and a cursor for each directory on the way: so blocks are read in stored order.
  std::vector<std::unique_ptr<TreeCursor>> path;
  const auto enter = [&](const Reference& tree) {
    if (!seen_trees_.insert(tree)) return;
    ++tree_count_;
    mark_metadata(tree);
    path.push_back(std::make_unique<TreeCursor>(trees_, tree));
  };
  enter(root);
  while (!path.empty()) {
    if (stop_ != nullptr) stop_->check();
    const Node* node = path.back()->next();
    if (node == nullptr) {
      path.pop_back();
    } else if (node->subtree) {
      enter(*node->subtree);
    } else if (node->meta.type == FileType::regular) {
      mark_content(*node);
    }
  }
}

}  // namespace coppice
