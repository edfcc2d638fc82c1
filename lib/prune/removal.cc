#include "prune/removal.h"

#include <string_view>
#include <vector>

#include "base/error.h"
#include "repo/object_names.h"

namespace coppice {
namespace {

std::string main_name(const ObjectRef& object) {
  switch (object.kind) {
    case ObjectKind::pack:
      return pack_name(object.name);
    case ObjectKind::index:
      return index_name(object.name);
    case ObjectKind::session:
      return session_name(object.name);
  }
  return {};
}

/// The id that an object's file, or a side file of it, is named by.
std::optional<Id> id_in(std::string_view name) {
  name.remove_prefix(name.rfind('/') + 1);
  Id id;
  if (!from_hex(name.substr(0, name.find('.')), id.bytes)) return std::nullopt;
  return id;
}

}  // namespace

std::vector<std::string> files_of(const ObjectRef& object) {
  const std::string name = main_name(object);
  switch (object.side) {
    case Side::none:
      return {name};
    case Side::copy:
      return {name, copy_name(name)};
    case Side::parity:
      return {name, parity_name(name)};
  }
  return {name};
}

void Remover::remove(const std::string& name) {
  try {
    const auto size = store_.size(name);
    if (!size) return;
    if (!is_dry_run_ && !store_.remove(name)) return;
    ++total_.files;
    total_.bytes += *size;
  } catch (const Error& error) {  // per item
    if (error.kind() == ErrorKind::interrupted) throw;
    findings_.report({Finding::Weight::partial, "remove_failed", name, error.what()});
  }
}

void Remover::remove_object(const ObjectRef& object) {
  const std::uint64_t before = total_.files;
  for (const std::string& name : files_of(object)) remove(name);
  if (object.kind == ObjectKind::pack && total_.files != before) ++total_.packs;
}

void Remover::remove_spent(const LogState& state) {
  for (const char* folder : {"packs/", "index/", "sessions/"}) {
    for (const ObjectInfo& object : store_.list(folder)) {
      const auto id = id_in(object.name);
      if (!id) continue;
      const auto spent = state.objects.deleted().find(*id);
      if (spent == state.objects.deleted().end()) continue;
      const std::string main = main_name(spent->second);
      if (object.name != main && object.name != copy_name(main) &&
          object.name != parity_name(main)) {
        continue;
      }
      const std::uint64_t before = total_.files;
      remove(object.name);
      const bool is_pack = spent->second.kind == ObjectKind::pack && object.name == main;
      if (is_pack && total_.files != before) ++total_.packs;
    }
  }
}

void Remover::remove_old_log(const LogState& state) {
  // One checkpoint before the newest stays, for readers to whom the newest is of no use.
  if (state.checkpoints.size() < 2 || state.collection_is_stopped() || state.is_read_only()) return;
  const std::uint64_t first_kept = state.checkpoints[state.checkpoints.size() - 2];
  for (const std::string& name : store_.names("log/")) {  // sorted: the oldest first
    const auto number = log_number_of(name);
    if (number && *number < first_kept) remove(name);
  }
}

}  // namespace coppice
