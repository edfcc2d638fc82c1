#include "prune/index_upkeep.h"

#include <algorithm>

#include "base/error.h"
#include "crypto/hash.h"
#include "index/index_object.h"
#include "repo/object_names.h"
#include "repo/pack_table.h"
#include "repo/side_file.h"

namespace coppice {
namespace {

/// Index objects below this are small, bytes; so many of them are joined.
constexpr std::uint64_t kSmallIndexBytes = kIndexObjectTargetBytes / 8;
constexpr std::size_t kSmallIndexesToJoin = 8;

class IndexTidier {
 public:
  explicit IndexTidier(Repository& repository) : repository_(repository) {}

  void run() {
    choose();
    if (replaced_.empty()) return;
    for (const Id& name : replaced_) take(name);
    put();
    repository_.append([this](const LogState& state) {
      state.objects.expect_not_deleted(added_);
      return LogAppend{LogEntryType::index_set, added_, {}, {}, encode_names(replaced_)};
    });
  }

 private:
  std::vector<IndexedTable> read(const Id& name) const {
    const ObjectRef* object = repository_.state().objects.find(name);
    if (object == nullptr) throw_damaged(index_name(name) + ": is not in the log");
    const Bytes bytes = read_index_object(repository_.store(), *object);
    const Secret32& key = repository_.keyring().repository_key(index_object_epoch(bytes));
    return decode_index_object(bytes, key, repository_.id());
  }

  bool is_live(const IndexedTable& table) const {
    const ObjectRef* pack = repository_.state().objects.find(table.pack);
    return pack != nullptr && pack->length == table.pack_length;
  }

  void choose() {
    std::vector<Id> small;
    for (const Id& name : repository_.state().index_names) {
      try {
        const std::vector<IndexedTable> tables = read(name);
        const auto live = static_cast<std::size_t>(std::count_if(
            tables.begin(), tables.end(), [this](const IndexedTable& t) { return is_live(t); }));
        if (2 * live < tables.size()) {
          replaced_.push_back(name);
        } else if (const ObjectRef* object = repository_.state().objects.find(name);
                   object != nullptr && object->length < kSmallIndexBytes) {
          small.push_back(name);
        }
      } catch (const Error& error) {  // per item: repair makes it anew
        if (!error.is_about_bytes()) throw;
      }
    }
    if (small.size() >= kSmallIndexesToJoin)
      replaced_.insert(replaced_.end(), small.begin(), small.end());
  }

  void take(const Id& name) {
    for (IndexedTable& table : read(name)) {
      if (!is_live(table)) continue;
      size_ += table.table.size();
      tables_.push_back(std::move(table));
      if (size_ >= kIndexObjectTargetBytes) put();
    }
  }

  void put() {
    if (tables_.empty()) return;
    const std::uint64_t epoch = repository_.state().newest_epoch();
    const Bytes bytes = encode_index_object(
        tables_, epoch, repository_.keyring().repository_key(epoch), repository_.id());
    const Id name = blake3(bytes);
    const Side side =
        put_with_side(repository_.store(), index_name(name), bytes, repository_.parity());
    added_.push_back({ObjectKind::index, side, name, bytes.size()});
    tables_.clear();
    size_ = 0;
  }

  Repository& repository_;
  std::vector<Id> replaced_;
  std::vector<IndexedTable> tables_;
  std::uint64_t size_ = 0;
  std::vector<ObjectRef> added_;
};

}  // namespace

void tidy_index_objects(Repository& repository, FindingSink& findings) {
  try {
    IndexTidier(repository).run();
  } catch (const Error& error) {  // upkeep comes again next time
    if (error.kind() == ErrorKind::interrupted) throw;
    findings.report(
        {Finding::Weight::note, "upkeep_failed", repository.store().description(), error.what()});
  }
}

}  // namespace coppice
