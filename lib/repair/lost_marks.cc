#include <algorithm>
#include <utility>

#include "base/error.h"
#include "crypto/hash.h"
#include "pack/pack_file.h"
#include "repair/repair.h"
#include "repair/signed_tables.h"
#include "repo/block_source.h"
#include "repo/object_check.h"
#include "repo/object_healer.h"
#include "repo/object_names.h"
#include "repo/role_rights.h"

/// What the log says of damage (docs/format.md, section 5, "damaged" and "attest"): a backup counts
/// on what is listed at its right size, so damage within a pack must be told to it.
namespace coppice {
namespace {

/// The marks that one pack deserves.
struct PackMarks {
  bool has_loss = false;
  DamagedPack chunks;  // empty: all that is in it
};

class LostMarks {
 public:
  LostMarks(Repository& repository, const RepairOptions& options, RepairResult& result,
            FindingSink& findings)
      : repository_(repository),
        options_(options),
        result_(result),
        findings_(findings),
        tables_(repository),
        healer_(repository.store()) {}

  void mark_lost();
  void lift_marks();

 private:
  PackMarks find_loss(const ObjectRef& pack);
  bool is_readable(const ObjectRef& pack, const BlockInfo& block, std::uint64_t offset);
  bool is_new(const Id& pack, const PackMarks& marks) const;
  bool is_whole(const ObjectRef& pack) const;
  bool is_proved(const Id& pack, const Index& index);
  void check_stop() const {
    if (options_.stop != nullptr) options_.stop->check();
  }

  Repository& repository_;
  const RepairOptions& options_;
  RepairResult& result_;
  FindingSink& findings_;
  const SignedTables tables_;
  ObjectHealer healer_;
};

/// By the hash in the signed table, so that no key for contents is needed.
bool LostMarks::is_readable(const ObjectRef& pack, const BlockInfo& block, std::uint64_t offset) {
  Bytes sealed(block.sealed_length);
  try {
    repository_.store().read(pack_name(pack.name), offset, sealed);
    if (blake3(sealed) == block.sealed_hash) return true;
    if (pack.side == Side::copy) {
      repository_.store().read(copy_name(pack_name(pack.name)), offset, sealed);
      if (blake3(sealed) == block.sealed_hash) return true;
    }
  } catch (const Error& error) {  // per item: what parity has is asked next
    if (error.kind() != ErrorKind::damaged) throw;
  }
  return healer_.read(pack, offset, sealed) && blake3(sealed) == block.sealed_hash;
}

PackMarks LostMarks::find_loss(const ObjectRef& pack) {
  const bool is_there = repository_.store().size(pack_name(pack.name)) == pack.length;
  std::optional<Bytes> encoded;
  if (is_there) encoded = tables_.from_pack(pack);
  if (!encoded) encoded = tables_.from_index(pack);
  PackMarks marks;
  if (!encoded) {  // and `prune` never touches what nobody knows, unless it is given up
    marks.has_loss = true;
    return marks;
  }
  // What is missing or has another size is noticed by every listing, and needs no mark.
  if (!is_there) return {};
  const PackTable table = decode_table(*encoded);
  std::uint64_t offset = kObjectPrefixBytes;
  for (const BlockInfo& block : table.blocks) {
    check_stop();
    if (!is_readable(pack, block, offset)) {
      for (const ChunkEntry& chunk : block.chunks)
        marks.chunks.insert({block.chunk_class, chunk.id});
    }
    offset += block.sealed_length;
  }
  marks.has_loss = !marks.chunks.empty();
  return marks;
}

bool LostMarks::is_new(const Id& pack, const PackMarks& marks) const {
  const auto known = repository_.state().damaged.find(pack);
  if (known == repository_.state().damaged.end()) return true;
  if (known->second.empty()) return false;
  return marks.chunks.empty() || !std::includes(known->second.begin(), known->second.end(),
                                                marks.chunks.begin(), marks.chunks.end());
}

void LostMarks::mark_lost() {
  std::vector<Id> packs;
  std::vector<DamagedChunk> chunks;
  for (const auto& [name, why] : result_.lost_packs) {
    const ObjectRef* pack = repository_.state().objects.find(name);
    if (pack == nullptr) continue;
    const PackMarks marks = find_loss(*pack);
    if (!marks.has_loss || !is_new(name, marks)) continue;
    packs.push_back(name);
    for (const ChunkName& chunk : marks.chunks) chunks.push_back({name, chunk});
    findings_.report(
        {Finding::Weight::note, "marked_lost", pack_name(name),
         (marks.chunks.empty() ? "all of it" : std::to_string(marks.chunks.size()) + " chunks") +
             std::string(options_.is_dry_run ? " would be" : " are") +
             " marked in the log as lost: the next backup stores anew what the live files still "
             "have"});
  }
  if (packs.empty() || options_.is_dry_run) return;
  repository_.append([&](const LogState&) {
    return LogAppend{
        LogEntryType::damaged, {}, {}, encode_names(packs), encode_damaged_chunks(chunks)};
  });
}

bool LostMarks::is_whole(const ObjectRef& pack) const {
  const ObjectReader reader{repository_.store(), piece_bytes_for(1), options_.stop,
                            [](std::uint64_t) {}};
  return check_object(reader, pack).object == FileState::intact;
}

/// Opens every block of the pack and computes every id.
bool LostMarks::is_proved(const Id& pack, const Index& index) {
  BlockSource blocks(repository_.store(), index, repository_.secrets());
  bool has_any = false;
  for (std::uint32_t number = 0; number < index.runs().size(); ++number) {
    const IndexRun& run = index.runs()[number];
    std::map<std::uint32_t, std::vector<ChunkPlace>> by_block;
    std::map<std::pair<std::uint32_t, std::uint32_t>, Id> ids;
    for (const ChunkRecord& chunk : run.chunks()) {
      if (run.packs()[run.blocks()[chunk.block].pack].name != pack) continue;
      by_block[chunk.block].push_back(
          {&run, number, chunk.block, chunk.offset, chunk.length(), chunk.is_delta()});
      ids[{chunk.block, chunk.offset}] = chunk.id;
    }
    for (const auto& [block, places] : by_block) {
      check_stop();
      const RawBlock raw = blocks.read(places.front());
      const auto chunk_class = static_cast<ChunkClass>(places.front().block_record().chunk_class);
      for (const ChunkPlace& place : places) {
        if (std::uint64_t{place.offset} + place.length > raw.size()) return false;
        const ByteView bytes = ByteView(raw).subspan(place.offset, place.length);
        const Id& id = ids.at({block, place.offset});
        if (repository_.keyring().identity(chunk_class).id(bytes) != id) return false;
        has_any = true;
      }
    }
  }
  return has_any;
}

void LostMarks::lift_marks() {
  std::vector<Id> whole;
  for (const auto& [name, chunks] : repository_.state().damaged) {
    const ObjectRef* pack = repository_.state().objects.find(name);
    if (pack != nullptr && is_whole(*pack)) whole.push_back(name);
  }
  if (whole.empty()) return;
  const bool may_lift = may_append(repository_.keyring().role(), LogEntryType::attest);
  std::vector<Id> proved;
  const LoadedIndex loaded = repository_.load_index({}, findings_);
  for (const Id& name : whole) {
    bool is_good = false;
    try {
      is_good = may_lift && is_proved(name, loaded.index);
    } catch (const Error& error) {  // per item
      if (!error.is_about_bytes()) throw;
    }
    if (is_good) proved.push_back(name);
    findings_.report({Finding::Weight::note, is_good ? "mark_lifted" : "mark_stays",
                      pack_name(name),
                      is_good ? "is whole again: it counts as stored"
                              : "is whole again, but stays marked as lost: an owner's `coppice "
                                "repair packs` can open every block and lift the mark"});
  }
  if (proved.empty() || options_.is_dry_run) return;
  repository_.append([&](const LogState&) {
    return LogAppend{LogEntryType::attest, {}, {}, encode_names(proved), {}};
  });
}

}  // namespace

void mark_lost_packs(Repository& repository, const RepairOptions& options, RepairResult& result,
                     FindingSink& findings) {
  LostMarks marks(repository, options, result, findings);
  marks.mark_lost();
  marks.lift_marks();
}

}  // namespace coppice
