#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/finding.h"
#include "repo/chunk_writer.h"
#include "repo/repository.h"
#include "snapshot/node.h"
#include "support/faulty_store.h"
#include "support/memory_store.h"
#include "task/thread_pool.h"

namespace coppice::test {

/// Keeps what was reported.
class FindingList final : public FindingSink {
 public:
  void report(const Finding& finding) override { all.push_back(finding); }
  bool has(std::string_view code, std::string_view item) const;
  std::size_t count(Finding::Weight weight) const;
  /// For messages of failing tests.
  std::string text() const;

  std::vector<Finding> all;
};

/// A piece of a file: bytes, or a hole.
struct FilePart {
  std::string bytes;
  std::uint64_t hole = 0;  ///< zeros that have no chunk
};

/// One entry of a literal tree. Owner is the process, times are fixed, unless set otherwise.
struct LiteralEntry {
  Node node;
  std::vector<FilePart> parts;         ///< regular files
  std::vector<LiteralEntry> children;  ///< directories; in any order
};

LiteralEntry file(const std::string& name, const std::string& bytes, std::uint32_t mode = 0644);
LiteralEntry sparse_file(const std::string& name, std::vector<FilePart> parts);
LiteralEntry directory(const std::string& name, std::vector<LiteralEntry> children,
                       std::uint32_t mode = 0755);
LiteralEntry symbolic_link(const std::string& name, const std::string& target);
/// FIFO, socket or device.
LiteralEntry special(const std::string& name, FileType type, std::uint64_t rdev = 0);
/// Makes these two or more entries names of one file: equal inode and link count.
void hard_link(std::vector<LiteralEntry*> names, std::uint64_t inode);

/// `size` bytes that do not compress, the same for the same seed.
std::string noise(std::size_t size, std::uint32_t seed = 1);

/// A repository in memory with one owner, whose reads can be made to lie.
class RepositoryFixture {
 public:
  /// Literal files are cut into chunks of this many bytes. Without a geometry large packs have no
  /// parity. With `like` it is of that one's family.
  explicit RepositoryFixture(std::size_t chunk_bytes = 1000,
                             std::optional<ParityGeometry> parity = std::nullopt,
                             const RepositoryFixture* like = nullptr);

  /// Stores the tree below "/" and appends its snapshot. Each call seals packs of its own, with the
  /// chunks that are not stored yet.
  Reference store_tree(std::vector<LiteralEntry> entries) {
    return store(std::move(entries), true);
  }
  /// The same, but all of its chunks are stored, so that they then have several places.
  Reference store_tree_again(std::vector<LiteralEntry> entries) {
    return store(std::move(entries), false);
  }

  /// Finishes the writer and appends a snapshot of the tree that it has stored.
  void publish(ChunkWriter& writer, const Reference& root);

  /// What opens the repository.
  static Credential credential();

  Repository& repository() { return *repository_; }
  const Repository& repository() const { return *repository_; }
  FaultyStore& faults() { return faults_; }
  ThreadPool& pool() { return pool_; }

  Id chunk_id(std::string_view bytes) const;
  /// Flips a byte of the block wherever this data chunk lies, or at so many of its places, second
  /// copies too.
  void damage_chunk(std::string_view bytes, std::size_t places = SIZE_MAX);
  /// Hides every pack that holds this data chunk, and its second copy; indexes that are loaded from
  /// now on do not know them.
  void lose_chunk(std::string_view bytes);

 private:
  Reference store(std::vector<LiteralEntry> entries, bool deduplicates);
  std::vector<ChunkPlace> places_of(std::string_view bytes);

  std::size_t chunk_bytes_;
  MemoryStore store_;
  FaultyStore faults_{store_};
  ThreadPool pool_{2};
  FindingList findings_;
  std::unique_ptr<Repository> repository_;
  Index index_;  // places point into it
};

}  // namespace coppice::test
