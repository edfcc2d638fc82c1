#include "repo/log_bodies.h"

#include "repo/body_codec.h"

namespace coppice {
namespace {

constexpr std::size_t kKeyBoxBytes = 1 + 1 + sizeof(SealedBox);

void write_key_box(ByteWriter& out, const KeyBox& box) {
  out.varint(box.epoch);
  out.u8(static_cast<std::uint8_t>(box.secret));
  write_box(out, box.box);
}

KeyBox read_key_box(ByteReader& in) {
  KeyBox box;
  box.epoch = in.varint();
  const std::uint8_t secret = in.u8();
  if (secret < 1 || secret > 3) throw_unknown("secret in a key box");
  box.secret = static_cast<KeySecret>(secret);
  box.box = read_box(in);
  return box;
}

/// Reads a whole body: nothing may be left over.
template <typename Read>
auto read_all_of(ByteView bytes, std::string_view what, const Read& read) {
  ByteReader in(bytes, what);
  auto body = read(in);
  in.expect_end();
  return body;
}

}  // namespace

Bytes encode_names(const std::vector<Id>& names) {
  ByteWriter out;
  write_ids(out, names);
  return out.take();
}

std::vector<Id> decode_names(ByteView bytes, std::string_view what) {
  return read_all_of(bytes, what, [](ByteReader& in) { return read_ids(in); });
}

Bytes encode_snapshot_body(const SnapshotBody& body) {
  ByteWriter out;
  out.counted(body.record);
  write_session_boxes(out, body.sessions);
  return out.take();
}

SnapshotBody decode_snapshot_body(ByteView bytes) {
  return read_all_of(bytes, "snapshot entry", [](ByteReader& in) {
    return SnapshotBody{to_bytes(in.counted(kMaxRecordBytes, "snapshot record")),
                        read_session_boxes(in)};
  });
}

Bytes encode_tag_body(const TagBody& body) {
  ByteWriter out;
  out.id(body.snapshot);
  write_texts(out, body.added);
  write_texts(out, body.removed);
  return out.take();
}

TagBody decode_tag_body(ByteView bytes) {
  return read_all_of(bytes, "tag entry", [](ByteReader& in) {
    return TagBody{in.id(), read_texts(in, kMaxTagBytes), read_texts(in, kMaxTagBytes)};
  });
}

Bytes encode_remove_body(const RemoveBody& body) {
  ByteWriter out;
  write_ids(out, body.snapshots);
  write_ids(out, body.sessions);
  return out.take();
}

RemoveBody decode_remove_body(ByteView bytes) {
  return read_all_of(bytes, "delete entry", [](ByteReader& in) {
    return RemoveBody{read_ids(in), read_ids(in)};
  });
}

Bytes encode_damaged_chunks(const std::vector<DamagedChunk>& chunks) {
  ByteWriter out;
  write_list(out, chunks, [&](const DamagedChunk& damaged) {
    out.id(damaged.pack);
    write_chunk(out, damaged.chunk);
  });
  return out.take();
}

std::vector<DamagedChunk> decode_damaged_chunks(ByteView bytes) {
  return read_all_of(bytes, "damaged entry", [](ByteReader& in) {
    return read_list<DamagedChunk>(in, Id::kSize + kChunkNameBytes, [&] {
      return DamagedChunk{in.id(), read_chunk(in)};
    });
  });
}

Bytes key_box_context(std::uint64_t epoch, KeySecret secret, const SlotId& slot) {
  ByteWriter out;
  out.raw(as_bytes("epoch"));
  out.u64(epoch);
  out.u8(static_cast<std::uint8_t>(secret));
  out.id(slot);
  return out.take();
}

Bytes encode_certificate_body(const CertificateBody& body) {
  ByteWriter out;
  out.id(body.slot);
  out.u8(static_cast<std::uint8_t>(body.role));
  out.id(body.signing_key);
  out.id(body.box_key);
  write_list(out, body.key_boxes, [&](const KeyBox& box) { write_key_box(out, box); });
  return out.take();
}

CertificateBody decode_certificate_body(ByteView bytes) {
  return read_all_of(bytes, "certificate", [](ByteReader& in) {
    CertificateBody body;
    body.slot = in.id<SlotId>();
    const std::uint8_t role = in.u8();
    if (!is_known_role(role)) throw_unknown("role");
    body.role = static_cast<Role>(role);
    body.signing_key = in.id<PublicKey>();
    body.box_key = in.id<BoxPublicKey>();
    body.key_boxes = read_list<KeyBox>(in, kKeyBoxBytes, [&] { return read_key_box(in); });
    return body;
  });
}

Bytes encode_certificate_terms(const CertificateTerms& terms) {
  ByteWriter out;
  out.text(terms.label);
  write_texts(out, terms.hosts);
  write_ids(out, terms.trusted_slots);
  return out.take();
}

CertificateTerms decode_certificate_terms(ByteView bytes) {
  return read_all_of(bytes, "certificate", [](ByteReader& in) {
    return CertificateTerms{in.text(kMaxTagBytes, "label"), read_texts(in, kMaxHostNameBytes),
                            read_ids<SlotId>(in)};
  });
}

Bytes encode_revocation_body(const RevocationBody& body) {
  ByteWriter out;
  out.id(body.slot);
  out.u64(body.from);
  return out.take();
}

RevocationBody decode_revocation_body(ByteView bytes) {
  return read_all_of(bytes, "revocation", [](ByteReader& in) {
    return RevocationBody{in.id<SlotId>(), in.u64()};
  });
}

Bytes encode_epoch_body(const EpochBody& body) {
  ByteWriter out;
  out.varint(body.epoch);
  out.id(body.data_key);
  out.id(body.metadata_key);
  out.u64(body.features.compatible);
  out.u64(body.features.read_only_compatible);
  out.u64(body.features.incompatible);
  write_list(out, body.key_boxes, [&](const SlotKeyBox& box) {
    out.id(box.slot);
    write_key_box(out, box.key_box);
  });
  return out.take();
}

EpochBody decode_epoch_body(ByteView bytes) {
  return read_all_of(bytes, "epoch entry", [](ByteReader& in) {
    EpochBody body;
    body.epoch = in.varint();
    body.data_key = in.id<BoxPublicKey>();
    body.metadata_key = in.id<BoxPublicKey>();
    body.features = {in.u64(), in.u64(), in.u64()};
    body.key_boxes = read_list<SlotKeyBox>(in, SlotId::kSize + kKeyBoxBytes, [&] {
      return SlotKeyBox{in.id<SlotId>(), read_key_box(in)};
    });
    return body;
  });
}

Bytes encode_parameters(const Parameters& parameters) {
  ByteWriter out;
  out.u32(parameters.average_chunk_bytes);
  out.u8(static_cast<std::uint8_t>(parameters.cipher));
  out.u8(parameters.compression_level);
  out.u8(parameters.parity_data_sectors);
  out.u8(parameters.parity_sectors);
  out.id(parameters.family_name);
  return out.take();
}

Parameters decode_parameters(ByteView bytes) {
  return read_all_of(bytes, "parameters", [](ByteReader& in) {
    Parameters parameters;
    parameters.average_chunk_bytes = in.u32();
    const std::uint8_t cipher = in.u8();
    if (cipher < 1 || cipher > 2) throw_unknown("cipher");
    parameters.cipher = static_cast<Cipher>(cipher);
    parameters.compression_level = in.u8();
    parameters.parity_data_sectors = in.u8();
    parameters.parity_sectors = in.u8();
    parameters.family_name = in.id();
    return parameters;
  });
}

Bytes encode_drill_body(std::string_view drill_json) {
  ByteWriter out;
  out.text(drill_json);
  return out.take();
}

std::string decode_drill_body(ByteView bytes) {
  return read_all_of(bytes, "drill entry",
                     [](ByteReader& in) { return in.text(kMaxDrillBytes, "drill report"); });
}

Bytes encode_void_body(const VoidBody& body) {
  ByteWriter out;
  out.u64(body.first);
  out.u64(body.last);
  write_ids(out, body.hashes);
  return out.take();
}

VoidBody decode_void_body(ByteView bytes) {
  return read_all_of(bytes, "void entry", [](ByteReader& in) {
    VoidBody body{in.u64(), in.u64(), read_ids(in)};
    // Written so that no sum overflows: the list is never empty and bounded by the entry's bytes.
    const bool is_whole = body.first <= body.last && !body.hashes.empty() &&
                          body.last - body.first == body.hashes.size() - 1;
    if (!is_whole) in.fail("void range and hashes differ");
    return body;
  });
}

}  // namespace coppice
