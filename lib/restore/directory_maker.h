#pragma once
#include "restore/planned_window.h"
#include "restore/restore_context.h"

namespace coppice {

/// A directory that the snapshot has.
struct WantedDirectory {
  OutputDirectoryPtr parent;
  std::string name;
  Metadata metadata;  ///< owner already translated
  RestoreChoice choice = RestoreChoice::take;
};

/// Makes the directory with mode 0700, or opens the one that is there and makes it writable, and
/// puts its descriptor into the context's cache. What else stands in its place is replaced if the
/// options allow. In a dry run only looks. Throws call_error; Error{failed} if something must be
/// kept in its place.
std::shared_ptr<OutputDirectory> make_output_directory(RestoreContext& context,
                                                       const WantedDirectory& wanted);

/// The directory that all is restored into, as options.target names it: symlinks on the way are
/// followed, missing components are made.
struct OpenedTarget {
  Fd fd;
  bool is_fresh = false;    ///< just made
  bool is_missing = false;  ///< in a dry run
};
/// Tells in a dry run what would become of the target itself.
void foresee_target(RestoreContext& context, const OutputDirectory& directory);
/// Throws call_error if it cannot be had.
OpenedTarget open_target(const RestoreOptions& options);

}  // namespace coppice
