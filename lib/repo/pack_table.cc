#include "repo/pack_table.h"

#include "base/error.h"
#include "crypto/hash.h"
#include "pack/pack_file.h"
#include "repo/object_names.h"

namespace coppice {
namespace {

Bytes read_part(Store& store, const std::string& object, std::uint64_t offset,
                std::uint64_t length) {
  Bytes bytes(static_cast<std::size_t>(length));
  store.read(object, offset, bytes);
  return bytes;
}

Bytes read_table_of(Store& store, const Keyring& keyring, const std::string& object,
                    std::uint64_t length) {
  if (length < kPackPrefixBytes + kPackFooterBytes || length > kMaxPackBytes)
    throw_damaged("pack has an impossible size");
  const PackPrefix prefix = PackPrefix::decode(read_part(store, object, 0, kPackPrefixBytes));
  const Secret32& key = keyring.repository_key(prefix.epoch);
  const Bytes footer = read_part(store, object, length - kPackFooterBytes, kPackFooterBytes);
  const TablePlace place = open_pack_footer(prefix, key, keyring.repository(), footer, length);
  return open_pack_table(prefix, key, keyring.repository(),
                         read_part(store, object, place.offset, place.length));
}

/// What `read` makes of the object or, if that is damaged, of its second copy; the first error if
/// neither does.
template <typename Read>
Bytes from_either_copy(const std::string& object, const Read& read) {
  try {
    return read(object);
  } catch (const Error& first) {
    if (first.kind() != ErrorKind::damaged) throw;
    try {
      return read(copy_name(object));
    } catch (const Error&) {
      throw first;
    }
  }
}

}  // namespace

Bytes read_pack_table(Store& store, const Keyring& keyring, const Id& pack, std::uint64_t length) {
  return from_either_copy(pack_name(pack), [&](const std::string& object) {
    return read_table_of(store, keyring, object, length);
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
