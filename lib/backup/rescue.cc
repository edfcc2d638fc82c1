#include "backup/rescue.h"

#include <algorithm>

#include "base/error.h"

namespace coppice {

bool Rescue::is_gone(const LogState& state, const Id& pack) const {
  return !rescued_.contains(pack) &&
         (state.objects.is_deleted(pack) || state.condemned.contains(pack));
}

void Rescue::find_lost_in_run(const LogState& state, std::uint32_t run_number,
                              LostPacks& lost) const {
  const IndexRun& run = loaded_.index.runs()[run_number];
  std::vector<bool> gone(run.packs().size());
  bool is_any_gone = false;
  for (std::uint32_t pack = 0; pack < run.packs().size(); ++pack) {
    gone[pack] = loaded_.index.use_of(run_number, pack) == PackUse::trusted &&
                 is_gone(state, run.packs()[pack].name);
    is_any_gone = is_any_gone || gone[pack];
  }
  if (!is_any_gone) return;
  // Which pack a block is in is told by records that lookups need not have proved.
  if (!run.prove()) {
    for (std::uint32_t pack = 0; pack < run.packs().size(); ++pack) {
      if (gone[pack]) lost[run.packs()[pack].name] = {run.packs()[pack].length, true, {}};
    }
    return;
  }
  // The blocks of a pack are neighbours, in their order.
  std::uint32_t first_of_pack = 0;
  for (std::uint32_t block = 0; block < run.blocks().size(); ++block) {
    const std::uint32_t pack = run.blocks()[block].pack;
    if (run.blocks()[first_of_pack].pack != pack) first_of_pack = block;
    if (!gone[pack] || !loaded_.index.is_relied_on(run_number, block)) continue;
    LostPack& entry = lost[run.packs()[pack].name];
    entry.length = run.packs()[pack].length;
    entry.blocks.insert(block - first_of_pack);
  }
}

Rescue::LostPacks Rescue::find_lost(const LogState& state) const {
  LostPacks lost;
  for (std::uint32_t run = 0; run < loaded_.index.runs().size(); ++run)
    find_lost_in_run(state, run, lost);
  for (const ObjectRef& object : entry_.adds) {
    if (object.kind != ObjectKind::pack || !is_gone(state, object.name)) continue;
    LostPack& entry = lost[object.name];
    entry.length = object.length;
    entry.is_whole = true;
  }
  return lost;
}

bool Rescue::knows_sessions(const LogState& state, const std::set<Id>& needed,
                            const std::set<Id>& own) {
  return std::all_of(needed.begin(), needed.end(), [&](const Id& session) {
    return state.session_boxes.contains(session) || own.contains(session);
  });
}

bool Rescue::is_needed(const LogState& state) const {
  return !find_lost(state).empty() || !knows_sessions(state, sessions_, own_sessions_);
}

bool Rescue::run(const std::set<Id>& own_sessions) {
  own_sessions_ = own_sessions;
  const LogState& state = repository_.state();
  const LostPacks lost = find_lost(state);
  BlockMover mover(repository_.store(), repository_.keyring(), state, repository_.parity());
  try {
    for (const auto& [pack, what] : lost) {
      mover.add(pack, what.length, [&wanted = what](std::size_t block) {
        return wanted.is_whole || wanted.blocks.contains(block);
      });
    }
  } catch (const Error& error) {  // it is gone for good, or damaged
    if (!error.is_about_bytes()) throw;
    return false;
  }
  mover.finish();
  const std::vector<ObjectRef> added = mover.take_published();
  for (const auto& [pack, what] : lost) {
    rescued_.insert(pack);
    std::erase_if(entry_.adds, [&name = pack](const ObjectRef& object) {
      return object.kind == ObjectKind::pack && object.name == name;
    });
  }
  entry_.adds.insert(entry_.adds.end(), added.begin(), added.end());
  sessions_.insert(mover.sessions().begin(), mover.sessions().end());
  return knows_sessions(state, sessions_, own_sessions_);
}

}  // namespace coppice
