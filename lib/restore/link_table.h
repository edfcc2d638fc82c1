#pragma once
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "restore/link_map.h"
#include "restore/planned_window.h"

namespace coppice {

/// The files with several names of which some are still to come: which name came first, and what
/// became of it. Those that no window has in hand any more are kept in scratch memory, without the
/// objects that stand for their directories: a snapshot of millions of hard links takes little
/// private memory. The planner's thread owns it.
class LinkTable {
 public:
  /// So few are not worth putting away.
  static constexpr std::size_t kMaxLive = 4096;
  explicit LinkTable(std::size_t max_live = kMaxLive) : max_live_(max_live) {}

  /// Sets `link` and `is_first_name` of a hard link that goes into the window of that number.
  void take(PlannedEntry& entry, std::uint64_t window);
  /// Puts away what is only in windows before `windows_done`: their tasks have ended, and this
  /// thread knows it through a lock.
  void put_away(std::uint64_t windows_done);

  /// Files whose LinkSource is in memory.
  std::size_t live() const { return live_.size(); }

 private:
  struct KeyHash {
    std::size_t operator()(const LinkKey& key) const noexcept {
      return static_cast<std::size_t>(key.inode * 0x9E37'79B9'7F4A'7C15 ^ key.device);
    }
  };
  struct Live {
    std::shared_ptr<LinkSource> source;
    std::uint64_t window = 0;  ///< the last one that has it in hand
  };
  struct Text {
    std::uint64_t offset;
    std::uint64_t length;
  };
  /// A file. The rest is valid once it was put away.
  struct Record {
    std::uint32_t names;
    std::int32_t errno_value;
    LinkSource::State state;
    bool keeps_inode;
    std::uint64_t directory;  ///< its number in directories_, from 1; 0: the target itself
    Text name;
  };
  struct DirectoryRecord {
    std::uint64_t parent;  ///< as Record::directory
    std::uint64_t device;
    std::uint64_t inode;
    Text name;
    bool is_missing;
  };

  static constexpr std::size_t kHeapBytes = 1 << 20;

  Live& live(const LinkKey& key, Record& record, const PlannedEntry& entry);
  void put_away(const LinkKey& key, const LinkSource& source);
  std::shared_ptr<LinkSource> bring_back(const Record& record);
  std::uint64_t number_of(const OutputDirectoryPtr& directory);
  OutputDirectoryPtr directory_at(std::uint64_t number);
  OutputDirectoryPtr make_directory(std::uint64_t number, OutputDirectoryPtr parent);
  Text keep(const std::string& text);
  std::string text_at(const Text& text) const;

  const std::size_t max_live_;
  LinkMap<Record> records_{kHeapBytes};
  ScratchVector<DirectoryRecord> directories_{kHeapBytes};
  ScratchVector<char> texts_{kHeapBytes};
  std::unordered_map<LinkKey, Live, KeyHash> live_;
  OutputDirectoryPtr target_;
  OutputDirectoryPtr latest_;  // that was brought back: neighbours are likely to share it
};

}  // namespace coppice
