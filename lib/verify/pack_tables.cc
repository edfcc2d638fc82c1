#include "verify/pack_tables.h"

#include <utility>

#include "base/error.h"
#include "crypto/hash.h"
#include "index/index_object.h"
#include "index/run_collector.h"
#include "pack/pack_file.h"
#include "repo/healing.h"
#include "repo/in_order.h"
#include "repo/object_check.h"
#include "repo/object_names.h"
#include "repo/pack_table.h"

/// Tables are read from the packs themselves first, because these are what must hold when all else
/// is gone; from second copy, parity and index objects only to know what a damaged pack held.
namespace coppice {
namespace {

struct TableRead {
  bool has_right_sizes = false;
  bool is_from_pack = false;
  std::optional<Bytes> bytes;
};

class Reading {
 public:
  Reading(const Repository& repository, ThreadPool& pool, const ObjectReader& reader,
          const std::function<void(const std::string&)>& on_object, FindingSink& findings)
      : repository_(repository),
        pool_(pool),
        reader_(reader),
        on_object_(on_object),
        findings_(findings) {}

  PackTables run();

 private:
  std::vector<ObjectRef> live(ObjectKind kind) const;
  TableRead read_one(const ObjectRef& pack) const;
  void take(const ObjectRef& pack, TableRead read);
  bool is_added(const ObjectRef& pack, const Bytes& bytes);
  bool is_signed(const Bytes& bytes, const PackTable& table) const;
  void check_index_objects();
  void compare_index_object(const ObjectRef& object);
  void compare_table(const Id& index_object, const IndexedTable& entry);
  void report(Finding::Weight weight, const char* code, const std::string& item, std::string why) {
    findings_.report({weight, code, item, std::move(why)});
  }

  const Repository& repository_;
  ThreadPool& pool_;
  const ObjectReader& reader_;
  const std::function<void(const std::string&)>& on_object_;
  FindingSink& findings_;
  PackTables tables_;
  RunCollector collector_;
  std::map<Id, Id> hashes_;  // pack -> hash of its table
};

std::vector<ObjectRef> Reading::live(ObjectKind kind) const {
  std::vector<ObjectRef> objects;
  for (const auto& [name, object] : repository_.state().objects.live()) {
    if (object.kind == kind) objects.push_back(object);
  }
  return objects;
}

std::optional<Bytes> try_table(const Keyring& keyring, std::uint64_t length,
                               const ReadObject& read) {
  try {
    return open_table(keyring, length, read);
  } catch (const Error& error) {
    if (!error.is_about_bytes()) throw;
    return std::nullopt;
  }
}

TableRead Reading::read_one(const ObjectRef& pack) const {
  if (reader_.stop != nullptr) reader_.stop->check();
  const std::string name = pack_name(pack.name);
  const auto read_file = [&](const std::string& file) {
    return try_table(
        repository_.keyring(), pack.length,
        [&](std::uint64_t offset, MutableByteView out) { reader_.store.read(file, offset, out); });
  };
  const auto read_whole = [&](const std::string& file) {
    return try_table_of_whole_file(reader_.store, repository_.keyring(), file, pack.name,
                                   pack.length);
  };
  TableRead read;
  read.has_right_sizes = has_right_sizes(reader_.store, pack, repository_.parity());
  if (pack.side == Side::copy) {
    read.bytes = read_whole(name);
    read.is_from_pack = read.bytes.has_value();
    if (!read.bytes) read.bytes = read_whole(copy_name(name));
  }
  if (read.bytes) return read;
  read.bytes = read_file(name);
  read.is_from_pack = read.bytes.has_value();
  if (!read.bytes && pack.side == Side::copy) read.bytes = read_file(copy_name(name));
  if (!read.bytes && pack.side == Side::parity) {
    const ParityRead parity = read_parity_file(reader_, pack);
    std::string extent;
    const auto healed =
        parity.file ? heal_in_memory(reader_, pack, *parity.file, extent) : std::nullopt;
    if (healed) {
      read.bytes =
          try_table(repository_.keyring(), pack.length, read_healed(reader_, pack, *healed));
    }
  }
  return read;
}

bool Reading::is_signed(const Bytes& bytes, const PackTable& table) const {
  const auto certificate = repository_.state().certificates.find(table.signer);
  return certificate != repository_.state().certificates.end() &&
         is_table_signed_by(bytes, repository_.id(), certificate->second.body.signing_key);
}

/// False, and reported, if the table cannot be believed.
bool Reading::is_added(const ObjectRef& pack, const Bytes& bytes) {
  try {
    const PackTable table = decode_table(bytes);
    if (!is_signed(bytes, table)) {
      report(Finding::Weight::damaged, "table_forged", pack_name(pack.name),
             "its table is not signed by a known slot");
      return false;
    }
    if (kObjectPrefixBytes + table.blocks_length() > pack.length)
      throw_damaged("its blocks are longer than the pack");
    collector_.add(pack.name, pack.length, table);
    return true;
  } catch (const Error& error) {
    if (!error.is_about_bytes()) throw;
    report(Finding::Weight::damaged, "table_damaged", pack_name(pack.name), error.what());
    return false;
  }
}

void Reading::take(const ObjectRef& pack, TableRead read) {
  if (!read.has_right_sizes || !read.is_from_pack) tables_.suspects.insert(pack.name);
  if (!read.bytes) tables_.unopened.insert(pack.name);
  if (!read.bytes || !is_added(pack, *read.bytes)) {
    tables_.unreadable.insert(pack.name);
  } else {
    hashes_.emplace(pack.name, blake3(*read.bytes));
    if (!read.is_from_pack) tables_.rescued.emplace(pack.name, std::move(*read.bytes));
  }
  on_object_(pack_name(pack.name));
}

void Reading::check_index_objects() {
  const bool all_readable = tables_.unreadable.empty();
  const auto use = [&](const ObjectRef& object, const ObjectCheck& check) {
    auto finding = object_finding(object, check);
    if (finding && finding->weight == Finding::Weight::damaged && all_readable) {
      finding->weight = Finding::Weight::healable;
      finding->message += "; all pack tables are readable, so it can be made anew";
    }
    if (finding) findings_.report(*finding);
    const bool has_bytes =
        check.object == FileState::intact || (object.side == Side::copy && check.is_healable);
    if (has_bytes && repository_.state().index_names.contains(object.name))
      compare_index_object(object);
    on_object_(index_name(object.name));
  };
  for_each_in_order(
      pool_, live(ObjectKind::index),
      [this](const ObjectRef& object) { return check_object(reader_, object); }, use);
}

void Reading::compare_index_object(const ObjectRef& object) {
  const std::string name = index_name(object.name);
  try {
    const Bytes bytes = read_index_object(reader_.store, object);
    const Secret32& key = repository_.keyring().repository_key(index_object_epoch(bytes));
    for (const IndexedTable& entry : decode_index_object(bytes, key, repository_.id())) {
      compare_table(object.name, entry);
    }
  } catch (const Error& error) {
    if (!error.is_about_bytes()) throw;
    report(tables_.unreadable.empty() ? Finding::Weight::healable : Finding::Weight::damaged,
           "index_damaged", name,
           std::string(error.what()) + "; its bytes are those of its name, so it was written so");
  }
}

void Reading::compare_table(const Id& index_object, const IndexedTable& entry) {
  const ObjectRef* pack = repository_.state().objects.find(entry.pack);
  if (pack == nullptr || pack->kind != ObjectKind::pack) return;  // deleted since
  const auto hash = hashes_.find(entry.pack);
  const bool is_known = hash != hashes_.end();
  if (entry.pack_length != pack->length || (is_known && hash->second != blake3(entry.table))) {
    tables_.contradicted[entry.pack].insert(index_object);
    tables_.suspects.insert(entry.pack);
    return;
  }
  if (is_known || !is_added(*pack, entry.table)) return;
  hashes_.emplace(entry.pack, blake3(entry.table));
  tables_.unreadable.erase(entry.pack);
  tables_.rescued.emplace(entry.pack, entry.table);
}

PackTables Reading::run() {
  for_each_in_order(
      pool_, live(ObjectKind::pack), [this](const ObjectRef& pack) { return read_one(pack); },
      [this](const ObjectRef& pack, TableRead read) { take(pack, std::move(read)); });
  check_index_objects();
  if (!collector_.is_empty()) {
    tables_.index.add(collector_.take_run(), [](const PackRecord&) { return PackUse::readable; });
  }
  // What the log calls damaged may have been healed since: the bytes tell.
  for (const auto& [pack, chunks] : repository_.state().damaged) tables_.suspects.insert(pack);
  return std::move(tables_);
}

}  // namespace

PackTables read_pack_tables(const Repository& repository, ThreadPool& pool,
                            const ObjectReader& reader,
                            const std::function<void(const std::string&)>& on_object,
                            FindingSink& findings) {
  return Reading(repository, pool, reader, on_object, findings).run();
}

}  // namespace coppice
