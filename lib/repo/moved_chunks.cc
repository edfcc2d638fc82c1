#include "repo/moved_chunks.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "repo/block_source.h"
#include "repo/chunk_reader.h"

namespace coppice {
namespace {

/// So often a chunk is looked for anew: each time another collection must have moved it.
constexpr int kAttempts = 8;

/// The first loading of the index has told it all.
class ToldBefore final : public FindingSink {
 public:
  void report(const Finding&) override {}
};

/// All packs that reading the chunk may need.
std::set<Id> packs_of(const Index& index, const Id& id) {
  std::set<Id> packs;
  for (const ChunkPlace& place : index.find(id)) {
    packs.insert(place.pack_record().name);
    for (const BlockBase& base : place.run->bases(place.block_record())) {
      for (const ChunkPlace& of_base : index.find(base.id))
        packs.insert(of_base.pack_record().name);
    }
  }
  return packs;
}

}  // namespace

/// A repository's chunks as of one point of its log.
struct MovedChunks::View {
  View(Repository& repository, LoadedIndex loaded_in)
      : loaded(std::move(loaded_in)),
        blocks(repository.store(), loaded.index, repository.secrets()),
        chunks(blocks, repository.keyring()) {}

  LoadedIndex loaded;
  BlockSource blocks;
  ChunkReader chunks;
};

MovedChunks::MovedChunks(Repository& repository, std::string index_cache_directory)
    : repository_(repository), index_cache_directory_(std::move(index_cache_directory)) {}

MovedChunks::~MovedChunks() = default;

std::optional<Bytes> MovedChunks::find(ChunkClass chunk_class, const Id& id, const Index& known) {
  std::shared_ptr<View> view = state_.with([](State& state) { return state.view; });
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (view) {
      try {
        return view->chunks.get(chunk_class, id);
      } catch (const Error& error) {  // per item: it may have been moved once more
        if (error.kind() != ErrorKind::damaged) throw;
      }
    }
    std::shared_ptr<View> newer = newer_view(view, view ? view->loaded.index : known, id);
    if (!newer) return std::nullopt;
    view = std::move(newer);
  }
  return std::nullopt;
}

/// Null if the log says nothing new of the packs that the chunk lies in.
std::shared_ptr<MovedChunks::View> MovedChunks::newer_view(const std::shared_ptr<View>& seen,
                                                           const Index& index, const Id& id) {
  return state_.with([&](State& state) -> std::shared_ptr<View> {
    if (state.view != seen) return state.view;  // another reader has loaded it meanwhile
    std::shared_ptr<View> newer;
    try {
      repository_.secrets().exclusively([&] {
        if (!is_any_deleted(state, packs_of(index, id))) return;
        ToldBefore told;
        newer = std::make_shared<View>(
            repository_, repository_.load_index({false, index_cache_directory_, true}, told));
      });
    } catch (const Error& error) {  // per item: then what is missing is told as it is
      if (error.kind() == ErrorKind::interrupted) throw;
      return nullptr;
    }
    if (newer) state.view = newer;
    return newer;
  });
}

bool MovedChunks::is_any_deleted(State& state, const std::set<Id>& packs) {
  const auto is_deleted = [this](const Id& pack) {
    return repository_.state().objects.is_deleted(pack);
  };
  if (std::any_of(packs.begin(), packs.end(), is_deleted)) return true;
  bool is_new = false;
  for (const Id& pack : packs) is_new = state.asked.insert(pack).second || is_new;
  if (!is_new) return false;
  repository_.refresh();
  return std::any_of(packs.begin(), packs.end(), is_deleted);
}

bool MovedChunks::are_deleted(const std::set<Id>& packs) {
  return state_.with([&](State&) {
    bool are_gone = false;
    repository_.secrets().exclusively([&] {
      repository_.refresh();
      are_gone = std::all_of(packs.begin(), packs.end(), [this](const Id& pack) {
        return repository_.state().objects.is_deleted(pack);
      });
    });
    return are_gone;
  });
}

}  // namespace coppice
