#pragma once
#include "index/index.h"
#include "restore/restore_context.h"

namespace coppice {

/// What a restore will need, found out before the first byte is written.
struct RestoreNeeds {
  std::uint64_t files = 0;       ///< all entries but directories
  std::uint64_t bytes = 0;       ///< sizes of regular files, each name of a file counted
  std::uint64_t entries = 0;     ///< inodes, directories too
  std::uint64_t disk_bytes = 0;  ///< content without holes, in blocks of 4 KiB
};

/// Walks all that is wanted. Every file with chunks that are nowhere in the index is reported
/// ("content_damaged", damaged) with its path. Throws as walk_wanted.
RestoreNeeds find_needs(const WantedTree& wanted, const Index& index, SharedFindings& findings);

/// Compares needs with the room on the target's file system. If it seems short, the files that are
/// there already are counted on. Throws Error{no_space} telling both numbers; knows nothing, and
/// says nothing, where the file system does not tell.
void expect_space(const RestoreNeeds& needs, const WantedTree& wanted, const std::string& target,
                  SharedFindings& findings);

}  // namespace coppice
