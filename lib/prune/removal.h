#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/finding.h"
#include "repo/log_state.h"
#include "store/store.h"

/// Taking away the files of what the log says is gone. Each file's size is asked for before it is
/// removed, so that the sum is what the target got back.
namespace coppice {

/// What was removed.
struct Removed {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t packs = 0;
};

/// Removes files from one store and adds up. What cannot be removed is reported (3), and the rest
/// goes on. A dry one only adds up.
class Remover {
 public:
  Remover(Store& store, FindingSink& findings, bool is_dry_run)
      : store_(store), findings_(findings), is_dry_run_(is_dry_run) {}

  void remove(const std::string& name);
  /// The object, its second copy and its parity.
  void remove_object(const ObjectRef& object);
  /// Every file of an object that the log says was deleted: by this run, or by one that was
  /// interrupted before it came to that.
  void remove_spent(const LogState& state);
  /// Of what find_lone_sides found, the files that are still alone.
  void remove_lone_sides(const std::vector<std::string>& files, const LogState& state);
  /// Log entries that the last checkpoint but one restates. Oldest first, so that what is left is
  /// always a whole end of the log.
  void remove_old_log(const LogState& state);

  const Removed& total() const { return total_; }

 private:
  Store& store_;
  FindingSink& findings_;
  const bool is_dry_run_;
  Removed total_;
};

/// Second copies and parity files beside which there is no object, though the log does not say that
/// it was deleted, nor that it should be there: whoever wrote them died before the object itself
/// had its name. Of a writer that still lives one may be among them, so they are not to be removed
/// before such writers were waited for; a wrong guess costs a side file, which `repair packs` makes
/// anew.
std::vector<std::string> find_lone_sides(Store& store, const LogState& state);

/// The names of an object's file and of its side file, if it has one.
std::vector<std::string> files_of(const ObjectRef& object);

}  // namespace coppice
