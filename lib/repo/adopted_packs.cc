#include "repo/adopted_packs.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/error.h"
#include "pack/table.h"
#include "repo/object_names.h"
#include "repo/pack_listing.h"
#include "repo/pack_table.h"
#include "repo/side_file.h"

namespace coppice {

AdoptedPacks::AdoptedPacks(Store& store, const Keyring& keyring, const LogState& state,
                           std::optional<ParityGeometry> parity, FindBox find_box)
    : store_(store),
      keyring_(keyring),
      state_(state),
      parity_(parity),
      find_box_(std::move(find_box)) {}

void AdoptedPacks::look(const Id& pack, std::uint64_t length, const Take& take) {
  if (state_.objects.is_live(pack) || state_.objects.is_deleted(pack)) return;
  if (!seen_.insert(pack).second) return;
  try {
    adopt(pack, length, take);
  } catch (const Error& error) {  // per item: a stranger's file, or a pack of another slot
    if (!error.is_about_bytes() && error.kind() != ErrorKind::no_key) throw;
  }
}

void AdoptedPacks::adopt(const Id& pack, std::uint64_t length, const Take& take) {
  const Bytes bytes = read_pack_table(store_, keyring_, pack, length);
  const PackTable table = decode_table(bytes);
  const bool is_own =
      table.signer == keyring_.slot() &&
      is_table_signed_by(bytes, keyring_.repository(), keyring_.signing_key().public_key());
  if (!is_own) return;
  std::set<Id> sessions;
  for (const BlockInfo& block : table.blocks) sessions.insert(block.seal.session);
  for (const SessionBox& box : boxes_) sessions.erase(box.session);
  std::vector<SessionBox> boxes;
  for (const Id& session : sessions) add_boxes_of(session, boxes);
  const Side side = complete_side_file(pack, length);
  // Its writer may have died, or be about to die, between giving the name and syncing it.
  store_.make_durable(pack_name(pack));
  take(pack, length, bytes);
  objects_.emplace(pack, ObjectRef{ObjectKind::pack, side, pack, length});
  boxes_.insert(boxes_.end(), boxes.begin(), boxes.end());
}

/// Also those that the log has: a collector drops them from it when no pack in the log needs them.
void AdoptedPacks::add_boxes_of(const Id& session, std::vector<SessionBox>& boxes) const {
  const auto logged = state_.session_boxes.find(session);
  if (logged == state_.session_boxes.end()) {
    boxes.push_back(find_box_(session));
    return;
  }
  for (const SessionBox& box : logged->second) {
    if (box.writer == keyring_.slot() || keyring_.role() == Role::owner) boxes.push_back(box);
  }
}

/// The interruption may have come between the pack and its copy or parity.
Side AdoptedPacks::complete_side_file(const Id& pack, std::uint64_t length) {
  const std::string name = pack_name(pack);
  const Side side = side_for(length, parity_);
  if (side != Side::none &&
      !store_.size(side == Side::copy ? copy_name(name) : parity_name(name))) {
    write_side_file(
        store_, name, pack, length, side, parity_,
        [&](std::uint64_t offset, MutableByteView out) { store_.read(name, offset, out); });
  }
  return side;
}

/// True if a session other than this one has a record that the log does not make superfluous.
bool AdoptedPacks::has_neighbours(const Id& own_session) const {
  const std::vector<ObjectInfo> records = store_.list("sessions/");
  return std::any_of(records.begin(), records.end(), [&](const ObjectInfo& object) {
    Id session;
    const std::string_view name = std::string_view(object.name).substr(object.name.find('/') + 1);
    return from_hex(name, session.bytes) && session != own_session &&
           !state_.session_boxes.contains(session);
  });
}

void AdoptedPacks::look_for_new(const Id& own_session, const Take& take) {
  if (!has_neighbours(own_session)) return;
  for (const auto& [name, length] : list_packs(store_)) look(name, length, take);
}

}  // namespace coppice
