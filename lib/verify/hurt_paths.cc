#include "verify/hurt_paths.h"

#include <memory>
#include <utility>

#include "base/error.h"

namespace coppice {
namespace {

class Namer {
 public:
  Namer(const TreeTools& tools, const StopFlag* stop, FindingSink& findings)
      : tools_(tools), stop_(stop), findings_(findings) {}

  /// Number of hurt paths.
  std::uint64_t name(const SnapshotRoot& snapshot);

 private:
  /// A directory on the way to where we are.
  struct Frame {
    Frame(const TreeTools& tools, const Reference& reference, std::size_t path_bytes)
        : tree(reference),
          source(tools.chunks, tools.index, nullptr),
          nodes(source, reference),
          path_size(path_bytes) {}
    Reference tree;
    WatchedMetadata source;
    TreeCursor nodes;
    std::size_t path_size;  // of the directory's own path, without a slash at the end
    bool is_hurt = false;
  };

  void step();
  const Node* next_node(Frame& frame);
  void look_at(Frame& frame, const Node& node);
  void leave();
  void report(const char* code, const Hurt& hurt);
  void report_rest();

  const TreeTools& tools_;
  const StopFlag* stop_;
  FindingSink& findings_;
  ReferenceSet clean_;                          // nothing beneath is hurt, in whichever snapshot
  std::vector<std::unique_ptr<Frame>> frames_;  // no recursion: depth is the backup's to choose
  std::string snapshot_;
  std::string path_;
  std::uint64_t count_ = 0;
  Verdict worst_unnamed_ = Verdict::good;
};

std::uint64_t Namer::name(const SnapshotRoot& snapshot) {
  snapshot_ = snapshot.id.short_hex();
  path_.clear();
  count_ = 0;
  worst_unnamed_ = Verdict::good;
  if (!clean_.contains(snapshot.tree))
    frames_.push_back(std::make_unique<Frame>(tools_, snapshot.tree, 0));
  while (!frames_.empty() && count_ < kMaxCountedPaths) step();
  frames_.clear();
  report_rest();
  return count_;
}

void Namer::step() {
  if (stop_ != nullptr) stop_->check();
  Frame& frame = *frames_.back();
  path_.resize(frame.path_size);
  if (const Node* node = next_node(frame)) {
    look_at(frame, *node);
  } else {
    leave();
  }
}

const Node* Namer::next_node(Frame& frame) {
  try {
    return frame.nodes.next();
  } catch (const Error& error) {
    if (!error.is_about_bytes()) throw;
    frame.is_hurt = true;
    report("tree_damaged", metadata_hurt(tools_, frame.source, error));
    return nullptr;
  }
}

void Namer::look_at(Frame& frame, const Node& node) {
  path_ += '/';
  path_ += node.name;
  if (node.subtree && !clean_.contains(*node.subtree)) {
    frames_.push_back(std::make_unique<Frame>(tools_, *node.subtree, path_.size()));
  } else if (node.meta.type == FileType::regular) {
    WatchedMetadata source(tools_.chunks, tools_.index, nullptr);
    const Hurt hurt = check_content(tools_, source, node, nullptr);
    if (hurt.verdict == Verdict::good) return;
    frame.is_hurt = true;
    report("content_damaged", hurt);
  }
}

void Namer::leave() {
  const std::unique_ptr<Frame> left = std::move(frames_.back());
  frames_.pop_back();
  if (!left->is_hurt) {
    clean_.insert(left->tree);
  } else if (!frames_.empty()) {
    frames_.back()->is_hurt = true;
  }
}

void Namer::report(const char* code, const Hurt& hurt) {
  if (++count_ > kMaxNamedPaths) {
    worst_unnamed_ = worse(worst_unnamed_, hurt.verdict);
    return;
  }
  std::string why = hurt.why;
  if (hurt.metadata && hurt.verdict == Verdict::healable) {
    why += "; a damaged pack must be healed before what is beneath can be verified";
  }
  findings_.report(
      {weight_of(hurt.verdict), code, snapshot_ + ":" + (path_.empty() ? "/" : path_), why});
}

void Namer::report_rest() {
  if (worst_unnamed_ == Verdict::good) return;
  const std::string more = count_ >= kMaxCountedPaths ? "at least " : "";
  findings_.report({weight_of(worst_unnamed_), "more_content_damaged", "snapshot " + snapshot_,
                    more + std::to_string(count_ - kMaxNamedPaths) + " more paths are hurt"});
}

}  // namespace

std::uint64_t report_hurt_paths(const TreeTools& tools, const std::vector<SnapshotRoot>& snapshots,
                                const StopFlag* stop, FindingSink& findings) {
  Namer namer(tools, stop, findings);
  std::uint64_t count = 0;
  for (const SnapshotRoot& snapshot : snapshots) count += namer.name(snapshot);
  return count;
}

}  // namespace coppice
