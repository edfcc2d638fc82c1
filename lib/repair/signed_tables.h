#pragma once
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "index/index_object.h"
#include "pack/table.h"
#include "repo/repository.h"

namespace coppice {

/// Tables of packs, as far as anybody has them: from the pack itself, healed if need be, else from
/// an index object. Only tables that a known slot signed are given.
class SignedTables {
 public:
  explicit SignedTables(const Repository& repository) : repository_(repository) {}

  /// As signed; nothing if the pack does not have it.
  std::optional<Bytes> from_pack(const ObjectRef& pack) const;
  /// From the first index object that has it; reads all of them until then.
  std::optional<Bytes> from_index(const ObjectRef& pack) const;

  /// An index object's tables; nothing if it cannot be read.
  std::optional<std::vector<IndexedTable>> in_index_object(const ObjectRef& object) const;

 private:
  bool is_signed(const Bytes& table) const;

  const Repository& repository_;
};

}  // namespace coppice
