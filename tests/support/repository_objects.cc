#include "support/repository_objects.h"

#include "crypto/hash.h"
#include "index/index_object.h"
#include "repo/log_bodies.h"
#include "repo/object_names.h"
#include "repo/pack_table.h"
#include "repo/side_file.h"

namespace coppice::test {

Objects objects_of(Store& store) {
  Objects objects;
  for (const ObjectInfo& object : store.list("")) {
    objects[object.name] = store.read_all(object.name, object.size);
  }
  return objects;
}

std::vector<std::string> names_of(const Objects& objects, std::string_view prefix) {
  std::vector<std::string> names;
  for (const auto& [name, bytes] : objects) {
    if (name.starts_with(prefix) && !name.ends_with(".copy") && !name.ends_with(".par"))
      names.push_back(name);
  }
  return names;
}

void add_index_object(Repository& repository) {
  std::vector<IndexedTable> tables;
  for (const auto& [name, object] : repository.state().objects.live()) {
    if (object.kind != ObjectKind::pack) continue;
    tables.push_back(
        {name, object.length,
         read_pack_table(repository.store(), repository.keyring(), name, object.length)});
  }
  const Bytes bytes =
      encode_index_object(tables, 0, repository.keyring().repository_key(0), repository.id());
  const Id name = blake3(bytes);
  LogAppend entry;
  entry.type = LogEntryType::index_set;
  const Side side = put_with_side(repository.store(), index_name(name), bytes, repository.parity());
  entry.adds.push_back({ObjectKind::index, side, name, bytes.size()});
  entry.body = encode_names({});
  repository.append([&](const LogState&) { return entry; });
}

}  // namespace coppice::test
