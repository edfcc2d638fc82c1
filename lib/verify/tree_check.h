#pragma once
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "fs/scratch_memory.h"
#include "index/id_set.h"
#include "repo/chunk_reader.h"
#include "snapshot/reference.h"
#include "snapshot/tree_reader.h"
#include "verify/verdicts.h"

namespace coppice {

/// Metadata chunks of a repository; remembers which chunk was asked for last, so that whoever meets
/// damage knows where, and the packs that were needed, if that is wanted. Used by one thread.
class WatchedMetadata final : public MetadataSource {
 public:
  WatchedMetadata(ChunkReader& chunks, const Index& index, std::set<std::uint32_t>* packs)
      : chunks_(chunks), index_(index), packs_(packs) {}

  Bytes get(const Id& id) override;
  const Id& latest() const { return latest_; }

 private:
  ChunkReader& chunks_;
  const Index& index_;
  std::set<std::uint32_t>* packs_;
  Id latest_;
};

/// How it stands with one thing of a snapshot.
struct Hurt {
  Verdict verdict = Verdict::good;
  std::string why;
  std::optional<Id> metadata;  ///< the metadata chunk that is to blame, if it is one
};

/// What trees are checked against. Thread-safe.
struct TreeTools {
  ChunkReader& chunks;
  const Index& index;
  const Verdicts& verdicts;
};

/// Whether a file's content is all there: its list of extents can be read, and every chunk has a
/// place that is not known to be bad, with the right length. The worst of what is wrong. Adds the
/// packs that hold the chunks, if `packs` is not null.
Hurt check_content(const TreeTools& tools, WatchedMetadata& source, const Node& file,
                   std::set<std::uint32_t>* packs);

/// What `error`, met while `source` was read, means for a directory or content list.
Hurt metadata_hurt(const TreeTools& tools, const WatchedMetadata& source, const Error& error);

/// References that were met, by level: an id means another thing on another level.
class ReferenceSet {
 public:
  /// True if it was not there before.
  bool insert(const Reference& reference) {
    return sets_[reference.levels & 3].insert(reference.id);
  }
  bool contains(const Reference& reference) const {
    return sets_[reference.levels & 3].contains(reference.id);
  }

 private:
  IdSet sets_[kMaxReferenceLevels + 1];
};

/// One directory, without what is beneath it.
struct TreeCheck {
  /// Scratch: a directory may have millions.
  ScratchVector<Reference> subtrees{std::size_t{64} << 10};
  bool is_hurt = false;           ///< itself, or a file in it
  std::set<Id> bad_metadata;      ///< chunks that could not be read
  std::set<std::uint32_t> packs;  ///< positions in the index, if wanted
};
TreeCheck check_tree(const TreeTools& tools, const Reference& tree, bool wants_packs);

}  // namespace coppice
