#include "index/index.h"

#include <doctest/doctest.h>

#include <random>

#include "crypto/random.h"
#include "index/id_set.h"
#include "index/index_object.h"
#include "index/run_kit.h"
#include "pack/pack_file.h"
#include "support/thrown_error.h"

using namespace coppice;
using coppice::test::kind_of;
using namespace coppice::test;

TEST_CASE("every chunk is found where its table says, and no other") {
  Index index;
  index.add(make_run(0, 20, 50), trust_all);
  index.add(make_run(10'000, 1, 1), trust_all);
  CHECK(index.chunk_count() == 1001);
  for (std::uint64_t n = 0; n < 1000; ++n) {
    const auto place = index.find_first(nth_id(n));
    REQUIRE(place);
    CHECK(place->block == n / 50);
    CHECK(place->offset == n % 50 * 100);
    CHECK(place->length == 100);
    CHECK(place->pack_record().name == nth_id(5'000'000));
  }
  CHECK(index.is_stored(nth_id(10'000)));
  CHECK_FALSE(index.is_stored(nth_id(1000)));
  CHECK_FALSE(Index().is_stored(nth_id(1)));
  const BlockInfo info = index.runs()[0].block_info(index.runs()[0].blocks()[3]);
  CHECK(info.seal.counter == 3);
  CHECK(info.sealed_length == 1003);
  CHECK(index.runs()[0].blocks()[1].offset == kObjectPrefixBytes + 1000);
}

TEST_CASE("a chunk in several packs has all its places, plain ones before deltas") {
  PackTable delta = make_table(0, 1, 1);
  delta.blocks[0].encoding = kEncodingZstd | kEncodingDelta;
  delta.blocks[0].bases = {{nth_id(77), 0}, {nth_id(78), 0}};
  IndexRunBuilder builder;
  builder.add(nth_id(1), 1000, delta);
  builder.add(nth_id(2), 2000, make_table(0, 1, 1));
  Index index;
  index.add(builder.build(), trust_all);
  const auto places = index.find(nth_id(0));
  REQUIRE(places.size() == 2);
  CHECK(places[0].pack_record().name == nth_id(2));
  CHECK(places[1].pack_record().name == nth_id(1));
  const auto bases = places[1].run->bases(places[1].block_record());
  REQUIRE(bases.size() == 2);
  CHECK(bases[1].id == nth_id(78));
}

TEST_CASE("what may only be read is not deduplicated against, what is absent is not there") {
  Index index;
  index.add(make_run(0, 1, 1), [](const PackRecord&) { return PackUse::readable; });
  index.add(make_run(10, 1, 1), [](const PackRecord&) { return PackUse::absent; });
  CHECK_FALSE(index.is_stored(nth_id(0)));
  CHECK(index.find_first(nth_id(0)));
  CHECK_FALSE(index.find_first(nth_id(10)));
}

TEST_CASE("a place that was found damaged is not stored, and is read only when no other is left") {
  Index index;
  index.add(make_run(0, 1, 1), trust_all);
  REQUIRE(index.is_stored(nth_id(0)));
  index.mark_damaged(nth_id(5'000'000), nth_id(0));
  CHECK_FALSE(index.is_stored(nth_id(0)));
  REQUIRE(index.find_first(nth_id(0)));
  IndexRunBuilder other;
  other.add(nth_id(6'000'000), 64 << 20, make_table(0, 1, 1));
  index.add(other.build(), trust_all);
  CHECK(index.is_stored(nth_id(0)));
  const auto places = index.find(nth_id(0));
  REQUIRE(places.size() == 2);
  CHECK(places[0].pack_record().name == nth_id(6'000'000));
  CHECK(places[1].pack_record().name == nth_id(5'000'000));
}

TEST_CASE("an index object gives back its tables, and every byte of it counts") {
  const Secret32 key = random_secret();
  const Id repository = nth_id(3);
  const SigningKey signer = SigningKey::generate(system_random());
  std::vector<IndexedTable> tables;
  for (std::uint64_t n = 0; n < 3; ++n) {
    tables.push_back(
        {nth_id(n), 100 + n, encode_table(make_table(n * 100, 2, 5), repository, signer)});
  }
  const Bytes object = encode_index_object(tables, 4, key, repository);
  CHECK(object.size() == padded_size(object.size()));
  CHECK(index_object_epoch(object) == 4);
  const auto back = decode_index_object(object, key, repository);
  REQUIRE(back.size() == 3);
  CHECK(back[2].pack_length == 102);
  CHECK(back[2].table == tables[2].table);
  for (std::size_t i = 0; i < object.size(); i += 97) {
    Bytes flipped = object;
    flipped[i] ^= 4;
    CHECK_THROWS_AS(decode_index_object(flipped, key, repository), Error);
  }
  CHECK(kind_of([&] { decode_index_object(ByteView(object).first(20), key, repository); }) ==
        ErrorKind::damaged);
}

TEST_CASE("a set of ids knows each once, zero too") {
  IdSet set;
  CHECK_FALSE(set.contains(Id{}));
  for (std::uint64_t n = 0; n < 5000; ++n) CHECK(set.insert(nth_id(n)));
  CHECK(set.insert(Id{}));
  CHECK_FALSE(set.insert(Id{}));
  CHECK_FALSE(set.insert(nth_id(4999)));
  CHECK(set.size() == 5001);
  CHECK(set.contains(nth_id(0)));
  CHECK_FALSE(set.contains(nth_id(5000)));
}

TEST_CASE("a set of ids that spills is the same set") {
  IdSet set(100);
  for (std::uint64_t n = 0; n < 5000; ++n) CHECK(set.insert(nth_id(n)));
  for (std::uint64_t n = 0; n < 5000; ++n) CHECK_FALSE(set.insert(nth_id(n)));
  for (std::uint64_t n = 5000; n < 10'000; ++n) CHECK_FALSE(set.contains(nth_id(n)));
  CHECK(set.size() == 5000);
}

TEST_CASE("ids that are alike in front are found in a spilled set, too") {
  IdSet set(10);
  for (std::uint8_t n = 1; n < 200; ++n) {
    Id id;
    id.bytes[31] = n;
    CHECK(set.insert(id));
    Id high = id;
    high.bytes.fill(0xff);
    high.bytes[31] = n;
    CHECK(set.insert(high));
  }
  for (std::uint8_t n = 1; n < 250; ++n) {
    Id id;
    id.bytes[31] = n;
    CHECK(set.contains(id) == (n < 200));
  }
  CHECK(set.size() == 398);
}
