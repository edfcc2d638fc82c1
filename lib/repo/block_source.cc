#include "repo/block_source.h"

#include "base/error.h"
#include "repo/object_names.h"

namespace coppice {

Bytes BlockSource::open(const ChunkPlace& place, const std::string& object, ByteView prefix) {
  const BlockRecord& record = place.block_record();
  const BlockInfo info = place.run->block_info(record);
  Bytes sealed(record.sealed_length);
  store_.read(object, record.offset, sealed);
  const Secret32& secret = secrets_.secret(info.seal.session, info.chunk_class);
  return openers_.with(
      [] { return BlockOpener(); },
      [&](BlockOpener& opener) { return opener.open(info, sealed, secret, prefix); });
}

Bytes BlockSource::read(const ChunkPlace& place) {
  const PackRecord& pack = place.pack_record();
  const Bytes prefix = read_prefix(place);
  const std::string object = pack_name(pack.name);
  try {
    return open(place, object, prefix);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::damaged) throw;
    if (pack.length >= kParityFromBytes) throw error.within("pack " + pack.name.short_hex());
    try {
      Bytes raw = open(place, copy_name(object), prefix);
      healed_.add();
      return raw;
    } catch (const Error&) {
      throw error.within("pack " + pack.name.short_hex() + " and its second copy");
    }
  }
}

BlockCache::Block BlockSource::read_cached(const ChunkPlace& place) {
  return cache_.get(place.block_key(), [&] { return read(place); });
}

Bytes BlockSource::read_prefix(const ChunkPlace& place) {
  Bytes prefix;
  const auto chunk_class = static_cast<ChunkClass>(place.block_record().chunk_class);
  for (const BlockBase& base : place.run->bases(place.block_record()))
    append_base(chunk_class, base.id, prefix);
  return prefix;
}

void BlockSource::append_base(ChunkClass chunk_class, const Id& id, Bytes& prefix) {
  // Only plain places: a base that is a delta itself would make chains (docs/format.md, section 7).
  for (const ChunkPlace& place : index_.find(id)) {
    const BlockRecord& record = place.block_record();
    if (place.is_delta() || static_cast<ChunkClass>(record.chunk_class) != chunk_class) continue;
    const BlockCache::Block raw = read_cached(place);
    if (place.offset + std::uint64_t{place.length} > raw->size()) continue;
    if (prefix.size() + place.length > kMaxPrefixBytes)
      throw_damaged("delta block: bases too long");
    const auto first = raw->begin() + place.offset;
    prefix.insert(prefix.end(), first, first + place.length);
    return;
  }
  throw_damaged("base " + id.short_hex() + " of a delta block is missing");
}

}  // namespace coppice
