#pragma once
#include <map>
#include <vector>

#include "repo/log_entry.h"

namespace coppice {

/// Which objects the log says exist, and which names are spent. Needs no key: it follows from the
/// plain parts of the entries. A name that was ever deleted is never live again.
class LiveObjects {
 public:
  enum class Added { added, known, deleted_before, contradicts };

  /// Makes the object live, unless its name is spent or stands for another object.
  Added add(const ObjectRef& object);
  /// Spends the name, whether it was live or not.
  void remove(const ObjectRef& object);

  /// By name.
  const std::map<Id, ObjectRef>& live() const { return live_; }
  const std::map<Id, ObjectRef>& deleted() const { return deleted_; }
  /// Null if not live.
  const ObjectRef* find(const Id& name) const;
  bool is_live(const Id& name) const { return live_.contains(name); }
  bool is_deleted(const Id& name) const { return deleted_.contains(name); }
  /// Throws Error{failed} if one of them was deleted before the log named it: a collector took its
  /// writer for dead, and an entry that adds it would not be obeyed.
  void expect_not_deleted(const std::vector<ObjectRef>& written) const;

  bool operator==(const LiveObjects&) const = default;

 private:
  std::map<Id, ObjectRef> live_;
  std::map<Id, ObjectRef> deleted_;
};

/// True if an entry of this type may carry them: elsewhere they are not obeyed (docs/format.md,
/// section 5).
bool may_add_objects(LogEntryType type);
bool may_delete_objects(LogEntryType type);

}  // namespace coppice
