#pragma once
#include <string>

#include "base/finding.h"
#include "base/stop.h"
#include "repo/repository.h"
#include "snapshot/node.h"

namespace coppice {

struct DumpOptions {
  std::string index_cache_directory;  ///< empty: no cache
  const StopFlag* stop = nullptr;
};

/// Writes the content of one regular file of a snapshot to `out_fd` in order; holes as zeros.
/// `path` is absolute. Every chunk is proved by its id before it is written. Reports "healed"
/// (healable) if a second copy had to be used. Throws Error{usage} if there is no such path or it
/// is no regular file, Error{damaged} at the first chunk that is not to be had (what was written
/// until then is right), Error{no_key}, Error{interrupted}, system_error if `out_fd` refuses.
void dump_file(Repository& repository, const Node& root, const std::string& path, int out_fd,
               const DumpOptions& options, FindingSink& findings);

}  // namespace coppice
