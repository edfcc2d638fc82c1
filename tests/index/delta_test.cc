// Goal: a delta counts for as much as the plain chunks that it hangs on (docs/format.md, section 7:
// depth one).
#include <doctest/doctest.h>

#include <map>

#include "crypto/random.h"
#include "index/index.h"
#include "index/index_cache.h"
#include "index/run_collector.h"
#include "support/scratch_dir.h"

namespace coppice::test {
namespace {

Id made_id(std::uint8_t first) {
  Id id;
  id.bytes[0] = first;
  id.bytes[31] = first;
  return id;
}

// Packs.
const Id kOld = made_id(1);
const Id kNew = made_id(2);
const Id kOther = made_id(3);
// Chunks.
const Id kBase = made_id(10);
const Id kSecondBase = made_id(11);
const Id kChunk = made_id(20);

BlockInfo plain_block(const std::vector<Id>& chunks) {
  BlockInfo block;
  block.seal = {made_id(99), 0, 0};
  block.sealed_length = 100;
  for (const Id& id : chunks) {
    block.chunks.push_back({id, 50});
    block.raw_length += 50;
  }
  return block;
}

BlockInfo delta_block(const std::vector<Id>& chunks, const std::vector<Id>& bases) {
  BlockInfo block = plain_block(chunks);
  block.encoding = kEncodingZstd | kEncodingDelta;
  for (const Id& id : bases) block.bases.push_back({id, 7});
  return block;
}

IndexRun run_of(const Id& pack, const std::vector<BlockInfo>& blocks) {
  PackTable table;
  table.blocks = blocks;
  IndexRunBuilder builder;
  builder.add(pack, 1000, table);
  return builder.build();
}

/// Adds each pack as a run of its own with that use.
void add(Index& index, const Id& pack, PackUse use, const std::vector<BlockInfo>& blocks) {
  index.add(run_of(pack, blocks), [use](const PackRecord&) { return use; });
}

}  // namespace

TEST_CASE("a delta is stored if every one of its bases has a plain place in a trusted pack") {
  Index index;
  add(index, kNew, PackUse::trusted, {delta_block({kChunk}, {kBase, kSecondBase})});
  CHECK(index.has_deltas());
  CHECK_FALSE(index.is_stored(kChunk));
  add(index, kOld, PackUse::trusted, {plain_block({kBase})});
  CHECK_FALSE(index.is_stored(kChunk));
  CHECK_FALSE(index.find_trusted_delta(kChunk));
  add(index, kOther, PackUse::trusted, {plain_block({kSecondBase})});
  CHECK(index.is_stored(kChunk));
  const auto place = index.find_trusted_delta(kChunk);
  REQUIRE(place);
  CHECK(place->is_delta());
  CHECK(place->pack_record().name == kNew);
  CHECK_FALSE(index.find_trusted_plain(kChunk));
}

TEST_CASE("bases in packs that are gone or not trusted do not make a delta stored") {
  for (const PackUse use : {PackUse::absent, PackUse::readable}) {
    Index index;
    add(index, kNew, PackUse::trusted, {delta_block({kChunk}, {kBase})});
    add(index, kOld, use, {plain_block({kBase})});
    CHECK_FALSE(index.is_stored(kChunk));
    CHECK_FALSE(index.find_trusted_plain(kBase));
    CHECK(index.find(kChunk).size() == 1);  // a reader may still try
  }
}

TEST_CASE("a delta in a pack that is not trusted is not stored, whatever its bases are") {
  Index index;
  add(index, kNew, PackUse::readable, {delta_block({kChunk}, {kBase})});
  add(index, kOld, PackUse::trusted, {plain_block({kBase})});
  CHECK_FALSE(index.is_stored(kChunk));
  CHECK(index.find_first(kChunk));
}

TEST_CASE("a base that lies only in a delta carries nothing: chains have a depth of one") {
  Index index;
  add(index, kOld, PackUse::trusted, {plain_block({kSecondBase})});
  add(index, kNew, PackUse::trusted,
      {delta_block({kBase}, {kSecondBase}), delta_block({kChunk}, {kBase})});
  CHECK(index.is_stored(kBase));
  CHECK_FALSE(index.is_stored(kChunk));
}

TEST_CASE("a base that was found damaged makes its deltas not stored until it lies elsewhere") {
  Index index;
  add(index, kOld, PackUse::trusted, {plain_block({kBase, kSecondBase})});
  add(index, kNew, PackUse::trusted, {delta_block({kChunk}, {kBase})});
  REQUIRE(index.is_stored(kChunk));
  index.mark_damaged(kOld, kSecondBase);
  CHECK(index.is_stored(kChunk));
  index.mark_damaged(kOld, kBase);
  CHECK_FALSE(index.is_stored(kBase));
  CHECK_FALSE(index.is_stored(kChunk));
  add(index, kOther, PackUse::trusted, {plain_block({kBase})});
  CHECK(index.is_stored(kChunk));
}

TEST_CASE("a delta that was itself found damaged is not stored") {
  Index index;
  add(index, kOld, PackUse::trusted, {plain_block({kBase})});
  add(index, kNew, PackUse::trusted, {delta_block({kChunk}, {kBase})});
  index.mark_damaged(kNew, kChunk);
  CHECK_FALSE(index.is_stored(kChunk));
}

TEST_CASE("of two deltas of a chunk the one whose bases are there counts") {
  Index index;
  add(index, kOld, PackUse::trusted, {plain_block({kBase})});
  add(index, kOther, PackUse::trusted, {delta_block({kChunk}, {kSecondBase})});
  add(index, kNew, PackUse::trusted, {delta_block({kChunk}, {kBase})});
  CHECK(index.is_stored(kChunk));
  const auto place = index.find_trusted_delta(kChunk);
  REQUIRE(place);
  CHECK(place->pack_record().name == kNew);
}

TEST_CASE("a chunk that is plain as well needs no bases and is never a delta's") {
  Index index;
  add(index, kNew, PackUse::trusted, {delta_block({kChunk}, {kBase})});
  add(index, kOther, PackUse::trusted, {plain_block({made_id(30), kChunk})});
  CHECK(index.is_stored(kChunk));
  CHECK_FALSE(index.find_trusted_delta(kChunk));
  const auto place = index.find_trusted_plain(kChunk);
  REQUIRE(place);
  CHECK(place->pack_record().name == kOther);
  CHECK(place->offset == 50);
  const std::vector<ChunkPlace> places = index.find(kChunk);
  REQUIRE(places.size() == 2);
  CHECK_FALSE(places.front().is_delta());
  CHECK(places.back().is_delta());
}

TEST_CASE("runs keep each block's bases when they are merged and when they come from the cache") {
  const ScratchDir scratch;
  const IndexCache cache(scratch / "cache", random_secret());
  const Id other = made_id(21);
  const std::vector<IndexRun> parts{
      run_of(kOld, {plain_block({kBase}), delta_block({other}, {kSecondBase})}),
      run_of(kNew, {delta_block({kChunk}, {kBase, made_id(12)})})};
  const IndexRun merged = merge_into_scratch(parts);
  REQUIRE(cache.keep(parts, {}));
  const auto cached = cache.load(IndexCache::Proof::whole);
  const auto unproved = cache.load(IndexCache::Proof::as_used);
  REQUIRE(cached.size() == 1);
  REQUIRE(unproved.size() == 1);
  for (const IndexRun* run : {&merged, &cached[0].run, &unproved[0].run}) {
    CHECK(run->has_bases());
    const std::map<Id, std::vector<BlockBase>> expected{
        {kBase, {}}, {other, {{kSecondBase, 7}}}, {kChunk, {{kBase, 7}, {made_id(12), 7}}}};
    for (const auto& each : expected) {
      const auto found = run->find(each.first);
      REQUIRE(found.size() == 1);
      const BlockRecord& block = run->blocks()[found.front().block];
      CHECK(run->block_info(block).bases == each.second);
      CHECK(run->block_info(block).is_delta() == !each.second.empty());
    }
  }
}

TEST_CASE("an index of plain blocks has no deltas") {
  Index index;
  CHECK_FALSE(index.has_deltas());
  add(index, kOld, PackUse::trusted, {plain_block({kBase})});
  CHECK_FALSE(index.has_deltas());
  CHECK(index.is_stored(kBase));
}

}  // namespace coppice::test
