#include "base/codec.h"
#include "base/error.h"
#include "repo/slot.h"

namespace coppice {
namespace {

constexpr std::uint8_t kPayloadVersion = 1;
constexpr std::uint8_t kHasMetadataKey = 1;
constexpr std::uint8_t kHasDataKey = 2;
// Upper bounds, for one allocation: all before the epochs (214), list count, root seed; and one
// epoch.
constexpr std::size_t kMaxFixedBytes = 320;
constexpr std::size_t kMaxEpochBytes = 10 + 32 + 1 + 32 + 32;
constexpr std::size_t kMinEpochBytes = 1 + 32 + 1;

/// Appends to bytes that were reserved beforehand: a buffer that grew would leave secrets behind in
/// freed memory, which is why ByteWriter serves only for the public parts.
void append(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

void append_varint(Bytes& out, std::uint64_t value) {
  ByteWriter writer;
  writer.varint(value);
  append(out, writer.bytes());
}

void append_epoch(Bytes& out, const EpochSecrets& epoch) {
  append_varint(out, epoch.epoch);
  append(out, epoch.repository_key.view());
  out.push_back(static_cast<std::uint8_t>((epoch.metadata_private_key ? kHasMetadataKey : 0) |
                                          (epoch.data_private_key ? kHasDataKey : 0)));
  if (epoch.metadata_private_key) append(out, epoch.metadata_private_key->view());
  if (epoch.data_private_key) append(out, epoch.data_private_key->view());
}

[[noreturn]] void throw_newer(const std::string& what) {
  throw Error(ErrorKind::newer_version, "slot: unknown " + what + ": written by a newer coppice");
}

Secret32 read_secret(ByteReader& reader) { return Secret32(reader.raw(Secret32::kSize)); }

EpochSecrets read_epoch(ByteReader& reader) {
  EpochSecrets epoch;
  epoch.epoch = reader.varint();
  epoch.repository_key = read_secret(reader);
  const std::uint8_t flags = reader.u8();
  if (flags > (kHasMetadataKey | kHasDataKey)) throw_newer("flag");
  if (flags & kHasMetadataKey) epoch.metadata_private_key = read_secret(reader);
  if (flags & kHasDataKey) epoch.data_private_key = read_secret(reader);
  return epoch;
}

}  // namespace

SecretBytes encode_slot_payload(const SlotPayload& payload) {
  Bytes out;
  out.reserve(kMaxFixedBytes + payload.epochs.size() * kMaxEpochBytes);
  out.push_back(kPayloadVersion);
  out.push_back(static_cast<std::uint8_t>(payload.role));
  append(out, payload.slot_id.view());
  append(out, payload.repository_id.view());
  append(out, payload.root_public_key.view());
  append(out, payload.signing_seed.view());
  append(out, payload.box_private_key.view());
  append(out, payload.family_secret.view());
  append_varint(out, payload.epochs.size());
  for (const EpochSecrets& epoch : payload.epochs) append_epoch(out, epoch);
  out.push_back(payload.root_seed ? 1 : 0);
  if (payload.root_seed) append(out, payload.root_seed->view());
  return SecretBytes(std::move(out));
}

SlotPayload decode_slot_payload(ByteView bytes) {
  ByteReader reader(bytes, "slot payload");
  if (reader.u8() != kPayloadVersion) throw_newer("version");
  const std::uint8_t role = reader.u8();
  if (!is_known_role(role)) throw_newer("role");
  SlotPayload payload;
  payload.role = static_cast<Role>(role);
  payload.slot_id = reader.id<SlotId>();
  payload.repository_id = reader.id();
  payload.root_public_key = reader.id<PublicKey>();
  payload.signing_seed = read_secret(reader);
  payload.box_private_key = read_secret(reader);
  payload.family_secret = read_secret(reader);
  const std::size_t count = reader.count(kMinEpochBytes, kMaxSlotEpochs, "epochs");
  payload.epochs.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    EpochSecrets epoch = read_epoch(reader);
    if (i > 0 && epoch.epoch <= payload.epochs.back().epoch) reader.fail("epochs out of order");
    payload.epochs.push_back(std::move(epoch));
  }
  const std::uint8_t has_root_seed = reader.u8();
  if (has_root_seed > 1) reader.fail("has root seed is neither 0 nor 1");
  if (has_root_seed == 1) payload.root_seed = read_secret(reader);
  reader.expect_end();
  return payload;
}

}  // namespace coppice
