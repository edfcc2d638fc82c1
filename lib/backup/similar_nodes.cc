#include "backup/similar_nodes.h"

namespace coppice {
namespace {

/// Smaller new files are not worth reading the old directory twice.
constexpr std::uint64_t kMinSimilarBytes = 64 << 10;
/// A dump a day is the next version of yesterday's; a hundred new pictures are no versions of the
/// last old one, and trying costs as much as storing them.
constexpr std::size_t kMaxAlike = 8;
/// What is found may take so much memory in each slice: lists of chunks may be long.
constexpr std::size_t kMaxSimilarBytes = 4 << 20;

/// Runs of digits count as one: so names with dates and numbers are alike.
std::string without_numbers(const std::string& name) {
  std::string alike;
  for (const char c : name) {
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit) alike += c;
    if (is_digit && (alike.empty() || alike.back() != '0')) alike += '0';
  }
  return alike;
}

bool is_worth_similar(const ScannedEntry& entry) {
  if (entry.old || entry.similar || entry.errno_value != 0) return false;
  const Metadata& metadata = entry.metadata;
  return metadata.type == FileType::directory ||
         (metadata.type == FileType::regular && metadata.size >= kMinSimilarBytes);
}

/// What an entry has in common with others of which it may be another version: the type, and the
/// name without its numbers.
std::string kinship(FileType type, const std::string& name) {
  return std::to_string(static_cast<int>(type)) + without_numbers(name);
}

}  // namespace

SimilarNodes::SimilarNodes(std::vector<ScannedEntry>& entries, bool inodes_are_stable) {
  for (ScannedEntry& entry : entries) {
    if (!is_worth_similar(entry)) continue;
    if (inodes_are_stable) by_inode_.emplace(entry.metadata.inode, &entry);
    by_kinship_[kinship(entry.metadata.type, entry.name)].push_back(&entry);
  }
  is_empty_ = by_kinship_.empty();
  // Pictures of a camera are no versions of each other.
  std::erase_if(by_kinship_, [](const auto& group) { return group.second.size() > kMaxAlike; });
}

bool SimilarNodes::has_room() const { return bytes_ < kMaxSimilarBytes; }

void SimilarNodes::see(Node&& node) {
  const std::size_t bytes = memory_of(node);
  const auto same = by_inode_.find(node.meta.inode);
  if (same != by_inode_.end() && same->second->metadata.type == node.meta.type) {
    same->second->similar = std::make_unique<Node>(node);
    bytes_ += bytes;
  }
  std::string kin = kinship(node.meta.type, node.name);
  const auto akin = by_kinship_.find(kin);
  if (akin == by_kinship_.end()) return;
  const auto [latest, is_new] = latest_.insert_or_assign(std::move(kin), std::move(node));
  if (is_new) bytes_ += bytes * (1 + akin->second.size());
}

void SimilarNodes::finish() {
  for (const auto& [kin, node] : latest_) {
    for (ScannedEntry* entry : by_kinship_.at(kin)) {
      if (!entry->similar) entry->similar = std::make_unique<Node>(node);
    }
  }
}

}  // namespace coppice
