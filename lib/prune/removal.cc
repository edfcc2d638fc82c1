#include "prune/removal.h"

#include <set>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "repo/log_reader.h"
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

/// What a side file stands beside; nothing for other files.
std::optional<std::string> main_of_side(const std::string& name) {
  const auto id = id_in(name);
  if (!id) return std::nullopt;
  for (const std::string& main : {pack_name(*id), index_name(*id), session_name(*id)}) {
    if (name == copy_name(main) || name == parity_name(main)) return main;
  }
  return std::nullopt;
}

/// One checkpoint before the newest stays, for readers to whom the newest is of no use. Who started
/// from the newest knows of the other one by that entry alone, which names it.
std::optional<std::uint64_t> checkpoint_before_newest(Store& store, const LogState& state) {
  const std::vector<std::uint64_t>& known = state.checkpoints;
  if (known.empty()) return std::nullopt;
  if (known.size() >= 2) return known[known.size() - 2];
  const LogRead newest = LogReader(store).read(known.back());
  if (!newest.entry || newest.entry->plain.type != LogEntryType::checkpoint) return std::nullopt;
  const std::uint64_t field = newest.entry->plain.checkpoint;
  const bool is_of_use =
      field != 0 && field <= known.back() && !state.void_numbers.contains(field - 1);
  return is_of_use ? std::optional(field - 1) : std::nullopt;
}

bool is_alone(Store& store, const LogState& state, const std::string& file) {
  const Id id = *id_in(file);
  const bool is_known = state.objects.is_live(id) || state.objects.is_deleted(id);
  return !is_known && !store.size(*main_of_side(file));
}

}  // namespace

std::vector<std::string> find_lone_sides(Store& store, const LogState& state) {
  std::vector<std::string> lone;
  for (const char* folder : {"packs/", "index/", "sessions/"}) {
    std::set<std::string> sides;
    const std::vector<ObjectInfo> listed = store.list(folder);
    for (const ObjectInfo& object : listed) {
      if (main_of_side(object.name)) sides.insert(object.name);
    }
    for (const ObjectInfo& object : listed) {
      sides.erase(copy_name(object.name));
      sides.erase(parity_name(object.name));
    }
    for (const std::string& file : sides) {
      if (is_alone(store, state, file)) lone.push_back(file);
    }
  }
  return lone;
}

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

void Remover::remove_lone_sides(const std::vector<std::string>& files, const LogState& state) {
  for (const std::string& file : files) {
    if (is_alone(store_, state, file)) remove(file);
  }
}

void Remover::remove_old_log(const LogState& state) {
  if (state.collection_is_stopped() || state.is_read_only()) return;
  const auto first_kept = checkpoint_before_newest(store_, state);
  if (!first_kept) return;
  for (const std::string& name : store_.names("log/")) {  // sorted: the oldest first
    const auto number = log_number_of(name);
    if (number && *number < *first_kept) remove(name);
  }
}

}  // namespace coppice
