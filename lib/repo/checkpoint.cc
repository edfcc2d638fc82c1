#include "repo/checkpoint.h"

#include "base/error.h"
#include "repo/body_codec.h"

namespace coppice {
namespace {

constexpr std::size_t kMinSnapshotBytes = 1 + SlotId::kSize + 1 + 1 + 1 + 1;
constexpr std::size_t kMinDamagedPackBytes = Id::kSize + 1;
constexpr std::size_t kMinDrillBytes = 1 + SlotId::kSize + 1;

template <typename T>
std::vector<T> to_vector(const std::set<T>& items) {
  return {items.begin(), items.end()};
}

template <typename T>
std::set<T> to_set(const std::vector<T>& items) {
  return {items.begin(), items.end()};
}

std::vector<ObjectRef> values_of(const std::map<Id, ObjectRef>& objects) {
  std::vector<ObjectRef> values;
  values.reserve(objects.size());
  for (const auto& [name, object] : objects) values.push_back(object);
  return values;
}

void write_snapshot(ByteWriter& out, const LoggedSnapshot& snapshot) {
  out.varint(snapshot.number);
  out.id(snapshot.slot);
  out.u8(snapshot.is_forgotten ? 1 : 0);
  out.counted(snapshot.record);
  write_texts(out, to_vector(snapshot.added_tags));
  write_texts(out, to_vector(snapshot.removed_tags));
}

LoggedSnapshot read_snapshot(ByteReader& in, const ChunkIdentity& identity) {
  LoggedSnapshot snapshot;
  snapshot.number = in.varint();
  snapshot.slot = in.id<SlotId>();
  const std::uint8_t forgotten = in.u8();
  if (forgotten > 1) in.fail("forgotten is neither 0 nor 1");
  snapshot.is_forgotten = forgotten == 1;
  snapshot.record = to_bytes(in.counted(kMaxRecordBytes, "snapshot record"));
  snapshot.id = identity.id(snapshot.record);
  snapshot.added_tags = to_set(read_texts(in, kMaxTagBytes));
  snapshot.removed_tags = to_set(read_texts(in, kMaxTagBytes));
  return snapshot;
}

void write_damaged(ByteWriter& out, const std::map<Id, DamagedPack>& damaged) {
  out.varint(damaged.size());
  for (const auto& [pack, chunks] : damaged) {
    out.id(pack);
    write_list(out, to_vector(chunks), [&](const ChunkName& chunk) { write_chunk(out, chunk); });
  }
}

std::map<Id, DamagedPack> read_damaged(ByteReader& in) {
  std::map<Id, DamagedPack> damaged;
  const std::size_t count = in.count(kMinDamagedPackBytes, kNoListMaximum, "damaged packs");
  for (std::size_t i = 0; i < count; ++i) {
    const Id pack = in.id();
    damaged[pack] =
        to_set(read_list<ChunkName>(in, kChunkNameBytes, [&] { return read_chunk(in); }));
  }
  return damaged;
}

/// A list of at most one.
void write_drill(ByteWriter& out, const std::optional<LoggedDrill>& drill) {
  out.varint(drill ? 1 : 0);
  if (!drill) return;
  out.varint(drill->number);
  out.id(drill->slot);
  out.text(drill->json);
}

std::optional<LoggedDrill> read_drill(ByteReader& in) {
  if (in.count(kMinDrillBytes, 1, "drills") == 0) return std::nullopt;
  return LoggedDrill{in.varint(), in.id<SlotId>(), in.text(kMaxDrillBytes, "drill report")};
}

Bytes encode_checkpoint_body(const LogState& state) {
  ByteWriter out;
  write_list(out, state.root_entries, [&](const Bytes& entry) { out.counted(entry); });
  write_ids(out, to_vector(state.condemned));
  return out.take();
}

Bytes encode_contents(const LogState& state) {
  ByteWriter out;
  write_list(out, state.snapshots,
             [&](const LoggedSnapshot& snapshot) { write_snapshot(out, snapshot); });
  std::vector<SessionBox> boxes;
  for (const auto& [session, claims] : state.session_boxes) {
    boxes.insert(boxes.end(), claims.begin(), claims.end());
  }
  write_session_boxes(out, boxes);
  write_ids(out, to_vector(state.index_names));
  write_ids(out, to_vector(state.attested));
  write_damaged(out, state.damaged);
  write_list(out, to_vector(state.void_numbers), [&](std::uint64_t number) { out.u64(number); });
  write_drill(out, state.drill);
  return out.take();
}

void restore_objects(LogState& state, const LogEntry& entry) {
  for (const ObjectRef& object : entry.deletes) state.objects.remove(object);
  for (const ObjectRef& object : entry.adds) {
    if (state.objects.add(object) != LiveObjects::Added::added) {
      throw_damaged("checkpoint: object " + object.name.short_hex() + " stands twice");
    }
  }
}

}  // namespace

Checkpoint restate(const LogState& state) {
  return {values_of(state.objects.live()), values_of(state.objects.deleted()),
          encode_checkpoint_body(state), encode_contents(state)};
}

Checkpoint make_checkpoint(const LogState& state) {
  if (state.is_read_only()) {
    throw Error(ErrorKind::newer_version,
                "the log holds what only a newer coppice can judge: no checkpoint is made");
  }
  if (state.collection_is_stopped()) {
    throw Error(ErrorKind::refused, "the log has broken entries: no checkpoint is made");
  }
  return restate(state);
}

CheckpointBody decode_checkpoint_body(ByteView bytes) {
  ByteReader in(bytes, "checkpoint");
  CheckpointBody body;
  body.root_entries = read_list<Bytes>(
      in, 1, [&] { return to_bytes(in.counted(kMaxRootEntryBytes, "root-signed entry")); });
  body.condemned = read_ids(in);
  in.expect_end();
  return body;
}

void restore_contents(LogState& state, const LogEntry& entry, ByteView body,
                      const ChunkIdentity& identity) {
  restore_objects(state, entry);
  state.condemned = to_set(decode_checkpoint_body(entry.public_body).condemned);
  ByteReader in(body, "checkpoint");
  state.snapshots =
      read_list<LoggedSnapshot>(in, kMinSnapshotBytes, [&] { return read_snapshot(in, identity); });
  for (const SessionBox& box : read_session_boxes(in)) {
    state.session_boxes[box.session].push_back(box);
  }
  state.index_names = to_set(read_ids(in));
  state.attested = to_set(read_ids(in));
  state.damaged = read_damaged(in);
  state.void_numbers = to_set(read_list<std::uint64_t>(in, 8, [&] { return in.u64(); }));
  state.drill = read_drill(in);
  in.expect_end();
}

}  // namespace coppice
