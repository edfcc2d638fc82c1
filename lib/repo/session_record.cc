#include "repo/session_record.h"

#include <algorithm>
#include <string_view>

#include "base/codec.h"
#include "base/error.h"
#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "repo/body_codec.h"
#include "repo/sealed_body.h"
#include "repo/signed_message.h"

namespace coppice {
namespace {

constexpr std::string_view kSessionMagic = "cop-ses\n";
constexpr std::uint8_t kSessionVersion = 1;
constexpr std::uint32_t kNanosecondsPerSecond = 1'000'000'000;

Secret32 body_key(const Secret32& repository_key, const Id& session, const EntryNonce& nonce) {
  ByteWriter rest;
  rest.id(session);
  rest.raw(nonce);
  return hkdf_sha256(repository_key.view(), {}, "coppice/1 session", rest.bytes());
}

Bytes encode_body(const SessionRecord& record) {
  ByteWriter out;
  out.text(record.host);
  out.varint(record.process_id);
  out.svarint(record.started.seconds);
  out.varint(record.started.nanoseconds);
  return out.take();
}

SessionRecord read_plain_record(ByteReader& in) {
  SessionRecord record;
  record.repository = in.id();
  record.box.session = in.id();
  record.box.writer = in.id<SlotId>();
  record.box.epoch = in.varint();
  record.box.data_box = read_box(in);
  record.box.metadata_box = read_box(in);
  const ByteView nonce = in.raw(record.nonce.size());
  std::copy(nonce.begin(), nonce.end(), record.nonce.begin());
  return record;
}

}  // namespace

Id session_id_of(const Secret32& data_secret, const Secret32& metadata_secret) {
  Blake3Hasher hasher;
  hasher.update(data_secret.view());
  hasher.update(metadata_secret.view());
  return hasher.finish();
}

Bytes session_box_context(std::uint64_t epoch, ChunkClass chunk_class, const Id& session) {
  ByteWriter out;
  out.raw(as_bytes("session"));
  out.u64(epoch);
  out.u8(static_cast<std::uint8_t>(chunk_class));
  out.id(session);
  return out.take();
}

Session make_session(const EpochInfo& keys, std::uint64_t epoch, RandomSource& random) {
  Session session;
  session.data_secret = random_secret(random);
  session.metadata_secret = random_secret(random);
  session.id = session_id_of(session.data_secret, session.metadata_secret);
  SessionBox& box = session.record.box;
  box.session = session.id;
  box.epoch = epoch;
  box.data_box = seal_box(keys.data_key, session_box_context(epoch, ChunkClass::data, session.id),
                          session.data_secret, random);
  box.metadata_box =
      seal_box(keys.metadata_key, session_box_context(epoch, ChunkClass::metadata, session.id),
               session.metadata_secret, random);
  random.fill(session.record.nonce);
  return session;
}

std::optional<Secret32> open_session_box(const SessionBox& box, ChunkClass chunk_class,
                                         const BoxPrivateKey& class_key) {
  return open_box(class_key, session_box_context(box.epoch, chunk_class, box.session),
                  chunk_class == ChunkClass::data ? box.data_box : box.metadata_box);
}

Bytes encode_session_record(const SessionRecord& record, const Secret32& repository_key,
                            const SigningKey& key) {
  ByteWriter out;
  out.raw(as_bytes(kSessionMagic));
  out.u8(kSessionVersion);
  out.id(record.repository);
  out.id(record.box.session);
  out.id(record.box.writer);
  out.varint(record.box.epoch);
  write_box(out, record.box.data_box);
  write_box(out, record.box.metadata_box);
  out.raw(record.nonce);
  const Secret32 sealing_key = body_key(repository_key, record.box.session, record.nonce);
  out.counted(seal_body(sealing_key, out.bytes(), encode_body(record)));
  out.id(key.sign(signed_message(SignedObject::session, record.repository, out.bytes())));
  out.id(blake3(out.bytes()));
  return out.take();
}

ParsedSessionRecord parse_session_record(ByteView file) {
  ByteReader in(file, "session record");
  if (file.size() > kMaxSessionRecordBytes) in.fail("too large");
  if (file.size() < kSessionMagic.size() + Id::kSize) in.fail("cut short");
  // The checksum first: only what was written so may claim to come from a newer version.
  if (blake3(file.first(file.size() - Id::kSize)) != Id::from(file.last(Id::kSize)))
    in.fail("wrong checksum");
  if (as_text(in.raw(kSessionMagic.size())) != kSessionMagic) in.fail("wrong magic");
  if (in.u8() != kSessionVersion)
    throw Error(ErrorKind::newer_version, "session record: unknown version");
  ParsedSessionRecord parsed;
  parsed.plain = read_plain_record(in);
  parsed.associated_size = file.size() - in.remaining();
  parsed.sealed_size = in.counted(kMaxSessionRecordBytes, "sealed body").size();
  parsed.signed_size = file.size() - in.remaining();
  parsed.sealed_offset = parsed.signed_size - parsed.sealed_size;
  parsed.signature = in.id<Signature>();
  in.raw(Id::kSize);
  in.expect_end();
  parsed.file = to_bytes(file);
  return parsed;
}

bool is_session_record_signed_by(const ParsedSessionRecord& record, const PublicKey& key) {
  const ByteView content = ByteView(record.file).first(record.signed_size);
  return is_signed_by(key, signed_message(SignedObject::session, record.plain.repository, content),
                      record.signature);
}

SessionRecord open_session_record(const ParsedSessionRecord& parsed,
                                  const Secret32& repository_key) {
  const ByteView file = parsed.file;
  const Secret32 key = body_key(repository_key, parsed.plain.box.session, parsed.plain.nonce);
  const Bytes body =
      open_body(key, file.first(parsed.associated_size),
                file.subspan(parsed.sealed_offset, parsed.sealed_size), "session record");
  ByteReader in(body, "session record");
  SessionRecord record = parsed.plain;
  record.host = in.text(kMaxHostNameBytes, "host");
  record.process_id = in.varint();
  record.started.seconds = in.svarint();
  record.started.nanoseconds =
      static_cast<std::uint32_t>(in.varint_max(kNanosecondsPerSecond - 1, "nanoseconds"));
  in.expect_end();
  return record;
}

}  // namespace coppice
