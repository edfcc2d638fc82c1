#include "repair/signed_tables.h"

#include "base/error.h"
#include "repo/pack_table.h"

namespace coppice {

bool SignedTables::is_signed(const Bytes& bytes) const {
  const SlotId signer = decode_table(bytes).signer;
  const auto certificate = repository_.state().certificates.find(signer);
  return certificate != repository_.state().certificates.end() &&
         is_table_signed_by(bytes, repository_.id(), certificate->second.body.signing_key);
}

std::optional<Bytes> SignedTables::from_pack(const ObjectRef& pack) const {
  try {
    Bytes bytes =
        read_pack_table(repository_.store(), repository_.keyring(), pack.name, pack.length);
    if (is_signed(bytes)) return bytes;
  } catch (const Error& error) {  // per item
    if (!error.is_about_bytes()) throw;
  }
  return std::nullopt;
}

std::optional<std::vector<IndexedTable>> SignedTables::in_index_object(
    const ObjectRef& object) const {
  try {
    const Bytes bytes = read_index_object(repository_.store(), object);
    const Secret32& key = repository_.keyring().repository_key(index_object_epoch(bytes));
    return decode_index_object(bytes, key, repository_.id());
  } catch (const Error& error) {  // per item
    if (!error.is_about_bytes()) throw;
    return std::nullopt;
  }
}

std::optional<Bytes> SignedTables::from_index(const ObjectRef& pack) const {
  for (const Id& name : repository_.state().index_names) {
    const ObjectRef* object = repository_.state().objects.find(name);
    if (object == nullptr) continue;
    const auto tables = in_index_object(*object);
    if (!tables) continue;
    for (const IndexedTable& entry : *tables) {
      try {
        const bool is_it = entry.pack == pack.name && entry.pack_length == pack.length;
        if (is_it && is_signed(entry.table)) return entry.table;
      } catch (const Error& error) {  // per item
        if (!error.is_about_bytes()) throw;
      }
    }
  }
  return std::nullopt;
}

}  // namespace coppice
