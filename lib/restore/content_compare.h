#pragma once
#include "crypto/hash.h"
#include "index/index.h"
#include "restore/planned_window.h"
#include "snapshot/tree_reader.h"

namespace coppice {

/// True if the file's bytes at `offset` are the chunk; `buffer` is scratch. Throws system_error.
bool holds_chunk(int fd, std::uint64_t offset, const ContentExtent& chunk,
                 const ChunkIdentity& identity, Bytes& buffer);

/// What to compare an existing file with, and how.
struct UpdateQuestion {
  const Node& node;
  MetadataSource& trees;
  const ChunkIdentity& identity;
  const Index& index;
  bool compares = true;  ///< false: all of the content counts as different
};

/// Finds out which ranges of an existing open file are right already. Nothing if a chunk that would
/// have to be written is not in the index. Throws system_error, and Error{damaged} if the content
/// list cannot be read.
std::optional<UpdatePlan> plan_update(int fd, const UpdateQuestion& question);

/// True if the whole file is as recorded: size, chunks, and zeros in holes. Throws as plan_update.
bool is_content_right(int fd, const Node& node, MetadataSource& trees,
                      const ChunkIdentity& identity);

}  // namespace coppice
