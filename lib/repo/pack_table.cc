#include "repo/pack_table.h"

#include <algorithm>
#include <optional>
#include <string>

#include "base/error.h"
#include "crypto/hash.h"
#include "index/index_object.h"
#include "pack/pack_file.h"
#include "repo/object_healer.h"
#include "repo/object_names.h"
#include "repo/object_reader.h"

namespace coppice {
namespace {

/// What `read` makes of the object or, if that is damaged, of its second copy or of what parity
/// rebuilds; the first error if none does.
template <typename Read>
Bytes from_any_copy(Store& store, const ObjectRef& object, bool* is_healed, const Read& read) {
  const auto read_file = [&store](const std::string& file) -> ReadObject {
    return [&store, file](std::uint64_t offset, MutableByteView out) {
      store.read(file, offset, out);
    };
  };
  const std::string name = object_name(object);
  try {
    return read(read_file(name));
  } catch (const Error& first) {
    if (!first.is_about_bytes()) throw;
    try {
      ObjectHealer healer(store);
      const ReadObject own = read_file(name);
      const ReadObject healed = [&](std::uint64_t offset, MutableByteView out) {
        if (!healer.read(object, offset, out)) own(offset, out);
      };
      Bytes bytes = read(object.side == Side::copy ? read_file(copy_name(name)) : healed);
      if (is_healed != nullptr) *is_healed = true;
      return bytes;
    } catch (const Error&) {
      throw first;
    }
  }
}

}  // namespace

Bytes open_table(const Keyring& keyring, std::uint64_t length, const ReadObject& read) {
  if (length < kObjectPrefixBytes + kPackFooterBytes || length > kMaxPackBytes)
    throw_damaged("pack has an impossible size");
  const auto read_part = [&](std::uint64_t offset, std::uint64_t part_length) {
    Bytes bytes(static_cast<std::size_t>(part_length));
    read(offset, bytes);
    return bytes;
  };
  const ObjectPrefix prefix =
      ObjectPrefix::decode(read_part(0, kObjectPrefixBytes), kPackMagic, "pack");
  if (!keyring.knows_epoch(prefix.epoch)) throw_damaged("pack is of an epoch that nobody knows");
  const Secret32& key = keyring.repository_key(prefix.epoch);
  const Bytes footer = read_part(length - kPackFooterBytes, kPackFooterBytes);
  const TablePlace place = open_pack_footer(prefix, key, keyring.repository(), footer, length);
  return open_pack_table(prefix, key, keyring.repository(), read_part(place.offset, place.length));
}

std::optional<Bytes> try_table_of_whole_file(Store& store, const Keyring& keyring,
                                             const std::string& file, const Id& pack,
                                             std::uint64_t length) {
  try {
    const Bytes bytes = store.read_all(file, length);
    if (bytes.size() != length || blake3(bytes) != pack) return std::nullopt;
    return open_table(keyring, length, [&](std::uint64_t offset, MutableByteView out) {
      if (offset > length || out.size() > length - offset) throw_damaged(file + ": ends before");
      std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    });
  } catch (const Error& error) {
    if (!error.is_about_bytes()) throw;
    return std::nullopt;
  }
}

Bytes read_pack_table(Store& store, const Keyring& keyring, const Id& pack, std::uint64_t length,
                      bool* is_healed) {
  const Side side = length < kParityFromBytes ? Side::copy : Side::parity;
  if (side == Side::copy) {
    const std::string name = pack_name(pack);
    for (const std::string& file : {name, copy_name(name)}) {
      auto table = try_table_of_whole_file(store, keyring, file, pack, length);
      if (!table) continue;
      if (is_healed != nullptr) *is_healed = file != name;
      return std::move(*table);
    }
  }
  // A large one, or one of which both files are damaged somewhere: its blocks have hashes of their
  // own.
  return from_any_copy(store, {ObjectKind::pack, side, pack, length}, is_healed,
                       [&](const ReadObject& read) { return open_table(keyring, length, read); });
}

Bytes read_index_object(Store& store, const ObjectRef& object, bool* is_healed) {
  const std::string name = index_name(object.name);
  if (object.length > kMaxIndexObjectBytes) throw_damaged(name + " has an impossible size");
  return from_any_copy(store, object, is_healed, [&](const ReadObject& read) {
    Bytes bytes(static_cast<std::size_t>(object.length));
    read(0, bytes);
    if (blake3(bytes) != object.name) throw_damaged(name + " is not what its name says");
    return bytes;
  });
}

}  // namespace coppice
