#include <algorithm>
#include <future>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/held_findings.h"
#include "index/index_cache.h"
#include "index/index_object.h"
#include "index/run_collector.h"
#include "pack/pack_file.h"
#include "repo/adopted_packs.h"
#include "repo/object_names.h"
#include "repo/pack_listing.h"
#include "repo/pack_table.h"
#include "repo/repository.h"

/// Loading the index (docs/architecture.md, "index"): from the local cache, index objects, and pack
/// tables, in that order.
namespace coppice {
namespace {

/// Up to so many missing tables are read from the packs themselves even if there are index objects.
constexpr std::size_t kFewTables = 16;
/// A cached run is merged with the new ones unless it is this many times larger: so there are few
/// runs, and each record is written again a few times only.
constexpr std::uint64_t kMergeFactor = 4;
/// A cached run is of no more use if more than this share of its packs are gone: 1 in …
constexpr std::size_t kMaxDeadShare = 4;

/// A pack that the log names.
struct LivePack {
  std::uint64_t length = 0;
  bool is_wanted = true;  ///< its table is still to be found
  bool is_there = false;  ///< listed, with its length; only known for writing
};

/// Loads what one call of Repository::load_index needs.
class Loader {
 public:
  Loader(Store& store, const Keyring& keyring, const LogState& state,
         std::unique_ptr<AdoptedPacks> adopted, const IndexOptions& options, FindingSink& findings)
      : store_(store), keyring_(keyring), state_(state), options_(options), findings_(findings) {
    loaded_.adopted = std::move(adopted);
  }

  LoadedIndex load();

 private:
  void note_live();
  void note_listed(const PackSizes& listed);
  std::vector<std::pair<Id, std::uint64_t>> wanted() const;
  void found(LivePack& pack);
  void load_cached();
  void report_healed(const char* code, const std::string& object);
  void load_index_objects();
  void take_from_index_object(const Id& name);
  void load_pack_tables();
  void report_missing_tables();
  void add_table(const Id& pack, std::uint64_t length, const Bytes& table);
  void adopt_orphans();
  void read_unlogged();
  bool is_of_use(const IndexRun& run) const;
  void use(IndexRun run);
  IndexCache cache() const { return {options_.cache_directory, keyring_.local_key()}; }
  void finish_tables();
  void keep_in_cache(std::vector<IndexRun> parts);
  PackUse judge(const PackRecord& pack) const;
  bool is_trusted(const SlotId& writer) const;

  Store& store_;
  const Keyring& keyring_;
  const LogState& state_;
  const IndexOptions& options_;
  FindingSink& findings_;
  std::unordered_map<Id, LivePack> live_;    // those that the log names
  std::size_t wanted_ = 0;                   // how many of them
  PackSizes unknown_;                        // listed, and not named by the log; only for writing
  std::set<Id> unlogged_;                    // the same, of which something may be read
  std::map<Id, std::string> broken_tables_;  // pack -> why its own table does not do
  RunCollector tables_;
  std::vector<CachedRun> cached_;  // the largest first
  LoadedIndex loaded_;
};

void Loader::note_live() {
  live_.reserve(state_.objects.live().size());
  for (const auto& [name, object] : state_.objects.live()) {
    if (object.kind == ObjectKind::pack) live_.emplace(name, LivePack{object.length});
  }
  wanted_ = live_.size();
}

/// The names and lengths of the packs whose tables are still to be found.
std::vector<std::pair<Id, std::uint64_t>> Loader::wanted() const {
  std::vector<std::pair<Id, std::uint64_t>> wanted;
  wanted.reserve(wanted_);
  for (const auto& [name, pack] : live_) {
    if (pack.is_wanted) wanted.emplace_back(name, pack.length);
  }
  return wanted;
}

void Loader::found(LivePack& pack) {
  pack.is_wanted = false;
  --wanted_;
}

/// A listing may make a pack absent for deduplication, never dead (design, section 6).
void Loader::note_listed(const PackSizes& listed) {
  for (const auto& [name, size] : listed) {
    const auto live = live_.find(name);
    if (live == live_.end()) {
      unknown_.emplace(name, size);
    } else {
      live->second.is_there = size == live->second.length;
    }
  }
}

bool Loader::is_trusted(const SlotId& writer) const {
  const auto certificate = state_.certificates.find(writer);
  if (certificate == state_.certificates.end() || state_.revoked_from.contains(writer))
    return false;
  if (writer == keyring_.slot() || certificate->second.body.role == Role::owner) return true;
  const auto own = state_.certificates.find(keyring_.slot());
  if (own == state_.certificates.end()) return false;
  const auto& trusted = own->second.terms.trusted_slots;
  return std::find(trusted.begin(), trusted.end(), writer) != trusted.end();
}

PackUse Loader::judge(const PackRecord& pack) const {
  const auto live = live_.find(pack.name);
  if (unlogged_.contains(pack.name)) return PackUse::readable;
  if (live == live_.end() && !loaded_.adopted->contains(pack.name)) return PackUse::absent;
  if (!options_.for_writing) return PackUse::readable;
  const auto damaged = state_.damaged.find(pack.name);
  const bool is_lost = damaged != state_.damaged.end() && damaged->second.empty();
  // What is adopted was read a moment ago.
  const bool is_there = live == live_.end() || live->second.is_there;
  const bool is_usable = is_there && !state_.condemned.contains(pack.name) && !is_lost;
  if (!is_usable) return PackUse::readable;
  return is_trusted(pack.writer) || state_.attested.contains(pack.name) ? PackUse::trusted
                                                                        : PackUse::readable;
}

/// Not one of packs that (from two commands at once) another run has, nor one mostly of packs that
/// are gone.
bool Loader::is_of_use(const IndexRun& run) const {
  std::size_t dead = 0;
  for (const PackRecord& pack : run.packs()) {
    const auto live = live_.find(pack.name);
    if (live == live_.end()) {
      ++dead;
    } else if (!live->second.is_wanted) {
      return false;
    }
  }
  return dead * kMaxDeadShare <= run.packs().size();
}

void Loader::use(IndexRun run) {
  loaded_.index.add(std::move(run), [this](const PackRecord& pack) { return judge(pack); });
}

void Loader::load_cached() {
  if (options_.cache_directory.empty()) return;
  const auto proof = options_.for_writing ? IndexCache::Proof::as_used : IndexCache::Proof::whole;
  for (CachedRun& cached : cache().load(proof)) {
    if (is_of_use(cached.run)) {
      for (const PackRecord& pack : cached.run.packs()) {
        const auto live = live_.find(pack.name);
        if (live != live_.end()) found(live->second);
      }
      cached_.push_back(std::move(cached));
    } else {
      cache().drop(cached.file);
    }
  }
}

void Loader::add_table(const Id& pack, std::uint64_t length, const Bytes& bytes) {
  const PackTable table = decode_table(bytes);
  const auto certificate = state_.certificates.find(table.signer);
  if (certificate == state_.certificates.end() ||
      !is_table_signed_by(bytes, keyring_.repository(), certificate->second.body.signing_key)) {
    throw_damaged("pack table is not signed by a known slot");
  }
  tables_.add(pack, length, table);
}

void Loader::take_from_index_object(const Id& name) {
  const ObjectRef* object = state_.objects.find(name);
  if (object == nullptr) return;
  bool is_healed = false;
  const Bytes bytes = read_index_object(store_, *object, &is_healed);
  if (is_healed) report_healed("index_damaged", index_name(name));
  const Secret32& key = keyring_.repository_key(index_object_epoch(bytes));
  for (const IndexedTable& entry : decode_index_object(bytes, key, keyring_.repository())) {
    const auto live = live_.find(entry.pack);
    if (live == live_.end() || !live->second.is_wanted || live->second.length != entry.pack_length)
      continue;
    add_table(entry.pack, entry.pack_length, entry.table);
    found(live->second);
  }
}

/// A backup is no less whole for it, so there it is only told.
void Loader::report_healed(const char* code, const std::string& object) {
  findings_.report({options_.for_writing ? Finding::Weight::note : Finding::Weight::healable, code,
                    object,
                    "is damaged, and was read from its second copy or by its parity; run: coppice "
                    "repair packs"});
}

void Loader::load_index_objects() {
  for (const Id& name : state_.index_names) {
    if (wanted_ == 0) return;
    try {
      take_from_index_object(name);
    } catch (const Error& error) {  // per item: the packs' own tables say the same
      if (!error.is_about_bytes()) throw;
      findings_.report({options_.for_writing ? Finding::Weight::note : Finding::Weight::healable,
                        "index_damaged", index_name(name),
                        std::string(error.what()) + "; run: coppice repair index"});
    }
  }
}

void Loader::load_pack_tables() {
  for (const auto& [name, length] : wanted()) {
    try {
      bool is_healed = false;
      add_table(name, length, read_pack_table(store_, keyring_, name, length, &is_healed));
      if (is_healed) report_healed("pack_damaged", pack_name(name));
      found(live_.at(name));
    } catch (const Error& error) {  // per item: an index object may have it
      if (!error.is_about_bytes()) throw;
      broken_tables_.emplace(name, error.what());
    }
  }
}

/// After packs and index objects: what is wanted still counts as missing with all that it holds.
void Loader::report_missing_tables() {
  for (const auto& [name, why] : broken_tables_) {
    if (state_.condemned.contains(name)) continue;  // somebody is about to delete it
    if (live_.at(name).is_wanted) {
      findings_.report({Finding::Weight::damaged, "pack_damaged", pack_name(name), why});
    } else {
      findings_.report({Finding::Weight::healable, "pack_damaged", pack_name(name),
                        why + "; an index object has its table"});
    }
  }
}

/// Together with cached runs that are not much larger.
void Loader::keep_in_cache(std::vector<IndexRun> parts) {
  std::uint64_t size = 0;
  for (const IndexRun& part : parts) size += part.bytes().size();
  std::vector<std::string> replaced;
  while (!cached_.empty() && cached_.back().run.bytes().size() < kMergeFactor * size &&
         cached_.back().run.prove()) {
    size += cached_.back().run.bytes().size();
    parts.push_back(cached_.back().run);
    replaced.push_back(cached_.back().file);
    cached_.pop_back();
  }
  if (auto kept = cache().keep(parts, replaced)) {
    cached_.push_back(std::move(*kept));
  } else {
    for (IndexRun& part : parts) use(std::move(part));
  }
}

/// Tables that the cache did not have.
void Loader::finish_tables() {
  if (tables_.is_empty()) return;
  if (options_.cache_directory.empty()) return use(tables_.take_run());
  keep_in_cache(tables_.take_parts());
}

void Loader::adopt_orphans() {
  const auto take = [this](const Id& pack, std::uint64_t length, const Bytes& table) {
    add_table(pack, length, table);
  };
  for (const auto& [name, length] : unknown_) loaded_.adopted->look(name, length, take);
}

/// An entry that is lost may have named them, and later snapshots may need what they hold.
void Loader::read_unlogged() {
  if (state_.broken.empty() && state_.void_numbers.empty()) return;
  for (const auto& [name, length] : list_packs(store_)) {
    if (live_.contains(name) || state_.objects.is_deleted(name)) continue;
    try {
      add_table(name, length, read_pack_table(store_, keyring_, name, length));
      unlogged_.insert(name);
    } catch (const Error& error) {  // per item: a stranger's file, or one that was cut
      if (!error.is_about_bytes() && error.kind() != ErrorKind::no_key) throw;
    }
  }
}

LoadedIndex Loader::load() {
  // A listing waits for the target, and the local index does not need it.
  std::future<PackSizes> listing;
  const std::size_t about = state_.objects.live().size();
  if (options_.for_writing)
    listing = std::async(std::launch::async, [&] { return list_packs(store_, about); });
  note_live();
  load_cached();
  if (options_.for_writing) note_listed(listing.get());
  if (wanted_ > kFewTables) load_index_objects();
  load_pack_tables();
  if (wanted_ > 0) load_index_objects();
  report_missing_tables();
  finish_tables();
  for (CachedRun& cached : cached_) use(std::move(cached.run));
  if (options_.for_writing) adopt_orphans();
  if (options_.with_unlogged) read_unlogged();
  if (!tables_.is_empty()) use(tables_.take_run());
  for (const auto& [pack, chunks] : state_.damaged) {
    for (const ChunkName& chunk : chunks) loaded_.index.mark_damaged(pack, chunk.id);
  }
  return std::move(loaded_);
}

}  // namespace

/// What seems damaged may only have been deleted since the log was read: then the log says so, and
/// all is loaded anew.
LoadedIndex Repository::load_index(const IndexOptions& options, FindingSink& findings) {
  constexpr int kAttempts = 5;
  for (int attempt = 1;; ++attempt) {
    HeldFindings held;
    const auto find_box = [this](const Id& session) { return read_session_record(session).box; };
    auto adopted = std::make_unique<AdoptedPacks>(store_, keyring_, state(), parity(), find_box);
    LoadedIndex loaded =
        Loader(store_, keyring_, state(), std::move(adopted), options, held).load();
    const std::uint64_t next_number = state().next_number;
    if (!held.is_empty() && attempt < kAttempts) refresh();
    if (state().next_number != next_number) continue;
    held.hand_over(findings);
    return loaded;
  }
}

}  // namespace coppice
