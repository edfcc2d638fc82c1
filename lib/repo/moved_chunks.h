#pragma once
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "repo/repository.h"
#include "task/guarded.h"

namespace coppice {

/// Chunks that a collector has moved since a reader loaded its index, and whose old packs it has
/// removed: readers do not show themselves to collectors, and so none waits for them. A reader that
/// cannot have a chunk asks here before it calls it lost.
///
/// The log says what was deleted, before any file goes. So for each pack that fails the log is read
/// anew once; if it says that the pack is gone, the index is loaded anew, and the chunk is looked
/// for there. What is damaged and not deleted costs no more than that.
///
/// Thread-safe: those who ask wait for each other while the index is loaded. Until it is destroyed
/// nobody else may call what changes the repository, or read its state; readers of blocks
/// (SessionSecrets) may go on. Memory: a second index, and a second cache of blocks, once something
/// was moved; 32 bytes for each pack that failed.
class MovedChunks {
 public:
  /// The repository must outlive it. The directory is that of the local index cache; empty: none.
  MovedChunks(Repository& repository, std::string index_cache_directory);
  ~MovedChunks();

  /// The chunk's bytes, proved by its id; nothing if it was not moved. `known` is the index that
  /// the reader looked at. Throws Error{no_key}, Error{interrupted}.
  std::optional<Bytes> find(ChunkClass chunk_class, const Id& id, const Index& known);

  /// True if a collector has deleted all of these packs: what was missing of them is no damage.
  bool are_deleted(const std::set<Id>& packs);

 private:
  struct View;
  struct State {
    std::shared_ptr<View> view;  // shared: readers may still use it when it is replaced
    std::set<Id> asked;          // packs for which the log was read anew
  };

  std::shared_ptr<View> newer_view(const std::shared_ptr<View>& seen, const Index& index,
                                   const Id& id);
  bool is_any_deleted(State& state, const std::set<Id>& packs);

  Repository& repository_;
  const std::string index_cache_directory_;
  Guarded<State> state_;
};

}  // namespace coppice
