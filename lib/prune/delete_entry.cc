#include "prune/delete_entry.h"

#include <string_view>

#include "repo/log_bodies.h"
#include "repo/session_beat.h"

namespace coppice {
namespace {

/// Sessions that show a marker now.
std::set<Id> live_markers(Store& store) {
  std::set<Id> sessions;
  for (const ObjectInfo& object : store.list("sessions/")) {
    if (const auto beat = parse_beat_name(object.name)) sessions.insert(beat->session);
  }
  return sessions;
}

/// Those that the log knows, and those that are there without its knowing.
std::vector<ObjectRef> session_records(Store& store, const LogState& state) {
  std::vector<ObjectRef> records;
  for (const auto& [name, object] : state.objects.live()) {
    if (object.kind == ObjectKind::session && state.session_boxes.contains(name))
      records.push_back(object);
  }
  for (const ObjectInfo& object : store.list("sessions/")) {
    Id session;
    const std::string_view name = object.name;
    const bool is_record = from_hex(name.substr(name.find('/') + 1), session.bytes);
    if (is_record && !state.objects.is_live(session) && !state.objects.is_deleted(session))
      records.push_back({ObjectKind::session, Side::copy, session, object.size});
  }
  return records;
}

std::vector<Id> add_sessions(Store& store, const Survey& survey, const std::set<Id>& packs,
                             const LogState& state, std::vector<ObjectRef>& deletes) {
  // Records before markers: a session puts its marker first and takes it away last.
  const std::vector<ObjectRef> records = session_records(store, state);
  const std::set<Id> running = live_markers(store);
  const std::set<Id> of_orphans = survey.orphan_sessions(state);
  for (const ObjectRef& record : records) {
    const bool is_needed =
        running.contains(record.name) ||
        (of_orphans.contains(record.name) && !state.session_boxes.contains(record.name));
    if (!is_needed) deletes.push_back(record);
  }
  std::vector<Id> ended;
  const auto left = survey.sessions_left(packs);
  if (!left) return ended;
  for (const auto& [session, boxes] : state.session_boxes) {
    const bool is_needed = left->contains(session) || of_orphans.contains(session) ||
                           running.contains(session) || !survey.knew_session(session);
    if (!is_needed) ended.push_back(session);
  }
  return ended;
}

}  // namespace

DeleteEntry make_delete_entry(Store& store, const Survey& survey, const Collected& collected,
                              const LogState& state) {
  DeleteEntry entry;
  entry.append.type = LogEntryType::remove;
  std::vector<ObjectRef>& deletes = entry.append.deletes;
  for (const Id& name : collected.packs) deletes.push_back(*state.objects.find(name));
  for (const auto& [name, object] : state.objects.live()) {
    if (object.kind == ObjectKind::index && !state.index_names.contains(name))
      deletes.push_back(object);
  }
  for (const ObjectRef& orphan : collected.orphans) {
    if (!state.objects.is_live(orphan.name) && !state.objects.is_deleted(orphan.name))
      deletes.push_back(orphan);
  }
  RemoveBody body;
  body.sessions = add_sessions(store, survey, collected.packs, state, deletes);
  for (const LoggedSnapshot& snapshot : state.snapshots) {
    const bool is_gone = snapshot.is_forgotten || state.is_void(snapshot);
    if (is_gone && collected.snapshots.contains(snapshot.id)) body.snapshots.push_back(snapshot.id);
  }
  entry.snapshots = body.snapshots.size();
  entry.has_sessions = !body.sessions.empty();
  entry.append.body = encode_remove_body(body);
  return entry;
}

}  // namespace coppice
