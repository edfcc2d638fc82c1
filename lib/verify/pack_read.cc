#include "verify/pack_read.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "repo/object_names.h"
#include "repo/pack_table.h"

namespace coppice {
namespace {

std::optional<Bytes> try_table_in(const ObjectReader& reader, const Keyring& keyring,
                                  const ObjectRef& pack, const std::string& file) {
  try {
    return open_table(keyring, pack.length, [&](std::uint64_t offset, MutableByteView out) {
      reader.store.read(file, offset, out);
    });
  } catch (const Error& error) {  // damaged since it was read first
    if (!error.is_about_bytes()) throw;
    return std::nullopt;
  }
}

/// As read before; nothing if nobody has it.
std::optional<Bytes> table_of(const ObjectReader& reader, const ObjectRef& pack,
                              const PackTables& tables, const Keyring& keyring) {
  if (tables.unreadable.contains(pack.name)) return std::nullopt;
  const auto rescued = tables.rescued.find(pack.name);
  if (rescued != tables.rescued.end()) return rescued->second;
  return try_table_in(reader, keyring, pack, pack_name(pack.name));
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
  const std::optional<Bytes> encoded = table_of(reader, pack, tables, tools.keyring);
  const PackTable table = encoded ? decode_table(*encoded) : PackTable();
  BlockChecker blocks(tools, table);
  BlockChecker copy_blocks(tools, table);
  PieceSinks sinks;
  sinks.object = [&](std::uint64_t offset, ByteView piece) { blocks.append(offset, piece); };
  sinks.copy = [&](std::uint64_t offset, ByteView piece) { copy_blocks.append(offset, piece); };
  PackRead read;
  read.has_table = encoded.has_value();
  read.check = check_object(reader, pack, sinks);
  read.bad_blocks = blocks.finish();
  const bool has_other = read.check.object != FileState::intact && pack.side == Side::copy;
  if (has_other) read.bad_blocks = bad_in_both(std::move(read.bad_blocks), copy_blocks.finish());
  if (has_other && read.check.is_healable && encoded &&
      try_table_in(reader, tools.keyring, pack, copy_name(pack_name(pack.name))) != encoded) {
    // Another pack lies under this name: the table is that one's, and what it lists is there for
    // whoever reads it.
    read.bad_blocks.clear();
  }
  read.blocks_opened = std::max(blocks.opened(), copy_blocks.opened());
  read.chunks_proved = std::max(blocks.chunks(), copy_blocks.chunks());
  return read;
}

}  // namespace coppice
