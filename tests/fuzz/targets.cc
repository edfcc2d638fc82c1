#include "targets.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

#include "backup/exclude_file.h"
#include "backup/git_pattern.h"
#include "backup/pattern.h"
#include "base/codec.h"
#include "base/error.h"
#include "compress/compressor.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "index/index_object.h"
#include "index/index_run.h"
#include "pack/block_codec.h"
#include "pack/pack_file.h"
#include "pack/table.h"
#include "parity/damage.h"
#include "parity/parity_file.h"
#include "repo/checkpoint.h"
#include "repo/export.h"
#include "repo/header.h"
#include "repo/key_file.h"
#include "repo/log_bodies.h"
#include "repo/log_entry.h"
#include "repo/readme_text.h"
#include "repo/session_record.h"
#include "repo/slot.h"
#include "snapshot/content_codec.h"
#include "snapshot/snapshot_record.h"
#include "snapshot/tree_codec.h"

/// Checksums and seals would stop nearly every altered input at the door, and an attacker who has
/// the key, or a writer with a fault, passes them. So targets of such objects take what lies behind
/// the door: they seal it, or put the checksum right, with keys of their own.
namespace coppice::fuzz {
namespace {

const Secret32& fixed_key() {
  static const Secret32 key(Bytes(32, 5));
  return key;
}

const Id& fixed_repository() {
  static const Id id = blake3({});
  return id;
}

/// What most decoders may throw.
template <typename Decode>
void decode(const Decode& call) {
  try {
    call();
  } catch (const Error& error) {
    const bool is_expected = error.is_about_bytes() || error.kind() == ErrorKind::no_repository;
    if (!is_expected) throw;
  }
}

/// The text with its last member `checksum` put right, as write_checked_json has it.
Bytes with_checksum(ByteView text) {
  constexpr std::string_view kMember = "\"checksum\"";
  const std::string_view whole = as_text(text);
  const std::size_t at = std::min(whole.rfind(kMember), whole.size());
  Bytes fixed = to_bytes(text.first(at));
  const std::string member = std::string(kMember) + ": \"" + blake3(fixed).hex() + "\"\n}\n";
  const ByteView tail = as_bytes(member);
  fixed.insert(fixed.end(), tail.begin(), tail.end());
  return fixed;
}

/// The object with the BLAKE3 of all before it as its last 32 bytes.
Bytes with_hash(ByteView bytes) {
  Bytes fixed = to_bytes(bytes.first(bytes.size() - std::min<std::size_t>(bytes.size(), 32)));
  const Id hash = blake3(fixed);
  fixed.insert(fixed.end(), hash.bytes.begin(), hash.bytes.end());
  return fixed;
}

void header(ByteView input) {
  decode([&] { decode_header(input); });
  decode([&] { is_read_only(decode_header(with_checksum(input))); });
}

void slot(ByteView input) {
  decode([&] { parse_slot(input); });
  decode([&] { parse_slot(with_checksum(input)); });
}

void slot_payload(ByteView input) {
  decode([&] { encode_slot_payload(decode_slot_payload(input)); });
}

void header_export(ByteView input) {
  decode([&] { decode_export(input); });
  decode([&] { decode_export(with_checksum(input)); });
}

void key_file(ByteView input) {
  decode([&] { parse_key_file(input); });
}

void readme(ByteView input) { (void)is_readme_intact(input); }

void log_entry(ByteView input) {
  decode([&] { parse_log_entry(input); });
  decode([&] {
    const ParsedLogEntry entry = parse_log_entry(with_hash(input));
    (void)is_log_entry_signed_by(entry, PublicKey{});
    open_log_body(entry, fixed_key());
  });
}

void checkpoint(ByteView input) {
  // Split by the first byte: public part, sealed part.
  const std::size_t half = input.empty() ? 0 : input.size() * input[0] / 256;
  LogEntry entry;
  entry.type = LogEntryType::checkpoint;
  entry.public_body = to_bytes(input.first(half));
  LogState state;
  decode([&] { decode_checkpoint_body(input); });
  decode([&] { restore_contents(state, entry, input.subspan(half), ChunkIdentity(fixed_key())); });
}

/// The first byte says which body it is.
void log_body(ByteView input) {
  if (input.empty()) return;
  const ByteView body = input.subspan(1);
  decode([&] {
    switch (input[0] % 12) {
      case 0:
        return void(decode_names(body, "names"));
      case 1:
        return void(decode_snapshot_body(body));
      case 2:
        return void(decode_tag_body(body));
      case 3:
        return void(decode_remove_body(body));
      case 4:
        return void(decode_damaged_chunks(body));
      case 5:
        return void(decode_certificate_body(body));
      case 6:
        return void(decode_certificate_terms(body));
      case 7:
        return void(decode_revocation_body(body));
      case 8:
        return void(decode_epoch_body(body));
      case 9:
        return void(decode_parameters(body));
      case 10:
        return void(decode_drill_body(body));
      default:
        return void(decode_void_body(body));
    }
  });
}

void session_record(ByteView input) {
  decode([&] { parse_session_record(input); });
  decode([&] {
    const ParsedSessionRecord record = parse_session_record(with_hash(input));
    (void)is_session_record_signed_by(record, PublicKey{});
    open_session_record(record, fixed_key());
  });
}

/// Eight bytes: where the footer says that the table lies; then the table.
void pack(ByteView input) {
  decode([&] { ObjectPrefix::decode(input, kPackMagic, "pack"); });
  if (input.size() < 8) return;
  const ObjectPrefix prefix;
  const Bytes tail =
      seal_pack_tail(prefix, fixed_key(), fixed_repository(), kObjectPrefixBytes, input.subspan(8));
  decode([&] {
    const std::uint64_t length = ByteReader(input).u64();
    const TablePlace place = open_pack_footer(prefix, fixed_key(), fixed_repository(),
                                              ByteView(tail).last(kPackFooterBytes), length);
    const ByteView sealed = ByteView(tail).first(
        static_cast<std::size_t>(std::min<std::uint64_t>(place.length, tail.size())));
    decode_table(open_pack_table(prefix, fixed_key(), fixed_repository(), sealed));
  });
}

void table(ByteView input) {
  decode([&] {
    const PackTable decoded = decode_table(input);
    (void)is_table_signed_by(input, fixed_repository(), PublicKey{});
    IndexRunBuilder builder;
    builder.add(fixed_repository(), decoded.blocks_length(), decoded);
    const IndexRun run = builder.build();
    for (const ChunkRecord& chunk : run.chunks()) (void)run.find(chunk.id);
  });
}

/// Decompressing a block: two bytes of raw length, then the encoded bytes, which the target seals.
void block(ByteView input) {
  if (input.size() < 3) return;
  BlockInfo info;
  info.encoding = kEncodingZstd;
  info.raw_length = static_cast<std::uint32_t>(input[0] + 256 * input[1] + 1);
  const ByteView encoded = input.subspan(2);
  Bytes sealed(encoded.size() + kAeadTagBytes);
  Aead(info.cipher, block_key(fixed_key(), info.chunk_class, info.seal))
      .seal(counter_nonce(info.seal.counter), block_associated_data(info), encoded, sealed);
  info.sealed_length = static_cast<std::uint32_t>(sealed.size());
  info.sealed_hash = blake3(sealed);
  decode([&] {
    BlockOpener opener;
    if (opener.open(info, sealed, fixed_key()).size() != info.raw_length)
      throw std::logic_error("a block of another length than its table says");
  });
}

void index_object(ByteView input) {
  decode([&] { index_object_epoch(input); });
  ObjectPrefix prefix;
  Bytes object = prefix.encode(kIndexMagic);
  object.resize(kObjectPrefixBytes + input.size() + kAeadTagBytes);
  Aead(Cipher::aes_256_gcm, hkdf_sha256(fixed_key().view(), {}, "coppice/1 index", prefix.nonce))
      .seal(counter_nonce(0), fixed_repository().view(), input,
            MutableByteView(object).subspan(kObjectPrefixBytes));
  decode([&] {
    for (const IndexedTable& each : decode_index_object(object, fixed_key(), fixed_repository()))
      decode([&] { decode_table(each.table); });
  });
}

void index_image(ByteView input) {
  const auto words = std::make_shared<std::vector<std::uint64_t>>(input.size() / 8 + 1);
  if (!input.empty()) std::memcpy(words->data(), input.data(), input.size());
  const ByteView image(reinterpret_cast<const std::uint8_t*>(words->data()), input.size());
  decode([&] {
    const IndexRun run = IndexRun::from_image(words, image);
    for (const PackRecord& each : run.packs()) (void)run.find(each.name);
  });
}

void tree_part(ByteView input) {
  decode([&] {
    const TreePart part = decode_tree_part(input);
    // What was taken can be written, and then reads as the same.
    if (part.nodes.empty()) return;
    Bytes again;
    try {
      again = encode_tree_part(part.nodes);
    } catch (const Error& error) {  // written parts are smaller than those that are read
      if (error.kind() == ErrorKind::failed) return;
      throw;
    }
    if (decode_tree_part(again).nodes != part.nodes)
      throw std::logic_error("a tree part that was written again reads as another one");
  });
}

void content_lists(ByteView input) {
  decode([&] { decode_list(input); });
  decode([&] { decode_content_part(input); });
  decode([&] {
    ByteReader in(input);
    read_reference(in);
  });
}

void snapshot_record(ByteView input) {
  (void)is_snapshot_signed(input);
  decode([&] { decode_snapshot(input); });
}

/// The file's pages with their checksums put right.
Bytes with_page_checksums(ByteView input) {
  constexpr std::size_t kPage = 4096;
  Bytes fixed = to_bytes(input);
  for (std::size_t at = 0; at + kPage <= fixed.size(); at += kPage) {
    if (as_text(ByteView(fixed).subspan(at, 8)) != "CPPARITY") continue;
    const Id hash = blake3(ByteView(fixed).subspan(at, kPage - 32));
    std::copy(hash.bytes.begin(), hash.bytes.end(),
              fixed.begin() + static_cast<std::ptrdiff_t>(at + kPage - 32));
  }
  return fixed;
}

void heal(const ParityFile& file, ByteView object) {
  DamageScanner scanner(file);
  scanner.append(object);
  const DamageReport report = scanner.finish();
  if (!report.healable) return;
  rebuild(file, report, [&](std::uint64_t sector, MutableByteView out) {
    std::fill(out.begin(), out.end(), std::uint8_t{0});
    const std::uint64_t from = sector * out.size();
    if (from >= object.size()) return;
    const ByteView part = object.subspan(
        static_cast<std::size_t>(from),
        std::min<std::size_t>(out.size(), object.size() - static_cast<std::size_t>(from)));
    std::copy(part.begin(), part.end(), out.begin());
  });
}

void parity(ByteView input) {
  decode([&] { ParityFile::parse(to_bytes(input)); });
  decode([&] {
    const ParityFile file = ParityFile::parse(with_page_checksums(input));
    if (file.object_length() <= 1 << 20) heal(file, Bytes(5000, 1));
  });
}

/// First line: the pattern; the rest: a path.
void exclude_pattern(ByteView input) {
  const std::string_view text = as_text(input);
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view path = text.substr(std::min(end + 1, text.size()));
  for (const bool ignore_case : {false, true}) {
    try {
      (void)Pattern(text.substr(0, end), ignore_case).matches(path);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::usage) throw;
    }
  }
  try {
    parse_exclude_lines(text, [](const std::string& name) { return name; });
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::usage) throw;
  }
}

void git_pattern(ByteView input) {
  const std::string_view text = as_text(input);
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view path = text.substr(std::min(end + 1, text.size()));
  for (const GitPattern& pattern : parse_ignore_file(text)) {
    (void)pattern.matches(path, false);
    (void)pattern.matches(path, true);
  }
}

}  // namespace

const std::vector<Target>& targets() {
  static const std::vector<Target> all = {
      {"header", header},
      {"slot", slot},
      {"slot_payload", slot_payload},
      {"header_export", header_export},
      {"key_file", key_file},
      {"readme", readme},
      {"log_entry", log_entry},
      {"log_body", log_body},
      {"checkpoint", checkpoint},
      {"session_record", session_record},
      {"pack", pack},
      {"table", table},
      {"block", block},
      {"index_object", index_object},
      {"index_image", index_image},
      {"tree_part", tree_part},
      {"content_lists", content_lists},
      {"snapshot_record", snapshot_record},
      {"parity", parity},
      {"exclude_pattern", exclude_pattern},
      {"git_pattern", git_pattern},
  };
  return all;
}

const Target& target(std::string_view name) {
  for (const Target& each : targets()) {
    if (each.name == name) return each;
  }
  throw std::out_of_range("no fuzz target is called " + std::string(name));
}

void run_one(const Target& target, ByteView input) { target.run(input); }

}  // namespace coppice::fuzz
