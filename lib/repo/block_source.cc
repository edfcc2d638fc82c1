#include "repo/block_source.h"

#include <optional>

#include "base/error.h"
#include "repo/object_names.h"

namespace coppice {

RawBlock BlockSource::open(const ChunkPlace& place, const ReadSealed& read_sealed,
                           ByteView prefix) {
  const BlockRecord& record = place.block_record();
  const BlockInfo info = place.run->block_info(record);
  const Secret32& secret = secrets_.secret(info.seal.session, info.chunk_class);
  return openers_.with([] { return BlockOpener(); },
                       [&](BlockOpener& opener) {
                         const MutableByteView sealed =
                             opener.room_for_sealed(record.sealed_length);
                         read_sealed(record.offset, sealed);
                         return opener.open(info, sealed, secret, prefix);
                       });
}

/// From the second copy, or by the parity: nothing is written.
RawBlock BlockSource::open_healed(const ChunkPlace& place, ByteView prefix) {
  const PackRecord& pack = place.pack_record();
  RawBlock raw;
  if (pack.length < kParityFromBytes) {
    const std::string copy = copy_name(pack_name(pack.name));
    raw = open(
        place, [&](std::uint64_t offset, MutableByteView out) { store_.read(copy, offset, out); },
        prefix);
  } else {
    const ObjectRef object{ObjectKind::pack, Side::parity, pack.name, pack.length};
    raw = open(
        place,
        [&](std::uint64_t offset, MutableByteView out) {
          if (!healer_.read(object, offset, out)) throw_damaged("parity cannot heal it");
        },
        prefix);
  }
  healed_.add();
  healed_packs_.with([&](std::set<Id>& packs) { packs.insert(pack.name); });
  return raw;
}

RawBlock BlockSource::read(const ChunkPlace& place, BaseProof proof) {
  const PackRecord& pack = place.pack_record();
  Bytes prefix;
  try {
    prefix = read_prefix(place, proof);
  } catch (const Error& error) {
    throw error.within("pack " + pack.name.short_hex());
  }
  const std::string object = pack_name(pack.name);
  try {
    return open(
        place, [&](std::uint64_t offset, MutableByteView out) { store_.read(object, offset, out); },
        prefix);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::damaged) throw;
    try {
      return open_healed(place, prefix);
    } catch (const Error& second) {
      if (second.kind() == ErrorKind::interrupted) throw;
      const char* side = pack.length < kParityFromBytes ? " and its second copy" : "";
      throw error.within("pack " + pack.name.short_hex() + side);
    }
  }
}

BlockCache::Block BlockSource::read_cached(const ChunkPlace& place) {
  return cache_.get(place.block_key(), [&] { return read(place); });
}

Bytes BlockSource::read_prefix(const ChunkPlace& place, BaseProof proof) {
  Bytes prefix;
  // Mostly bases are about as long as what is made of them.
  if (place.is_delta()) prefix.reserve(place.block_record().raw_length * std::size_t{5} / 4);
  const auto chunk_class = static_cast<ChunkClass>(place.block_record().chunk_class);
  for (const BlockBase& base : place.run->bases(place.block_record()))
    append_base(chunk_class, base.id, proof, prefix);
  return prefix;
}

bool BlockSource::append_place(const ChunkPlace& place, ChunkClass chunk_class, const Id& id,
                               BaseProof proof, Bytes& prefix) {
  const BlockCache::Block raw = read_cached(place);
  if (place.offset + std::uint64_t{place.length} > raw->size()) return false;
  const ByteView bytes = ByteView(*raw).subspan(place.offset, place.length);
  if (proof == BaseProof::by_id && secrets_.keyring().identity(chunk_class).id(bytes) != id) {
    return false;
  }
  if (prefix.size() + bytes.size() > kMaxPrefixBytes) throw_damaged("delta block: bases too long");
  prefix.insert(prefix.end(), bytes.begin(), bytes.end());
  return true;
}

void BlockSource::append_base(ChunkClass chunk_class, const Id& id, BaseProof proof,
                              Bytes& prefix) {
  std::optional<Error> first_error;
  // Only plain places: a base that is a delta itself would make chains (docs/format.md, section 7).
  for (const ChunkPlace& place : index_.find(id)) {
    const auto place_class = static_cast<ChunkClass>(place.block_record().chunk_class);
    if (place.is_delta() || place_class != chunk_class) continue;
    try {
      if (append_place(place, chunk_class, id, proof, prefix)) return;
    } catch (const Error& error) {  // per item: other places are tried
      if (error.kind() != ErrorKind::damaged) throw;
      if (!first_error) first_error = error;
    }
  }
  if (first_error) throw first_error->within("base " + id.short_hex() + " of a delta block");
  throw_damaged("base " + id.short_hex() + " of a delta block is missing");
}

}  // namespace coppice
