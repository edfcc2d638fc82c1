#include "snapshot/snapshot_record.h"

#include <array>
#include <numeric>
#include <string_view>

#include "base/codec.h"
#include "base/error.h"
#include "crypto/hash.h"
#include "repo/log_bodies.h"  // kMaxTagBytes
#include "snapshot/content_codec.h"
#include "snapshot/tree_codec.h"

namespace coppice {
namespace {

constexpr std::uint8_t kRecordVersion = 1;
constexpr std::uint8_t kSignedType = 4;
constexpr std::uint64_t kTimeGiven = 1;
constexpr std::uint64_t kImported = 2;
constexpr std::uint64_t kIncomplete = 4;
constexpr std::uint64_t kLacksTrusted = 8;
constexpr std::uint64_t kAllFlags = 15;
// Years 1 to 9999, which RFC 3339 can write.
constexpr std::int64_t kMinSeconds = -62'135'596'800;
constexpr std::int64_t kMaxSeconds = 253'402'300'799;
constexpr std::int32_t kMaxOffsetMinutes = 1439;
constexpr std::uint32_t kMaxNanoseconds = 999'999'999;
constexpr std::size_t kMaxTextBytes = 255;
constexpr std::size_t kMaxPaths = 65536;
constexpr std::size_t kMaxPathBytes = kMiB;
constexpr std::size_t kMaxTags = 1024;
/// "/" stands in the record as the one node of a tree part, under a name of its own.
constexpr std::size_t kMaxRootBytes = 512 * kKiB;
constexpr std::string_view kRootName = "root";

using Counter = std::uint64_t SnapshotSummary::*;
/// In the order of the page.
constexpr std::array<Counter, 14> kCounters = {&SnapshotSummary::files_new,
                                               &SnapshotSummary::files_changed,
                                               &SnapshotSummary::files_unmodified,
                                               &SnapshotSummary::dirs_new,
                                               &SnapshotSummary::dirs_changed,
                                               &SnapshotSummary::dirs_unmodified,
                                               &SnapshotSummary::data_blobs,
                                               &SnapshotSummary::tree_blobs,
                                               &SnapshotSummary::data_added,
                                               &SnapshotSummary::data_added_packed,
                                               &SnapshotSummary::total_files_processed,
                                               &SnapshotSummary::total_bytes_processed,
                                               &SnapshotSummary::duration_ms,
                                               &SnapshotSummary::error_count};
static_assert(sizeof(SnapshotSummary) == kCounters.size() * sizeof(std::uint64_t));

bool is_absolute_path(std::string_view path) {
  return path.starts_with('/') && path.find('\0') == std::string_view::npos;
}

std::size_t total_bytes(const std::vector<std::string>& texts) {
  return std::accumulate(
      texts.begin(), texts.end(), std::size_t{0},
      [](std::size_t sum, const std::string& text) { return sum + text.size(); });
}

/// What breaks the page, or nothing; the same for writing and reading.
std::string_view record_problem(const SnapshotRecord& record) {
  const std::int32_t offset = record.utc_offset_minutes;
  if (record.time.seconds < kMinSeconds || record.time.seconds > kMaxSeconds) return "not a time";
  if (record.time.nanoseconds > kMaxNanoseconds) return "not a time";
  if (offset > kMaxOffsetMinutes || offset < -kMaxOffsetMinutes) return "not an offset from UTC";
  if (record.user.size() > kMaxTextBytes) return "user name too long";
  if (record.program_version.size() > kMaxTextBytes) return "program version too long";
  if (const auto problem = problem_of_names(record); !problem.empty()) return problem;
  if (record.root.meta.type != FileType::directory || !record.root.subtree) {
    return "its root is no directory that could be read";
  }
  return record.root.subtree->levels > kMaxReferenceLevels ? "reference too deep" : "";
}

Bytes encode_root(Node root) {
  root.name = kRootName;
  return encode_tree_part(std::span(&root, 1));
}

Node decode_root(ByteView part) {
  TreePart decoded = decode_tree_part(part, "snapshot's root");
  if (decoded.nodes.size() != 1 || decoded.nodes.front().name != kRootName) {
    throw Error(ErrorKind::damaged, "snapshot: not one root");
  }
  Node root = std::move(decoded.nodes.front());
  root.name.clear();
  return root;
}

void write_texts(ByteWriter& out, const std::vector<std::string>& texts) {
  out.varint(texts.size());
  for (const std::string& text : texts) out.text(text);
}

struct TextBounds {
  std::size_t count;
  std::size_t bytes;
};

std::vector<std::string> read_texts(ByteReader& in, TextBounds max, std::string_view field) {
  std::vector<std::string> texts(in.count(1, max.count, field));
  for (std::string& text : texts) text = in.text(max.bytes, field);
  return texts;
}

/// All before the origin.
void write_facts(ByteWriter& out, const SnapshotRecord& record) {
  out.u8(kRecordVersion);
  out.varint((record.is_time_given ? kTimeGiven : 0) | (record.is_imported ? kImported : 0) |
             (record.is_incomplete ? kIncomplete : 0) |
             (record.lacks_trusted_xattrs ? kLacksTrusted : 0));
  out.svarint(record.time.seconds);
  out.varint(record.time.nanoseconds);
  out.svarint(record.utc_offset_minutes);
  out.text(record.host);
  out.text(record.user);
  write_texts(out, record.paths);
  write_texts(out, record.tags);
  out.counted(encode_root(record.root));
  out.u8(record.parent ? 1 : 0);
  if (record.parent) out.id(*record.parent);
  for (const Counter counter : kCounters) out.varint(record.summary.*counter);
  out.text(record.program_version);
}

void read_head(ByteReader& in, SnapshotRecord& record) {
  const std::uint64_t flags = in.varint_max(kAllFlags, "flags");
  record.is_time_given = (flags & kTimeGiven) != 0;
  record.is_imported = (flags & kImported) != 0;
  record.is_incomplete = (flags & kIncomplete) != 0;
  record.lacks_trusted_xattrs = (flags & kLacksTrusted) != 0;
  record.time.seconds = in.svarint();
  record.time.nanoseconds =
      static_cast<std::uint32_t>(in.varint_max(kMaxNanoseconds, "nanoseconds"));
  const std::int64_t offset = in.svarint();
  if (offset > kMaxOffsetMinutes || offset < -kMaxOffsetMinutes) in.fail("not an offset from UTC");
  record.utc_offset_minutes = static_cast<std::int32_t>(offset);
}

void read_facts(ByteReader& in, SnapshotRecord& record) {
  read_head(in, record);
  record.host = in.text(kMaxTextBytes, "host");
  record.user = in.text(kMaxTextBytes, "user");
  record.paths = read_texts(in, {kMaxPaths, kMaxPathBytes}, "path");
  record.tags = read_texts(in, {kMaxTags, kMaxTagBytes}, "tag");
  record.root = decode_root(in.counted(kMaxRootBytes, "root"));
  const std::uint8_t has_parent = in.u8();
  if (has_parent > 1) in.fail("neither parent nor none");
  if (has_parent == 1) record.parent = in.id();
  for (const Counter counter : kCounters) record.summary.*counter = in.varint();
  record.program_version = in.text(kMaxTextBytes, "program version");
}

Bytes signed_message(ByteView facts_and_origin, const Id& repository) {
  ByteWriter message;
  message.raw(as_bytes("coppice/1"));
  message.id(repository);
  message.u8(kSignedType);
  message.raw(facts_and_origin);
  return message.take();
}

}  // namespace

std::string_view problem_of_names(const SnapshotRecord& record) {
  if (record.host.size() > kMaxTextBytes) return "a host name of more than 255 bytes";
  if (record.paths.size() > kMaxPaths) return "more than 65536 paths";
  for (const std::string& path : record.paths) {
    if (path.size() > kMaxPathBytes || !is_absolute_path(path))
      return "a path that is not absolute or has more than 1 MiB";
  }
  if (record.tags.size() > kMaxTags) return "more than 1024 tags";
  for (const std::string& tag : record.tags) {
    if (tag.size() > kMaxTagBytes) return "a tag of more than 1024 bytes";
  }
  const std::size_t bytes = total_bytes(record.paths) + total_bytes(record.tags);
  return bytes > kMaxSnapshotRecordBytes ? "paths and tags of more than 1 MiB in all" : "";
}

Bytes encode_snapshot(const SnapshotRecord& record, const SigningKey& key, const Id& repository,
                      const SlotId& slot) {
  if (const auto problem = record_problem(record); !problem.empty()) {
    throw Error(ErrorKind::failed, "snapshot: " + std::string(problem));
  }
  ByteWriter out;
  write_facts(out, record);
  out.id(repository);
  out.id(slot);
  out.id(key.public_key());
  out.id(key.sign(signed_message(out.bytes(), repository)));
  if (out.size() > kMaxSnapshotRecordBytes) {
    throw Error(ErrorKind::failed,
                "snapshot: its paths, tags and the metadata of / take more than 1 MiB; name fewer "
                "paths");
  }
  return out.take();
}

SnapshotRecord decode_snapshot(ByteView encoded) {
  ByteReader in(encoded, "snapshot");
  if (encoded.size() > kMaxSnapshotRecordBytes) in.fail("too large");
  read_metadata_version(in, "snapshot");
  SnapshotRecord record;
  read_facts(in, record);
  record.origin.repository = in.id();
  record.origin.slot = in.id<SlotId>();
  record.origin.key = in.id<PublicKey>();
  record.origin.signature = in.id<Signature>();
  in.expect_end();
  if (const auto problem = record_problem(record); !problem.empty()) in.fail(problem);
  return record;
}

bool is_snapshot_signed(ByteView encoded) {
  // The origin has a fixed size and comes last, so a record of any version can be judged by it.
  constexpr std::size_t kOriginBytes =
      Id::kSize + SlotId::kSize + PublicKey::kSize + Signature::kSize;
  if (encoded.size() < kOriginBytes || encoded.size() > kMaxSnapshotRecordBytes) return false;
  ByteReader origin(encoded.last(kOriginBytes), "snapshot");
  const Id repository = origin.id();
  origin.raw(SlotId::kSize);
  const auto key = origin.id<PublicKey>();
  const auto signature = origin.id<Signature>();
  const ByteView signed_bytes = encoded.first(encoded.size() - Signature::kSize);
  return is_signed_by(key, signed_message(signed_bytes, repository), signature);
}

Id snapshot_id(const Secret32& metadata_id_key, ByteView encoded) {
  return ChunkIdentity(metadata_id_key).id(encoded);
}

}  // namespace coppice
