#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "index/index_cache.h"
#include "index/index_object.h"
#include "pack/pack_file.h"
#include "repo/object_names.h"
#include "repo/pack_table.h"
#include "repo/repository.h"
#include "repo/side_file.h"

/// Loading the index (docs/architecture.md, "index"): from the local cache, index objects, and pack
/// tables, in that order.
namespace coppice {
namespace {

/// Up to so many missing tables are read from the packs themselves even if there are index objects.
constexpr std::size_t kFewTables = 16;
/// More cached runs than this are merged into one.
constexpr std::size_t kMaxCachedRuns = 8;

using PackSizes = std::unordered_map<Id, std::uint64_t>;

PackSizes list_packs(Store& store) {
  PackSizes sizes;
  for (const ObjectInfo& object : store.list("packs/")) {
    Id name;
    if (from_hex(std::string_view(object.name).substr(object.name.rfind('/') + 1), name.bytes)) {
      sizes.emplace(name, object.size);
    }
  }
  return sizes;
}

/// Loads what one call of Repository::load_index needs.
class Loader {
 public:
  using FindOrphanBox = std::function<SessionBox(const Id& session)>;
  Loader(Store& store, const Keyring& keyring, const LogState& state,
         std::optional<ParityGeometry> parity, FindOrphanBox find_orphan_box,
         const IndexOptions& options, FindingSink& findings)
      : store_(store),
        keyring_(keyring),
        state_(state),
        parity_(parity),
        find_orphan_box_(std::move(find_orphan_box)),
        options_(options),
        findings_(findings) {}

  LoadedIndex load();

 private:
  void note_wanted();
  void load_cached();
  void load_index_objects();
  void load_pack_tables();
  void add_table(const Id& pack, std::uint64_t length, const Bytes& table);
  void adopt_orphans();
  void adopt(const Id& pack, std::uint64_t length);
  Side complete_side_file(const Id& pack, std::uint64_t length);
  void finish_builder(bool is_cacheable);
  PackUse judge(const PackRecord& pack) const;
  bool is_trusted(const SlotId& writer) const;

  Store& store_;
  const Keyring& keyring_;
  const LogState& state_;
  const std::optional<ParityGeometry> parity_;
  const FindOrphanBox find_orphan_box_;
  const IndexOptions& options_;
  FindingSink& findings_;
  PackSizes listed_;  // only for writing
  PackSizes wanted_;  // live packs whose tables are still to be found, with their lengths
  std::set<Id> adopted_;
  IndexRunBuilder builder_;
  LoadedIndex loaded_;
};

void Loader::note_wanted() {
  for (const auto& [name, object] : state_.objects.live()) {
    if (object.kind == ObjectKind::pack) wanted_.emplace(name, object.length);
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
  const bool is_live = state_.objects.is_live(pack.name) || adopted_.contains(pack.name);
  if (!is_live) return PackUse::absent;
  if (!options_.for_writing) return PackUse::readable;
  const auto damaged = state_.damaged.find(pack.name);
  const bool is_lost = damaged != state_.damaged.end() && damaged->second.empty();
  // A listing may make a pack absent for deduplication, never dead (design, section 6).
  const auto listed = listed_.find(pack.name);
  const bool is_there = listed != listed_.end() && listed->second == pack.length;
  const bool is_usable = is_there && !state_.condemned.contains(pack.name) && !is_lost;
  if (!is_usable) return PackUse::readable;
  return is_trusted(pack.writer) || state_.attested.contains(pack.name) ? PackUse::trusted
                                                                        : PackUse::readable;
}

void Loader::load_cached() {
  if (options_.cache_directory.empty()) return;
  const IndexCache cache(options_.cache_directory, keyring_.local_key());
  const std::vector<IndexRun> runs = cache.load();
  for (const IndexRun& run : runs) {
    // Not of packs that are gone, nor (from two commands at once) of packs that another run has.
    const bool is_new =
        std::all_of(run.packs().begin(), run.packs().end(),
                    [&](const PackRecord& pack) { return wanted_.contains(pack.name); });
    if (!is_new) continue;
    for (const PackRecord& pack : run.packs()) wanted_.erase(pack.name);
    loaded_.index.add(run, [this](const PackRecord& pack) { return judge(pack); });
  }
}

void Loader::add_table(const Id& pack, std::uint64_t length, const Bytes& bytes) {
  const PackTable table = decode_table(bytes);
  const auto certificate = state_.certificates.find(table.signer);
  if (certificate == state_.certificates.end() ||
      !is_table_signed_by(bytes, keyring_.repository(), certificate->second.body.signing_key)) {
    throw_damaged("pack table is not signed by a known slot");
  }
  builder_.add(pack, length, table);
}

void Loader::load_index_objects() {
  if (wanted_.size() <= kFewTables) return;
  for (const Id& name : state_.index_names) {
    if (wanted_.empty()) return;
    const std::string object = index_name(name);
    try {
      const Bytes bytes = read_named_object(store_, object, name, kMaxIndexObjectBytes);
      const Secret32& key = keyring_.repository_key(index_object_epoch(bytes));
      for (const IndexedTable& entry : decode_index_object(bytes, key, keyring_.repository())) {
        const auto wanted = wanted_.find(entry.pack);
        if (wanted == wanted_.end() || wanted->second != entry.pack_length) continue;
        add_table(entry.pack, entry.pack_length, entry.table);
        wanted_.erase(wanted);
      }
    } catch (const Error& error) {  // per item: the packs' own tables say the same
      if (error.kind() != ErrorKind::damaged) throw;
      findings_.report({Finding::Weight::healable, "index_damaged", object, error.what()});
    }
  }
}

void Loader::load_pack_tables() {
  for (const auto& [name, length] : wanted_) {
    try {
      add_table(name, length, read_pack_table(store_, keyring_, name, length));
    } catch (const Error& error) {  // per item: what this pack holds counts as missing
      if (error.kind() != ErrorKind::damaged) throw;
      findings_.report({Finding::Weight::damaged, "pack_damaged", pack_name(name), error.what()});
    }
  }
  wanted_.clear();
}

void Loader::finish_builder(bool is_cacheable) {
  if (builder_.is_empty()) return;
  IndexRun run = builder_.build();
  if (is_cacheable && !options_.cache_directory.empty()) {
    const IndexCache cache(options_.cache_directory, keyring_.local_key());
    if (loaded_.index.runs().size() < kMaxCachedRuns) {
      cache.store(run);
    } else {
      IndexRunBuilder merged;
      for (const IndexRun& part : loaded_.index.runs()) merged.add(part);
      merged.add(run);
      const IndexRun whole = merged.build();
      cache.store(whole);
      cache.keep_only(whole);
    }
  }
  loaded_.index.add(std::move(run), [this](const PackRecord& pack) { return judge(pack); });
}

/// A finished pack that no log entry names: of a session of this slot that was interrupted, or that
/// still runs. Counting on it is safe, because this session's own entry will name it too.
void Loader::adopt(const Id& pack, std::uint64_t length) {
  const Bytes bytes = read_pack_table(store_, keyring_, pack, length);
  const PackTable table = decode_table(bytes);
  if (table.signer != keyring_.slot()) return;
  std::set<Id> sessions;
  for (const BlockInfo& block : table.blocks) sessions.insert(block.seal.session);
  std::vector<SessionBox> boxes;
  for (const Id& session : sessions) {
    if (!state_.session_boxes.contains(session)) boxes.push_back(find_orphan_box_(session));
  }
  add_table(pack, length, bytes);
  adopted_.insert(pack);
  loaded_.adopted.push_back({ObjectKind::pack, complete_side_file(pack, length), pack, length});
  for (const SessionBox& box : boxes) {
    const auto is_same = [&](const SessionBox& known) { return known.session == box.session; };
    if (std::none_of(loaded_.adopted_boxes.begin(), loaded_.adopted_boxes.end(), is_same)) {
      loaded_.adopted_boxes.push_back(box);
    }
  }
}

/// The interruption may have come between the pack and its copy or parity.
Side Loader::complete_side_file(const Id& pack, std::uint64_t length) {
  const std::string name = pack_name(pack);
  const Side side = side_for(length, parity_);
  if (side != Side::none &&
      !store_.size(side == Side::copy ? copy_name(name) : parity_name(name))) {
    write_side_file(
        store_, name, pack, length, side, parity_,
        [&](std::uint64_t offset, MutableByteView out) { store_.read(name, offset, out); });
  }
  return side;
}

void Loader::adopt_orphans() {
  for (const auto& [name, length] : listed_) {
    if (state_.objects.is_live(name) || state_.objects.is_deleted(name)) continue;
    try {
      adopt(name, length);
    } catch (const Error& error) {  // per item: a stranger's file, or a pack of another slot
      if (error.kind() != ErrorKind::damaged && error.kind() != ErrorKind::no_key) throw;
    }
  }
}

LoadedIndex Loader::load() {
  note_wanted();
  if (options_.for_writing) listed_ = list_packs(store_);
  load_cached();
  load_index_objects();
  load_pack_tables();
  finish_builder(true);
  if (options_.for_writing) {
    adopt_orphans();
    finish_builder(false);
  }
  for (const auto& [pack, chunks] : state_.damaged) {
    for (const ChunkName& chunk : chunks) loaded_.index.mark_damaged(pack, chunk.id);
  }
  return std::move(loaded_);
}

}  // namespace

LoadedIndex Repository::load_index(const IndexOptions& options, FindingSink& findings) {
  const auto find_orphan_box = [this](const Id& session) {
    return read_session_record(session).box;
  };
  return Loader(store_, keyring_, state(), parity(), find_orphan_box, options, findings).load();
}

}  // namespace coppice
