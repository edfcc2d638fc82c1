#include "repo/pack_table.h"

#include <algorithm>

#include "base/error.h"
#include "crypto/hash.h"
#include "pack/pack_file.h"
#include "repo/object_names.h"

namespace coppice {
namespace {

/// What `read` makes of the object or, if that is damaged, of its second copy; the first error if
/// neither does.
template <typename Read>
Bytes from_either_copy(const std::string& object, const Read& read) {
  try {
    return read(object);
  } catch (const Error& first) {
    if (!first.is_about_bytes()) throw;
    try {
      return read(copy_name(object));
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

Bytes read_pack_table(Store& store, const Keyring& keyring, const Id& pack, std::uint64_t length) {
  if (length < kParityFromBytes) {
    for (const std::string& file : {pack_name(pack), copy_name(pack_name(pack))}) {
      if (auto table = try_table_of_whole_file(store, keyring, file, pack, length))
        return std::move(*table);
    }
  }
  // A large one, or one of which both files are damaged somewhere: its blocks have hashes of their
  // own.
  return from_either_copy(pack_name(pack), [&](const std::string& object) {
    return open_table(keyring, length, [&](std::uint64_t offset, MutableByteView out) {
      store.read(object, offset, out);
    });
  });
}

Bytes read_named_object(Store& store, const std::string& object, const Id& name,
                        std::uint64_t max_bytes) {
  return from_either_copy(object, [&](const std::string& candidate) {
    Bytes bytes = store.read_all(candidate, max_bytes);
    if (blake3(bytes) != name) throw_damaged(candidate + " is not what its name says");
    return bytes;
  });
}

}  // namespace coppice
