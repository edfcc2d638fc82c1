#include "prune/pack_mover.h"

#include <optional>

#include "base/error.h"
#include "repo/log_bodies.h"
#include "repo/object_names.h"

namespace coppice {

void PackMover::leave(const Id& pack, const std::string& why) {
  tools_.findings.report(
      {Finding::Weight::damaged, "pack_damaged", pack_name(pack), why + "; it was left as it is"});
}

void PackMover::drop(std::vector<ObjectRef> packs) {
  moved_.clear();
  dropped_.insert(dropped_.end(), packs.begin(), packs.end());
}

void PackMover::move_pack(const PackView& pack, BlockMover& mover) {
  try {
    mover.add(pack.name, pack.length, [&](std::size_t block) {
      return survey_.live().is_live(pack.run, pack.first_block + static_cast<std::uint32_t>(block));
    });
    moved_.insert(pack.name);
  } catch (const Error& error) {  // per item
    if (!error.is_about_bytes()) throw;
    leave(pack.name, error.what());
  }
}

std::vector<ObjectRef> PackMover::move_all(const std::vector<std::size_t>& packs,
                                           BlockMover& mover) {
  const auto false_packs = PackProof(tools_.repository, survey_, tools_.stop).find_false(packs);
  for (const auto& [name, why] : false_packs) leave(name, pack_name(name) + ": " + why);
  for (const std::size_t i : packs) {
    if (tools_.stop != nullptr) tools_.stop->check();
    const PackView& pack = survey_.live().packs()[i];
    if (!false_packs.contains(pack.name)) move_pack(pack, mover);
  }
  return mover.finish();
}

void PackMover::move(const std::vector<std::size_t>& packs) {
  Repository& repository = tools_.repository;
  BlockMover mover(repository.store(), repository.keyring(), repository.state(),
                   repository.parity());
  std::vector<ObjectRef> added;
  try {
    added = move_all(packs, mover);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::no_space) throw;
    tools_.findings.report(
        {Finding::Weight::note, "no_room_to_move", repository.store().description(),
         "packs that are partly dead are left as they are, for want of room: run prune again once "
         "it has freed some"});
    return drop(mover.take_published());
  }
  survey_.note_own(added, mover.sessions());
  if (!log_moved(added)) return drop(added);
  written_bytes_ += mover.written_bytes();
}

bool PackMover::log_moved(const std::vector<ObjectRef>& added) {
  if (added.empty()) return true;
  return tools_.log.try_append([&](const LogState& state) -> std::optional<LogAppend> {
    if (!survey_.is_still_true(state, {})) return std::nullopt;
    return LogAppend{LogEntryType::index_set, added, {}, {}, encode_names({})};
  });
}

}  // namespace coppice
