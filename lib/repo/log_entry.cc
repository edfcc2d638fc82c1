#include "repo/log_entry.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/codec.h"
#include "base/error.h"
#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "repo/sealed_body.h"
#include "repo/signed_message.h"

namespace coppice {
namespace {

constexpr std::string_view kLogMagic = "cop-log\n";
constexpr std::uint8_t kLogVersion = 1;
constexpr std::size_t kMinObjectRefBytes = 1 + 1 + 32 + 1;
constexpr std::string_view kLogPrefix = "log/";
constexpr std::string_view kCopySuffix = ".copy";

Secret32 body_key(const Secret32& repository_key, std::uint64_t number, const EntryNonce& nonce) {
  ByteWriter rest;
  rest.u64(number);
  rest.raw(nonce);
  return hkdf_sha256(repository_key.view(), {}, "coppice/1 log", rest.bytes());
}

void write_objects(ByteWriter& out, const std::vector<ObjectRef>& objects) {
  out.varint(objects.size());
  for (const ObjectRef& object : objects) {
    out.u8(static_cast<std::uint8_t>(object.kind));
    out.u8(static_cast<std::uint8_t>(object.side));
    out.id(object.name);
    out.varint(object.length);
  }
}

std::vector<ObjectRef> read_objects(ByteReader& in) {
  std::vector<ObjectRef> objects(in.count(kMinObjectRefBytes, kMaxLogEntryBytes, "object count"));
  for (ObjectRef& object : objects) {
    const std::uint8_t kind = in.u8();
    const std::uint8_t side = in.u8();
    if (kind < 1 || kind > 3 || side > 2) {
      throw Error(ErrorKind::newer_version, "log entry: unknown kind of object");
    }
    object = {static_cast<ObjectKind>(kind), static_cast<Side>(side), in.id(), in.varint()};
  }
  return objects;
}

void write_plain(ByteWriter& out, const LogEntry& entry) {
  out.raw(as_bytes(kLogMagic));
  out.u8(kLogVersion);
  out.u8(static_cast<std::uint8_t>(entry.type));
  out.u64(entry.number);
  out.id(entry.repository);
  out.id(entry.predecessor);
  out.id(entry.signer);
  out.raw(entry.nonce);
  out.varint(entry.epoch);
  out.varint(entry.checkpoint);
  write_objects(out, entry.adds);
  write_objects(out, entry.deletes);
  out.counted(entry.public_body);
}

LogEntry read_plain(ByteReader& in) {
  LogEntry entry;
  entry.type = static_cast<LogEntryType>(in.u8());
  entry.number = in.u64();
  entry.repository = in.id();
  entry.predecessor = in.id();
  entry.signer = in.id<SlotId>();
  const ByteView nonce = in.raw(entry.nonce.size());
  std::copy(nonce.begin(), nonce.end(), entry.nonce.begin());
  entry.epoch = in.varint();
  entry.checkpoint = in.varint();
  entry.adds = read_objects(in);
  entry.deletes = read_objects(in);
  entry.public_body = to_bytes(in.counted(kMaxLogEntryBytes, "public body"));
  return entry;
}

}  // namespace

Bytes encode_log_entry(const LogEntry& entry, const Secret32& repository_key,
                       const SigningKey& key) {
  ByteWriter out;
  write_plain(out, entry);
  const Secret32 sealing_key = body_key(repository_key, entry.number, entry.nonce);
  out.counted(seal_body(sealing_key, out.bytes(), entry.body));
  out.id(key.sign(signed_message(SignedObject::log_entry, entry.repository, out.bytes())));
  out.id(blake3(out.bytes()));
  if (out.size() > kMaxLogEntryBytes) {
    throw Error(ErrorKind::failed, "log entry: larger than " + format_size(kMaxLogEntryBytes));
  }
  return out.take();
}

ParsedLogEntry parse_log_entry(ByteView file) {
  ByteReader in(file, "log entry");
  if (file.size() > kMaxLogEntryBytes) in.fail("too large");
  if (file.size() < kLogMagic.size() + Id::kSize) in.fail("cut short");
  const ByteView checked = file.first(file.size() - Id::kSize);
  // The checksum first: only what was written so may claim to come from a newer version.
  if (blake3(checked) != Id::from(file.last(Id::kSize))) in.fail("wrong checksum");
  if (as_text(in.raw(kLogMagic.size())) != kLogMagic) in.fail("wrong magic");
  if (in.u8() != kLogVersion) throw Error(ErrorKind::newer_version, "log entry: unknown version");
  ParsedLogEntry parsed;
  parsed.plain = read_plain(in);
  parsed.associated_size = file.size() - in.remaining();
  const ByteView sealed = in.counted(kMaxLogEntryBytes, "sealed body");
  parsed.sealed_size = sealed.size();
  parsed.signed_size = file.size() - in.remaining();
  parsed.sealed_offset = parsed.signed_size - sealed.size();
  parsed.signature = in.id<Signature>();
  in.raw(Id::kSize);
  in.expect_end();
  parsed.file = to_bytes(file);
  parsed.hash = blake3(file);
  return parsed;
}

Bytes open_log_body(const ParsedLogEntry& entry, const Secret32& repository_key) {
  const ByteView file = entry.file;
  return open_body(body_key(repository_key, entry.plain.number, entry.plain.nonce),
                   file.first(entry.associated_size),
                   file.subspan(entry.sealed_offset, entry.sealed_size), "log entry");
}

bool is_log_entry_signed_by(const ParsedLogEntry& entry, const PublicKey& key) {
  const ByteView content = ByteView(entry.file).first(entry.signed_size);
  return is_signed_by(key, signed_message(SignedObject::log_entry, entry.plain.repository, content),
                      entry.signature);
}

std::string log_entry_name(std::uint64_t number) { return fmt::format("log/{:016x}", number); }

std::optional<std::uint64_t> log_number_of(std::string_view name) {
  if (!name.starts_with(kLogPrefix)) return std::nullopt;
  name.remove_prefix(kLogPrefix.size());
  if (name.ends_with(kCopySuffix)) name.remove_suffix(kCopySuffix.size());
  std::array<std::uint8_t, 8> bytes{};
  if (!from_hex(name, bytes)) return std::nullopt;
  std::uint64_t number = 0;
  for (const std::uint8_t byte : bytes) number = number << 8 | byte;
  return number;
}

}  // namespace coppice
