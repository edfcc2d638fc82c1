#include "prune/pack_mover.h"

#include <optional>

#include "base/error.h"
#include "pack/pack_file.h"
#include "parity/geometry.h"
#include "repo/log_bodies.h"
#include "repo/object_names.h"
#include "repo/side_file.h"

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

/// With tables (some 1.5 %) and side files, about: what is moved is in one pack, mostly.
std::uint64_t PackMover::room_for(const std::vector<std::size_t>& packs) const {
  std::uint64_t live = 0;
  for (const std::size_t i : packs) live += survey_.live().packs()[i].live_bytes;
  const std::uint64_t length = padded_size(live + live / 64);
  const auto& parity = tools_.repository.parity();
  switch (side_for(length, parity)) {
    case Side::none:
      break;
    case Side::copy:
      return 2 * length;
    case Side::parity:
      return length + ParityLayout(*parity, length).file_bytes();
  }
  return length;
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
    room_wanted_ = room_for(packs);
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
