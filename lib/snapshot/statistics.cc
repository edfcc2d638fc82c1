#include "snapshot/statistics.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "index/id_set.h"
#include "snapshot/tree_reader.h"

/// One walk serves both modes: every different directory is read once, in whichever snapshot it
/// comes first, and its sums are remembered. Sums add up over shared directories, hard links don't:
/// two names of one file may lie in different directories of a snapshot. So names of hard links
/// stay out of the sums, are kept by directory, and are united anew for each snapshot.
namespace coppice {
namespace {

struct ReferenceHash {
  std::size_t operator()(const Reference& reference) const noexcept {
    return static_cast<std::size_t>(reference.id.hash() + reference.levels);
  }
};
template <typename Value>
using ByReference = std::unordered_map<Reference, Value, ReferenceHash>;

/// Differences of estimates and rounded shares are never told as negative.
std::uint64_t minus(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

// ---- chunks

/// Raw and sealed bytes of blocks, or of parts of blocks.
struct BlockBytes {
  std::uint64_t raw = 0;
  std::uint64_t sealed = 0;
};

/// By class, plain and delta blocks apart.
struct BytesByKind {
  std::array<BlockBytes, 2> plain;
  std::array<BlockBytes, 2> delta;

  /// Adds a block, or the share in it that `used` of its raw bytes have.
  void add(const BlockRecord& block, std::uint64_t used) {
    auto& kind = (block.encoding & kEncodingDelta) != 0 ? delta : plain;
    BlockBytes& bytes = kind.at(block.chunk_class);
    bytes.raw += used;
    bytes.sealed += used * block.sealed_length / block.raw_length;
  }
};

/// The chunks that snapshots need, each once.
class NeededChunks {
 public:
  NeededChunks(MetadataSource& trees, const Index& index);

  /// The metadata chunks that the reference passes through.
  void add_metadata(const Reference& reference);
  /// The chunks of the file's content; returns how many of its bytes are in holes.
  std::uint64_t add_content(const Node& file);

  std::uint64_t missing() const { return missing_; }
  /// `restored` is what a restore writes, without holes.
  RawData sum(std::uint64_t restored) const;

 private:
  void add(const Id& id);
  BytesByKind bytes() const;

  MetadataSource& trees_;
  const Index& index_;
  IdSet ids_;
  std::vector<std::vector<std::uint32_t>> used_;  // raw bytes by run, by block
  ByReference<std::uint64_t> holes_;              // of content lists: long ones are read once
  std::uint64_t missing_ = 0;
};

NeededChunks::NeededChunks(MetadataSource& trees, const Index& index)
    : trees_(trees), index_(index) {
  used_.reserve(index.runs().size());
  for (const IndexRun& run : index.runs()) used_.emplace_back(run.blocks().size());
}

void NeededChunks::add(const Id& id) {
  if (!ids_.insert(id)) return;
  if (const auto place = index_.find_first(id)) {
    used_[place->run_number][place->block] += place->length;
  } else {
    ++missing_;
  }
}

void NeededChunks::add_metadata(const Reference& reference) {
  walk_reference(trees_, reference, [this](const Id& id, std::uint8_t) {
    add(id);
    return true;
  });
}

std::uint64_t NeededChunks::add_content(const Node& file) {
  const std::optional<Reference>& list = file.content.reference;
  if (list) {
    if (const auto known = holes_.find(*list); known != holes_.end()) return known->second;
    add_metadata(*list);
  }
  std::uint64_t holes = 0;
  ContentCursor extents(trees_, file);
  while (const ContentExtent* extent = extents.next()) {
    if (extent->is_hole) {
      holes += extent->length;
    } else {
      add(extent->id);
    }
  }
  if (list) holes_.emplace(*list, holes);
  return holes;
}

BytesByKind NeededChunks::bytes() const {
  BytesByKind bytes;
  for (std::size_t run = 0; run < used_.size(); ++run) {
    const auto blocks = index_.runs()[run].blocks();
    for (std::size_t block = 0; block < blocks.size(); ++block) {
      if (used_[run][block] != 0) bytes.add(blocks[block], used_[run][block]);
    }
  }
  return bytes;
}

/// All blocks that may be read.
BytesByKind all_blocks(const Index& index) {
  BytesByKind bytes;
  for (std::uint32_t run = 0; run < index.runs().size(); ++run) {
    for (const BlockRecord& block : index.runs()[run].blocks()) {
      if (index.use_of(run, block.pack) != PackUse::absent) bytes.add(block, block.raw_length);
    }
  }
  return bytes;
}

/// What `raw` bytes would take if they compressed as `others` do.
std::uint64_t compressed_like(std::uint64_t raw, const BlockBytes& others) {
  if (others.raw == 0) return raw;
  const double ratio = static_cast<double>(others.sealed) / static_cast<double>(others.raw);
  return static_cast<std::uint64_t>(static_cast<double>(raw) * ratio);
}

RawData NeededChunks::sum(std::uint64_t restored) const {
  const BytesByKind needed = bytes();
  const BytesByKind all = all_blocks(index_);
  RawData data;
  data.chunks = ids_.size() - missing_;
  BlockBytes plain;
  BlockBytes delta;
  std::uint64_t delta_as_plain = 0;
  for (std::size_t chunk_class = 0; chunk_class < needed.plain.size(); ++chunk_class) {
    plain.raw += needed.plain[chunk_class].raw;
    plain.sealed += needed.plain[chunk_class].sealed;
    delta.raw += needed.delta[chunk_class].raw;
    delta.sealed += needed.delta[chunk_class].sealed;
    delta_as_plain += compressed_like(needed.delta[chunk_class].raw, all.plain[chunk_class]);
  }
  data.raw_bytes = plain.raw + delta.raw;
  data.sealed_bytes = plain.sealed + delta.sealed;
  const auto of_data = static_cast<std::size_t>(ChunkClass::data);
  data.saved_by_deduplication =
      minus(restored, needed.plain[of_data].raw + needed.delta[of_data].raw);
  data.saved_by_deltas = minus(delta_as_plain, delta.sealed);
  data.saved_by_compression = minus(plain.raw, plain.sealed);
  return data;
}

// ---- trees

struct Sums {
  std::uint64_t size = 0;
  std::uint64_t holes = 0;  ///< of `size`; known only if chunks are counted
  std::uint64_t entries = 0;

  void add(const Sums& other) {
    size += other.size;
    holes += other.holes;
    entries += other.entries;
  }
};

/// One name of a regular file that may have others.
struct HardLink {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::uint64_t holes = 0;
};

/// The hard links in a directory, and the directories in it that have some, in it or beneath.
struct LinkedTree {
  std::vector<HardLink> links;
  std::vector<const LinkedTree*> below;
};

/// A directory with all that is beneath it.
struct TreeTotal {
  Sums sums;                           ///< every entry, but not the sizes of hard links
  std::unique_ptr<LinkedTree> linked;  ///< null if there are no hard links

  LinkedTree& make_linked() {
    if (!linked) linked = std::make_unique<LinkedTree>();
    return *linked;
  }
};

/// The sizes of the files that hard links name, each once.
Sums sum_of_links(const LinkedTree* root) {
  std::vector<HardLink> links;
  std::unordered_set<const LinkedTree*> seen;  // a directory with many parents has its links once
  std::vector<const LinkedTree*> to_do;
  if (root != nullptr) to_do.push_back(root);
  while (!to_do.empty()) {
    const LinkedTree& tree = *to_do.back();
    to_do.pop_back();
    if (!seen.insert(&tree).second) continue;
    links.insert(links.end(), tree.links.begin(), tree.links.end());
    to_do.insert(to_do.end(), tree.below.begin(), tree.below.end());
  }
  const auto key = [](const HardLink& link) { return std::tie(link.device, link.inode); };
  std::stable_sort(links.begin(), links.end(),
                   [&](const auto& a, const auto& b) { return key(a) < key(b); });
  const auto end = std::unique(links.begin(), links.end(),
                               [&](const auto& a, const auto& b) { return key(a) == key(b); });
  Sums sums;
  for (auto link = links.begin(); link != end; ++link) sums.add({link->size, link->holes, 0});
  return sums;
}

/// Counts trees, each different one once.
class TreeCounter {
 public:
  /// `chunks` may be null: then only trees are read, not content lists.
  TreeCounter(const StatisticsTools& tools, NeededChunks* chunks)
      : tools_(tools), chunks_(chunks) {}

  Sums count(const ListedSnapshot& snapshot);

 private:
  /// A directory on the way to where we are.
  struct Frame {
    Frame(MetadataSource& trees, const Reference& reference, std::size_t path_bytes)
        : tree(reference), nodes(trees, reference), path_size(path_bytes) {}
    Reference tree;
    TreeCursor nodes;
    std::size_t path_size;  // of the directory's own path, without a slash at the end
    TreeTotal total;
  };

  void enter(const Reference& tree);
  void step();
  const Node* next_node(Frame& frame);
  void count_node(Frame& frame, const Node& node);
  void count_file(TreeTotal& total, const Node& file);
  void leave();
  void report(const char* code, const Error& error);
  static void add_subtree(TreeTotal& total, const TreeTotal& subtree);

  StatisticsTools tools_;
  NeededChunks* chunks_;
  ByReference<TreeTotal> known_;
  std::vector<std::unique_ptr<Frame>> frames_;  // no recursion: depth is the backup's to choose
  std::string snapshot_;
  std::string path_;
};

Sums TreeCounter::count(const ListedSnapshot& snapshot) {
  snapshot_ = snapshot.id.short_hex();
  path_.clear();
  const Reference& root = *snapshot.record.root.subtree;
  if (!known_.contains(root)) enter(root);
  while (!frames_.empty()) step();
  const TreeTotal& total = known_.at(root);
  Sums sums = total.sums;
  sums.add(sum_of_links(total.linked.get()));
  return sums;
}

void TreeCounter::enter(const Reference& tree) {
  frames_.push_back(std::make_unique<Frame>(tools_.trees, tree, path_.size()));
  if (chunks_ == nullptr) return;
  try {
    chunks_->add_metadata(tree);
  } catch (const Error& error) {  // per item; reading the directory will meet it again and tell
    if (!error.is_about_bytes()) throw;
  }
}

void TreeCounter::step() {
  if (tools_.stop != nullptr) tools_.stop->check();
  Frame& frame = *frames_.back();
  path_.resize(frame.path_size);
  if (const Node* node = next_node(frame)) {
    count_node(frame, *node);
  } else {
    leave();
  }
}

const Node* TreeCounter::next_node(Frame& frame) {
  try {
    return frame.nodes.next();
  } catch (const Error& error) {  // per item: one directory
    if (!error.is_about_bytes()) throw;
    report("tree_damaged", error);
    return nullptr;
  }
}

void TreeCounter::count_node(Frame& frame, const Node& node) {
  ++frame.total.sums.entries;
  path_ += '/';
  path_ += node.name;
  if (node.meta.type == FileType::regular) return count_file(frame.total, node);
  if (!node.subtree) return;
  const auto known = known_.find(*node.subtree);
  if (known == known_.end()) return enter(*node.subtree);
  add_subtree(frame.total, known->second);
}

void TreeCounter::count_file(TreeTotal& total, const Node& file) {
  std::uint64_t holes = 0;
  try {
    if (chunks_ != nullptr) holes = chunks_->add_content(file);
  } catch (const Error& error) {  // per item: one file
    if (!error.is_about_bytes()) throw;
    report("content_damaged", error);
  }
  if (file.is_hard_link()) {
    total.make_linked().links.push_back({file.meta.device, file.meta.inode, file.meta.size, holes});
  } else {
    total.sums.add({file.meta.size, holes, 0});
  }
}

void TreeCounter::leave() {
  const std::unique_ptr<Frame> left = std::move(frames_.back());
  frames_.pop_back();
  const auto known = known_.emplace(left->tree, std::move(left->total)).first;
  if (!frames_.empty()) add_subtree(frames_.back()->total, known->second);
}

void TreeCounter::add_subtree(TreeTotal& total, const TreeTotal& subtree) {
  total.sums.add(subtree.sums);
  if (subtree.linked) total.make_linked().below.push_back(subtree.linked.get());
}

void TreeCounter::report(const char* code, const Error& error) {
  tools_.findings.report({Finding::Weight::damaged, code,
                          snapshot_ + ":" + (path_.empty() ? "/" : path_), error.what()});
}

Sums count_all(TreeCounter& counter, ChosenSnapshots snapshots) {
  Sums sums;
  for (const ListedSnapshot* snapshot : snapshots) sums.add(counter.count(*snapshot));
  return sums;
}

}  // namespace

double RawData::compression_ratio() const {
  if (sealed_bytes == 0) return 1;
  return static_cast<double>(raw_bytes) / static_cast<double>(sealed_bytes);
}

double RawData::compression_space_saving() const {
  if (raw_bytes == 0) return 0;
  return (1 - static_cast<double>(sealed_bytes) / static_cast<double>(raw_bytes)) * 100;
}

RestoreSize restore_size(const StatisticsTools& tools, ChosenSnapshots snapshots) {
  TreeCounter counter(tools, nullptr);
  const Sums sums = count_all(counter, snapshots);
  return {sums.size, sums.entries};
}

RawData raw_data(const StatisticsTools& tools, const Index& index, ChosenSnapshots snapshots) {
  NeededChunks chunks(tools.trees, index);
  TreeCounter counter(tools, &chunks);
  const Sums sums = count_all(counter, snapshots);
  // One finding, not one a file: what no pack holds is mostly a whole pack.
  if (chunks.missing() != 0) {
    tools.findings.report({Finding::Weight::damaged, "chunks_missing",
                           std::to_string(chunks.missing()) + " chunks",
                           "no pack that can be read holds them, so they are not counted; "
                           "`coppice verify` names the files"});
  }
  return chunks.sum(sums.size - sums.holes);
}

RepositoryFacts repository_facts(Store& store, const Index& index) {
  RepositoryFacts facts;
  for (const ObjectInfo& object : store.list("")) {
    const std::string_view name = object.name;
    Id pack;
    if (name.ends_with(".par") || name.ends_with(".copy")) {
      facts.side_file_bytes += object.size;
    } else if (name.starts_with("packs/") &&
               from_hex(name.substr(name.rfind('/') + 1), pack.bytes)) {
      ++facts.packs;
      facts.pack_bytes += object.size;
    }
  }
  for (std::uint32_t run = 0; run < index.runs().size(); ++run) {
    for (const BlockRecord& block : index.runs()[run].blocks()) {
      if (index.use_of(run, block.pack) == PackUse::absent) continue;
      ++((block.encoding & kEncodingDelta) != 0 ? facts.delta_blocks : facts.plain_blocks);
    }
  }
  return facts;
}

std::vector<GrowthStep> growth(ChosenSnapshots snapshots) {
  std::vector<GrowthStep> steps;
  steps.reserve(snapshots.size());
  std::uint64_t packed = 0;
  for (const ListedSnapshot* snapshot : snapshots) {
    packed += snapshot->record.summary.data_added_packed;
    steps.push_back({snapshot, packed});
  }
  return steps;
}

}  // namespace coppice
