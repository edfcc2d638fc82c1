#include "restore/dump.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "repo/chunk_reader.h"
#include "repo/moved_chunks.h"
#include "snapshot/stored_metadata.h"
#include "snapshot/tree_reader.h"

namespace coppice {
namespace {

/// All of `bytes` to a pipe, terminal or file, at its position.
void write_on(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw system_error("write", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void write_zeros(int fd, std::uint64_t length) {
  const Bytes zeros(1 << 16);
  while (length > 0) {
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(length, zeros.size()));
    write_on(fd, ByteView(zeros).first(part));
    length -= part;
  }
}

Node find_file(MetadataSource& trees, const Node& root, const std::string& path) {
  std::optional<Node> node = find_path(trees, root, path);
  const std::string shown = escape_for_display(path);
  if (!node) throw Error(ErrorKind::usage, "the snapshot has no " + shown);
  if (node->meta.type == FileType::directory) {
    throw Error(ErrorKind::usage, shown + " is a directory; use: coppice restore or export");
  }
  if (node->meta.type != FileType::regular) {
    throw Error(ErrorKind::usage, shown + " is no regular file and has no content");
  }
  return std::move(*node);
}

}  // namespace

void dump_file(Repository& repository, const Node& root, const std::string& path, int out_fd,
               const DumpOptions& options, FindingSink& findings) {
  const LoadedIndex loaded =
      repository.load_index({false, options.index_cache_directory, true}, findings);
  BlockSource blocks(repository.store(), loaded.index, repository.secrets());
  MovedChunks moved(repository, options.index_cache_directory);
  ChunkReader chunks(blocks, repository.keyring(), &moved);
  StoredMetadata trees(chunks);
  const Node file = find_file(trees, root, path);
  try {
    ContentCursor extents(trees, file);
    while (const ContentExtent* extent = extents.next()) {
      if (options.stop != nullptr) options.stop->check();
      if (extent->is_hole) {
        write_zeros(out_fd, extent->length);
      } else {
        write_on(out_fd, chunks.get(ChunkClass::data, extent->id));
      }
    }
  } catch (const Error& error) {  // says which file it was
    throw error.within(escape_for_display(path));
  }
  if (blocks.healed_blocks() == 0 || moved.are_deleted(blocks.healed_packs())) return;
  findings.report({Finding::Weight::healable, "healed", path,
                   std::to_string(blocks.healed_blocks()) +
                       " blocks were damaged and healed while reading, from second copies or "
                       "by parity: the output is complete; to heal the repository run: coppice "
                       "repair packs"});
}

}  // namespace coppice
