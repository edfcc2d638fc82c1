#include "repo/pack_stream.h"

#include <doctest/doctest.h>

#include "log_world.h"
#include "repo/pack_table.h"

namespace coppice::test {
namespace {

/// A block as a thousand tiny files make it.
BlockInfo block_of_tiny_chunks(std::uint64_t number, std::size_t chunks) {
  BlockInfo info;
  info.seal.counter = number;
  info.sealed_length = 64;
  info.raw_length = static_cast<std::uint32_t>(chunks);
  for (std::size_t i = 0; i < chunks; ++i) {
    Id id;
    const std::uint64_t name = number << 32 | i;
    std::memcpy(id.bytes.data(), &name, sizeof name);
    info.chunks.push_back({id, 1});
  }
  return info;
}

TEST_CASE(
    "a pack of tiny chunks ends before its table is large, and is not small for a collector") {
  LogWorld world;
  PackStream stream(world.store, world.keys("owner"), 0);
  const Bytes sealed(64);
  std::uint64_t blocks = 0;
  for (;; ++blocks) {
    BlockInfo info = block_of_tiny_chunks(blocks, 10'000);
    if (!stream.has_room_for(info)) break;
    stream.append(std::move(info), sealed);
    REQUIRE(blocks < 100);
  }
  WrittenPack pack = stream.finish();
  pack.upload->commit(pack_name(pack.name));
  const Bytes table = read_pack_table(world.store, world.keys("owner"), pack.name, pack.length);
  CHECK(table.size() < 10U << 20);
  CHECK(pack.length > 8U << 20);
  CHECK(decode_table(table).blocks.size() == blocks);
}

}  // namespace
}  // namespace coppice::test
