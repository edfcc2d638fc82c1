#include "verify/pack_read.h"

#include <algorithm>

#include "base/error.h"
#include "repo/object_names.h"

namespace coppice {
namespace {

/// As read before; empty if nobody has it.
PackTable table_of(const ObjectReader& reader, const ObjectRef& pack, const PackTables& tables,
                   const Keyring& keyring) {
  if (tables.unreadable.contains(pack.name)) return {};
  const auto rescued = tables.rescued.find(pack.name);
  if (rescued != tables.rescued.end()) return decode_table(rescued->second);
  return decode_table(
      read_table(keyring, pack.length, [&](std::uint64_t offset, MutableByteView out) {
        reader.store.read(pack_name(pack.name), offset, out);
      }));
}

/// What is bad in both; a chunk within a block counts as bad if the other has the block bad.
std::vector<BadBlock> bad_in_both(std::vector<BadBlock> first,
                                  const std::vector<BadBlock>& second) {
  std::erase_if(first, [&](const BadBlock& bad) {
    return std::none_of(second.begin(), second.end(),
                        [&](const BadBlock& other) { return other.block == bad.block; });
  });
  return first;
}

}  // namespace

PackRead read_pack(const ObjectReader& reader, const ObjectRef& pack, const PackTables& tables,
                   const BlockTools& tools) {
  const PackTable table = table_of(reader, pack, tables, tools.keyring);
  BlockChecker blocks(tools, table);
  BlockChecker copy_blocks(tools, table);
  PieceSinks sinks;
  sinks.object = [&](std::uint64_t offset, ByteView piece) { blocks.append(offset, piece); };
  sinks.copy = [&](std::uint64_t offset, ByteView piece) { copy_blocks.append(offset, piece); };
  PackRead read;
  read.check = check_object(reader, pack, sinks);
  read.bad_blocks = blocks.finish();
  if (read.check.object != FileState::intact && pack.side == Side::copy) {
    read.bad_blocks = bad_in_both(std::move(read.bad_blocks), copy_blocks.finish());
  }
  read.blocks_opened = std::max(blocks.opened(), copy_blocks.opened());
  read.chunks_proved = std::max(blocks.chunks(), copy_blocks.chunks());
  return read;
}

}  // namespace coppice
