#include "repo/log_effects.h"

#include <algorithm>

#include "base/error.h"
#include "repo/object_names.h"

namespace coppice {
namespace {

void note(LogState& state, const LogEntry& entry, const std::string& code,
          const std::string& message) {
  state.findings.push_back({Finding::Weight::note, code, log_entry_name(entry.number), message});
}

void note_unknown(LogState& state, const LogEntry& entry, const Id& snapshot) {
  note(state, entry, "log_snapshot_unknown", "names an unknown snapshot " + snapshot.short_hex());
}

void expect_empty(ByteView part) {
  if (!part.empty()) throw_damaged("log entry: a body where there is none");
}

void add_objects(LogState& state, const LogEntry& entry) {
  for (const ObjectRef& object : entry.adds) {
    const LiveObjects::Added added = state.objects.add(object);
    if (added == LiveObjects::Added::deleted_before || added == LiveObjects::Added::contradicts) {
      note(state, entry, "log_object_refused",
           "adds object " + object.name.short_hex() +
               (added == LiveObjects::Added::contradicts ? ", which it describes wrongly"
                                                         : ", whose name was deleted before"));
    }
    if (added != LiveObjects::Added::added) continue;
    if (object.kind == ObjectKind::index) state.index_names.insert(object.name);
    if (object.kind == ObjectKind::pack) state.unindexed.insert(object.name);
  }
}

/// A writer may speak only for sessions of its own: else it could claim that of another and make
/// its data unreadable.
void add_session_boxes(LogState& state, const GenuineEntry& genuine,
                       const std::vector<SessionBox>& boxes) {
  for (const SessionBox& box : boxes) {
    if (genuine.signer_role != Role::owner && box.writer != genuine.entry.signer) {
      note(state, genuine.entry, "log_entry_not_allowed", "brings the session of another slot");
      continue;
    }
    std::vector<SessionBox>& claims = state.session_boxes[box.session];
    const bool is_known = std::any_of(claims.begin(), claims.end(), [&](const SessionBox& known) {
      return known.writer == box.writer;
    });
    if (!is_known) claims.push_back(box);
  }
}

void obey_snapshot(LogState& state, const GenuineEntry& genuine, const ChunkIdentity& identity) {
  expect_empty(genuine.entry.public_body);
  SnapshotBody body = decode_snapshot_body(genuine.body);
  add_objects(state, genuine.entry);
  add_session_boxes(state, genuine, body.sessions);
  LoggedSnapshot snapshot;
  snapshot.number = genuine.entry.number;
  snapshot.slot = genuine.entry.signer;
  snapshot.id = identity.id(body.record);
  snapshot.record = std::move(body.record);
  state.snapshots.push_back(std::move(snapshot));
}

void obey_forget(LogState& state, const GenuineEntry& genuine, bool forgotten) {
  expect_empty(genuine.entry.public_body);
  // By a set, not id by id: thousands forgotten at once must not cost thousands squared.
  std::set<Id> unknown;
  for (const Id& id : decode_names(genuine.body, "list of snapshots")) unknown.insert(id);
  const std::set<Id> named = unknown;
  for (LoggedSnapshot& snapshot : state.snapshots) {
    if (!named.contains(snapshot.id)) continue;
    snapshot.is_forgotten = forgotten;
    unknown.erase(snapshot.id);
  }
  for (const Id& id : unknown) {
    note_unknown(state, genuine.entry, id);
  }
}

void obey_tag(LogState& state, const GenuineEntry& genuine) {
  expect_empty(genuine.entry.public_body);
  const TagBody body = decode_tag_body(genuine.body);
  bool is_known = false;
  for (LoggedSnapshot& snapshot : state.snapshots) {
    if (snapshot.id != body.snapshot) continue;
    is_known = true;
    for (const std::string& tag : body.added) {
      snapshot.added_tags.insert(tag);
      snapshot.removed_tags.erase(tag);
    }
    for (const std::string& tag : body.removed) {
      snapshot.added_tags.erase(tag);
      snapshot.removed_tags.insert(tag);
    }
  }
  if (!is_known) note_unknown(state, genuine.entry, body.snapshot);
}

void obey_index_set(LogState& state, const GenuineEntry& genuine) {
  expect_empty(genuine.entry.public_body);
  const std::vector<Id> replaced = decode_names(genuine.body, "index set");
  for (const Id& name : replaced) state.index_names.erase(name);
  // One that replaces others restates what they hold; one that does not is Repository::maintain's.
  const auto& adds = genuine.entry.adds;
  const bool has_index = std::any_of(adds.begin(), adds.end(), [](const ObjectRef& object) {
    return object.kind == ObjectKind::index;
  });
  if (has_index && replaced.empty()) state.unindexed.clear();
  add_objects(state, genuine.entry);
}

bool is_live_pack(const LogState& state, const Id& name) {
  const ObjectRef* object = state.objects.find(name);
  return object != nullptr && object->kind == ObjectKind::pack;
}

void obey_condemn(LogState& state, const GenuineEntry& genuine) {
  expect_empty(genuine.body);
  for (const Id& pack : decode_names(genuine.entry.public_body, "list of packs")) {
    if (is_live_pack(state, pack)) state.condemned.insert(pack);
  }
}

void obey_remove(LogState& state, const GenuineEntry& genuine) {
  expect_empty(genuine.entry.public_body);
  const RemoveBody body = decode_remove_body(genuine.body);
  for (const ObjectRef& object : genuine.entry.deletes) {
    state.objects.remove(object);
    state.index_names.erase(object.name);
    state.unindexed.erase(object.name);
    state.condemned.erase(object.name);
    state.attested.erase(object.name);
    state.damaged.erase(object.name);
  }
  const std::set<Id> ended(body.snapshots.begin(), body.snapshots.end());
  std::erase_if(state.snapshots, [&](const LoggedSnapshot& snapshot) {
    return ended.contains(snapshot.id) && (snapshot.is_forgotten || state.is_void(snapshot));
  });
  for (const Id& session : body.sessions) state.session_boxes.erase(session);
}

void obey_damaged(LogState& state, const GenuineEntry& genuine) {
  const std::vector<Id> packs = decode_names(genuine.entry.public_body, "list of packs");
  std::map<Id, DamagedPack> marks;
  for (const Id& pack : packs) marks[pack];
  for (const DamagedChunk& damaged : decode_damaged_chunks(genuine.body)) {
    const auto mark = marks.find(damaged.pack);
    if (mark != marks.end()) mark->second.insert(damaged.chunk);
  }
  for (auto& [pack, chunks] : marks) {
    if (!is_live_pack(state, pack)) continue;
    state.attested.erase(pack);
    const auto [at, is_new] = state.damaged.try_emplace(pack, chunks);
    if (is_new || at->second.empty()) continue;  // none named: wholly damaged, and stays so
    if (chunks.empty()) {
      at->second.clear();
    } else {
      at->second.merge(chunks);
    }
  }
}

void obey_attest(LogState& state, const GenuineEntry& genuine) {
  expect_empty(genuine.body);
  for (const Id& pack : decode_names(genuine.entry.public_body, "list of packs")) {
    if (!is_live_pack(state, pack)) continue;
    state.attested.insert(pack);
    state.damaged.erase(pack);
  }
}

void obey_drill(LogState& state, const GenuineEntry& genuine) {
  expect_empty(genuine.entry.public_body);
  state.drill =
      LoggedDrill{genuine.entry.number, genuine.entry.signer, decode_drill_body(genuine.body)};
}

void obey_void(LogState& state, const GenuineEntry& genuine) {
  expect_empty(genuine.body);
  const VoidBody body = decode_void_body(genuine.entry.public_body);
  if (body.last >= genuine.entry.number) throw_damaged("void entry: names entries to come");
  for (std::uint64_t number = body.first; number <= body.last; ++number) {
    state.void_numbers.insert(number);
    state.broken.erase(number);
    std::erase(state.checkpoints, number);
  }
}

}  // namespace

void obey(LogState& state, const GenuineEntry& entry, const ChunkIdentity& identity) {
  switch (entry.entry.type) {
    case LogEntryType::snapshot:
      return obey_snapshot(state, entry, identity);
    case LogEntryType::forget:
      return obey_forget(state, entry, true);
    case LogEntryType::undelete:
      return obey_forget(state, entry, false);
    case LogEntryType::tag:
      return obey_tag(state, entry);
    case LogEntryType::index_set:
      return obey_index_set(state, entry);
    case LogEntryType::condemn:
      return obey_condemn(state, entry);
    case LogEntryType::remove:
      return obey_remove(state, entry);
    case LogEntryType::damaged:
      return obey_damaged(state, entry);
    case LogEntryType::attest:
      return obey_attest(state, entry);
    case LogEntryType::drill:
      return obey_drill(state, entry);
    case LogEntryType::void_entries:
      return obey_void(state, entry);
    case LogEntryType::certificate:
    case LogEntryType::revocation:
    case LogEntryType::epoch:
    case LogEntryType::checkpoint:
      break;  // LogReplay's own
  }
  throw_damaged("log entry: not for a slot");
}

}  // namespace coppice
