#include "prune/pack_mover.h"

#include <optional>

#include "base/error.h"
#include "pack/pack_file.h"
#include "parity/geometry.h"
#include "repo/log_bodies.h"
#include "repo/object_names.h"
#include "repo/side_file.h"

namespace coppice {

std::uint64_t length_of_moved(std::uint64_t live_bytes) {
  return live_bytes == 0 ? 0 : padded_size(live_bytes + live_bytes / 64);
}

void PackMover::leave(const Id& pack, const std::string& why) {
  tools_.findings.report(
      {Finding::Weight::damaged, "pack_damaged", pack_name(pack), why + "; it was left as it is"});
}

void PackMover::drop(std::vector<ObjectRef> packs) {
  moved_.clear();
  dropped_.insert(dropped_.end(), packs.begin(), packs.end());
}

/// Those whose tables tell the truth.
std::vector<std::size_t> PackMover::proved(const std::vector<std::size_t>& packs) {
  const auto false_packs = PackProof(tools_.repository, survey_, tools_.stop).find_false(packs);
  for (const auto& [name, why] : false_packs) leave(name, pack_name(name) + ": " + why);
  std::vector<std::size_t> rest = packs;
  std::erase_if(
      rest, [&](std::size_t i) { return false_packs.contains(survey_.live().packs()[i].name); });
  return rest;
}

void PackMover::move_pack(const PackView& pack, BlockMover& mover) {
  try {
    mover.add(pack.name, pack.length, [&](std::size_t block) {
      return survey_.live().is_live(pack.run, pack.first_block + static_cast<std::uint32_t>(block));
    });
    pending_.insert(pack.name);
  } catch (const Error& error) {  // per item
    if (!error.is_about_bytes()) throw;
    leave(pack.name, error.what());
  }
}

void PackMover::add_all(const std::vector<std::size_t>& packs, BlockMover& mover) {
  // Publishing takes along all that was added before, but for the pack that is being added.
  mover.on_publish([this] { moved_.merge(pending_); });
  for (const std::size_t i : packs) {
    if (tools_.stop != nullptr) tools_.stop->check();
    move_pack(survey_.live().packs()[i], mover);
  }
  mover.finish();
}

/// With side files.
std::uint64_t PackMover::room_for(const std::vector<std::size_t>& packs) const {
  std::uint64_t live = 0;
  for (const std::size_t i : packs) live += survey_.live().packs()[i].live_bytes;
  const std::uint64_t length = length_of_moved(live);
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

bool PackMover::move_while_there_is_room(const std::vector<std::size_t>& packs) {
  Repository& repository = tools_.repository;
  BlockMover mover(repository.store(), repository.keyring(), repository.state(),
                   repository.parity());
  bool is_full = false;
  pending_.clear();
  try {
    add_all(packs, mover);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::no_space) throw;
    is_full = true;
  }
  const std::vector<ObjectRef> added = mover.take_published();
  survey_.note_own(added, mover.sessions());
  if (moved_.empty() || !log_moved(added)) {
    drop(added);
  } else {
    written_bytes_ += mover.written_bytes();
  }
  return !is_full;
}

void PackMover::move(const std::vector<std::size_t>& packs) {
  std::vector<std::size_t> wanted = proved(packs);
  if (move_while_there_is_room(wanted)) return;
  // Less than one new pack had room: fewer packs make a smaller one. Those that give most come
  // first.
  for (std::size_t n = wanted.size() / 2; moved_.empty() && n != 0; n /= 2)
    move_while_there_is_room({wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(n)});
  std::erase_if(wanted,
                [this](std::size_t i) { return moved_.contains(survey_.live().packs()[i].name); });
  room_wanted_ = room_for(wanted);
  least_room_wanted_ = wanted.empty() ? 0 : room_for({wanted.front()});
}

bool PackMover::log_moved(const std::vector<ObjectRef>& added) {
  if (added.empty()) return true;
  return tools_.log.try_append([&](const LogState& state) -> std::optional<LogAppend> {
    if (!survey_.is_still_true(state, {})) return std::nullopt;
    return LogAppend{LogEntryType::index_set, added, {}, {}, encode_names({})};
  });
}

}  // namespace coppice
