// Goal: only plain chunks that a reader can afford become bases, each with the place at which the
// next writer finds it again.
#include "repo/delta_bases.h"

#include <doctest/doctest.h>

namespace coppice::test {
namespace {

Id made_id(std::uint32_t number) {
  Id id;
  for (unsigned i = 0; i < 4; ++i) id.bytes[i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  return id;
}

const Id kA = made_id(1);
const Id kB = made_id(2);
const Id kC = made_id(3);
const Id kNewA = made_id(11);
const Id kNewB = made_id(12);

BlockInfo block_of(const std::vector<ChunkEntry>& chunks,
                   ChunkClass chunk_class = ChunkClass::data) {
  BlockInfo block;
  block.chunk_class = chunk_class;
  block.seal = {made_id(99), 0, 0};
  block.sealed_length = 100;
  block.chunks = chunks;
  for (const ChunkEntry& chunk : chunks) block.raw_length += chunk.length;
  return block;
}

BlockInfo delta_of(const std::vector<ChunkEntry>& chunks, const std::vector<BlockBase>& bases) {
  BlockInfo block = block_of(chunks);
  block.encoding = kEncodingZstd | kEncodingDelta;
  block.bases = bases;
  return block;
}

void add(Index& index, const Id& pack, const std::vector<BlockInfo>& blocks,
         PackUse use = PackUse::trusted) {
  PackTable table;
  table.blocks = blocks;
  IndexRunBuilder builder;
  builder.add(pack, 1000, table);
  index.add(builder.build(), [use](const PackRecord&) { return use; });
}

/// An old version of three chunks, and a newer one of two that is a delta against it.
Index two_versions() {
  Index index;
  add(index, made_id(1001), {block_of({{kA, 1000}, {kB, 1000}, {kC, 1000}})});
  add(index, made_id(1002),
      {delta_of({{kNewA, 1500}, {kNewB, 1500}}, {{kA, 0}, {kB, 1000}, {kC, 2000}})});
  return index;
}

std::vector<ChosenBase> chosen_from(const Index& index, const std::vector<BaseHint>& hints,
                                    std::uint32_t length = 1000) {
  return choose_bases(index, ChunkClass::data, hints, length);
}

ChosenBase base(std::uint32_t number, std::uint32_t length, std::uint32_t block = 0,
                std::int64_t offset = 0, bool is_old = false) {
  ChunkPlace place;
  place.block = block;
  place.length = length;
  return {made_id(number), place, offset, is_old};
}

}  // namespace

TEST_CASE("a plain chunk that is hinted to is chosen with the offset it was hinted with") {
  const Index index = two_versions();
  const auto chosen = chosen_from(index, {{kB, -300}, {kC, 700}});
  REQUIRE(chosen.size() == 2);
  CHECK(chosen[0].id == kB);
  CHECK(chosen[0].offset == -300);
  CHECK_FALSE(chosen[0].is_old);
  CHECK(chosen[0].place.offset == 1000);
  CHECK(chosen[0].place.length == 1000);
  CHECK(chosen[1].id == kC);
  CHECK(chosen[1].offset == 700);
}

TEST_CASE("for a delta its own bases are chosen, where they lie beside the new chunk") {
  const Index index = two_versions();
  // The second chunk of the delta begins at 1500 of it, its bases at 1000 and at 2000; that at 0
  // ends before.
  const auto chosen = chosen_from(index, {{kNewB, 0}}, 1500);
  REQUIRE(chosen.size() == 2);
  CHECK(chosen[0].id == kB);
  CHECK(chosen[0].offset == -500);
  CHECK(chosen[0].is_old);
  CHECK(chosen[1].id == kC);
  CHECK(chosen[1].offset == 500);
  CHECK(chosen[1].is_old);
}

TEST_CASE("the offset of a hint to a delta moves its bases along, and out of reach") {
  const Index index = two_versions();
  const auto moved = chosen_from(index, {{kNewA, 200}}, 1000);
  REQUIRE(moved.size() == 1);  // the one at 1000 begins at 1200 now, after the new chunk's end
  CHECK(moved[0].id == kA);
  CHECK(moved[0].offset == 200);
  CHECK(chosen_from(index, {{kNewA, 1000}}, 1000).empty());
  const auto before = chosen_from(index, {{kNewA, -1000}}, 1000);
  REQUIRE(before.size() == 1);  // the one at 0 ends right where the new chunk begins
  CHECK(before[0].id == kB);
  CHECK(before[0].offset == 0);
}

TEST_CASE("what nobody has, what is not trusted, and what is of the other class is not chosen") {
  const std::vector<BaseHint> hints{{kA, 0}};
  CHECK(chosen_from(Index(), hints).empty());
  for (const PackUse use : {PackUse::absent, PackUse::readable}) {
    Index index;
    add(index, made_id(1001), {block_of({{kA, 1000}})}, use);
    CHECK(chosen_from(index, hints).empty());
  }
  Index index;
  add(index, made_id(1001), {block_of({{kA, 1000}}, ChunkClass::metadata)});
  CHECK(chosen_from(index, hints).empty());
  CHECK(choose_bases(index, ChunkClass::metadata, hints, 1000).size() == 1);
}

TEST_CASE("nothing is chosen behind a delta that cannot be opened") {
  Index index;
  add(index, made_id(1001), {block_of({{kA, 1000}})});
  add(index, made_id(1002), {delta_of({{kNewA, 1500}}, {{kA, 0}, {kB, 1000}})});
  CHECK(chosen_from(index, {{kNewA, 0}}).empty());
}

TEST_CASE("a chunk that is both plain and a delta is its own base") {
  Index index = two_versions();
  add(index, made_id(1003), {block_of({{kNewA, 1500}})});
  const auto chosen = chosen_from(index, {{kNewA, 0}});
  REQUIRE(chosen.size() == 1);
  CHECK(chosen[0].id == kNewA);
  CHECK_FALSE(chosen[0].place.is_delta());
  CHECK_FALSE(chosen[0].is_old);
}

TEST_CASE("a block's bases are told with where in the block their newer version begins") {
  BlockBases bases;
  const std::vector<ChosenBase> first{base(1, 1000, 0, -400), base(2, 1000, 0, 600)};
  const std::vector<ChosenBase> second{base(3, 1000, 1, 0), base(4, 1000, 1, 5000)};
  bases.add(first, 0, 1500);
  bases.add(second, 1500, 500);
  // What begins before its chunk, or after it, counts from the chunk's first or last byte.
  CHECK(bases.list() ==
        std::vector<BlockBase>{
            {made_id(1), 0}, {made_id(2), 600}, {made_id(3), 1500}, {made_id(4), 1999}});
}

TEST_CASE("a base that serves two chunks is there once and takes room once") {
  BlockBases bases;
  const std::vector<ChosenBase> half{base(1, kMaxPrefixBytes / 2)};
  bases.add(half, 0, 1000);
  for (int i = 0; i < 3; ++i) {
    CHECK(bases.has_room_for(half));
    bases.add(half, 1000, 1000);
  }
  CHECK(bases.list() == std::vector<BlockBase>{{made_id(1), 0}});
  CHECK(bases.has_room_for(std::vector<ChosenBase>{base(2, kMaxPrefixBytes / 2)}));
}

TEST_CASE("a block takes 4 MiB of bases and not a byte more") {
  BlockBases bases;
  bases.add(std::vector<ChosenBase>{base(1, kMaxPrefixBytes - 10)}, 0, 1000);
  CHECK(bases.has_room_for(std::vector<ChosenBase>{base(2, 10)}));
  CHECK_FALSE(bases.has_room_for(std::vector<ChosenBase>{base(2, 11)}));
  CHECK_FALSE(bases.has_room_for(std::vector<ChosenBase>{base(2, 6), base(3, 6)}));
  // What does not fit is left out, what comes after it need not be.
  bases.add(std::vector<ChosenBase>{base(2, 11), base(3, 10)}, 0, 1000);
  REQUIRE(bases.list().size() == 2);
  CHECK(bases.list()[1].id == made_id(3));
  CHECK(bases.has_room_for({}));
}

TEST_CASE("a block takes bases out of eight blocks") {
  BlockBases bases;
  for (std::uint32_t block = 0; block < 8; ++block) {
    const std::vector<ChosenBase> each{base(block, 10, block)};
    CHECK(bases.has_room_for(each));
    bases.add(each, 0, 1000);
  }
  CHECK(bases.has_room_for(std::vector<ChosenBase>{base(100, 10, 7)}));
  CHECK_FALSE(bases.has_room_for(std::vector<ChosenBase>{base(100, 10, 8)}));
  bases.add(std::vector<ChosenBase>{base(100, 10, 8)}, 0, 1000);
  CHECK(bases.list().size() == 8);
}

TEST_CASE("blocks of equal number in different runs are different blocks") {
  BlockBases bases;
  for (std::uint32_t run = 0; run < 9; ++run) {
    std::vector<ChosenBase> each{base(run, 10)};
    each.front().place.run_number = run;
    CHECK(bases.has_room_for(each) == (run < 8));
    bases.add(each, 0, 1000);
  }
  CHECK(bases.list().size() == 8);
}

TEST_CASE("a block takes 256 bases") {
  BlockBases bases;
  for (std::uint32_t number = 0; number < kMaxBases; ++number) {
    const std::vector<ChosenBase> each{base(number, 10)};
    CHECK(bases.has_room_for(each));
    bases.add(each, 0, 1000);
  }
  CHECK_FALSE(bases.has_room_for(std::vector<ChosenBase>{base(1000, 10)}));
  CHECK(bases.list().size() == kMaxBases);
}

TEST_CASE("bases of bases weigh by the chunks that they serve: more than half is mostly old") {
  BlockBases bases;
  bases.add(std::vector<ChosenBase>{base(1, 10, 0, 0, false)}, 0, 1000);
  CHECK_FALSE(bases.is_mostly_old(1000));
  bases.add(std::vector<ChosenBase>{base(2, 10, 0, 0, true), base(3, 10, 0, 0, true)}, 1000, 1000);
  CHECK_FALSE(bases.is_mostly_old(2000));
  bases.add(std::vector<ChosenBase>{base(4, 10, 0, 0, false), base(5, 10, 0, 0, true)}, 2000, 10);
  CHECK(bases.is_mostly_old(2010));
}

}  // namespace coppice::test
