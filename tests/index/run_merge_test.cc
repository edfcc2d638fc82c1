#include "index/run_merge.h"

#include <doctest/doctest.h>

#include "fs/scratch_file.h"
#include "index/run_collector.h"
#include "index/run_kit.h"

namespace coppice::test {
namespace {

TEST_CASE("merged runs answer as the runs did") {
  const std::vector<IndexRun> parts{make_run(0, 5, 10), make_run(100, 5, 10), make_run(200, 0, 0),
                                    make_run(300, 1, 1)};
  Index index;
  index.add(merge_into_scratch(parts), trust_all);
  CHECK(index.runs()[0].packs().size() == 4);
  CHECK(index.chunk_count() == 101);
  for (std::uint64_t n : {0U, 49U, 100U, 149U, 300U}) {
    const auto place = index.find_first(nth_id(n));
    REQUIRE(place);
    CHECK(place->pack_record().name == nth_id(n / 100 * 100 + 5'000'000));
    CHECK(place->run->sessions()[place->block_record().session] == nth_id(1'000'000 + n / 10 * 10));
  }
  CHECK_FALSE(index.find_first(nth_id(50)));
}

TEST_CASE("merged runs share the sessions that they share") {
  PackTable table = make_table(0, 4, 4);
  for (BlockInfo& block : table.blocks) block.seal.session = nth_id(7);
  std::vector<IndexRun> parts;
  for (std::uint64_t n : {1U, 2U}) {
    IndexRunBuilder builder;
    builder.add(nth_id(n), 1000, table);
    parts.push_back(builder.build());
  }
  const IndexRun merged = merge_into_scratch(parts);
  CHECK(merged.sessions().size() == 1);
  // Both places of each chunk, in the order of the parts.
  for (std::uint64_t n = 0; n < 16; ++n) {
    const auto places = merged.find(nth_id(n));
    REQUIRE(places.size() == 2);
    CHECK(merged.blocks()[places[0].block].pack == 0);
    CHECK(merged.blocks()[places[1].block].pack == 1);
  }
}

TEST_CASE("a collector that spills gives the run that a builder gives") {
  RunCollector collector;
  CHECK(collector.is_empty());
  constexpr std::size_t kPerPack = 50'000;  // 2.2 MB: a part holds seven
  IndexRunBuilder builder;
  for (std::uint64_t pack = 0; pack < 16; ++pack) {
    const PackTable table = make_table(pack * kPerPack, 50, kPerPack / 50);
    collector.add(nth_id(9'000'000 + pack), 64 << 20, table);
    builder.add(nth_id(9'000'000 + pack), 64 << 20, table);
  }
  const IndexRun expected = builder.build();
  const IndexRun run = collector.take_run();
  CHECK(collector.is_empty());
  CHECK(to_bytes(run.bytes()) == to_bytes(expected.bytes()));
}

}  // namespace
}  // namespace coppice::test
