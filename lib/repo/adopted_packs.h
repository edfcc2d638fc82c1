#pragma once
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/bytes.h"
#include "parity/geometry.h"
#include "repo/keyring.h"
#include "repo/log_state.h"
#include "store/store.h"

namespace coppice {

/// Finished packs of this slot that the log does not name: of a session that was interrupted, or
/// of one that runs beside this one. Counting on them is safe, because whoever does names them, and
/// the boxes of their sessions, in the log entry of its own (docs/architecture.md, "Interrupted
/// backups", "Backups at once").
///
/// Used by one thread at a time. The log state it was made with must outlive it and not change
/// while `look` runs.
class AdoptedPacks {
 public:
  using FindBox = std::function<SessionBox(const Id& session)>;
  AdoptedPacks(Store& store, const Keyring& keyring, const LogState& state,
               std::optional<ParityGeometry> parity, FindBox find_box);

  /// Takes each adopted pack, with its table as signed.
  using Take = std::function<void(const Id& pack, std::uint64_t length, const Bytes& table)>;
  /// Adopts one listed pack, unless it was looked at before or is not for this slot to adopt.
  void look(const Id& pack, std::uint64_t length, const Take& take);
  /// Lists and adopts what other sessions than `own` have published since. Costs one listing of the
  /// sessions where there are no others.
  void look_for_new(const Id& own_session, const Take& take);
  /// Keeps an own pack from being looked at.
  void pass_over(const Id& pack) { seen_.insert(pack); }

  bool contains(const Id& pack) const { return objects_.contains(pack); }
  /// What the log entry must name, by name.
  const std::map<Id, ObjectRef>& objects() const { return objects_; }
  const std::vector<SessionBox>& boxes() const { return boxes_; }

 private:
  void adopt(const Id& pack, std::uint64_t length, const Take& take);
  void add_boxes_of(const Id& session, std::vector<SessionBox>& boxes) const;
  Side complete_side_file(const Id& pack, std::uint64_t length);
  bool has_neighbours(const Id& own_session) const;

  Store& store_;
  const Keyring& keyring_;
  const LogState& state_;
  const std::optional<ParityGeometry> parity_;
  const FindBox find_box_;
  std::set<Id> seen_;
  std::map<Id, ObjectRef> objects_;
  std::vector<SessionBox> boxes_;
};

}  // namespace coppice
