#include "snapshot/tree_counter.h"

#include <algorithm>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "base/error.h"

namespace coppice {
namespace {

/// The sizes of the files that hard links name, each once.
TreeSums sum_of_links(const LinkedTree* root) {
  std::vector<CountedLink> links;
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
  const auto key = [](const CountedLink& link) { return std::tie(link.device, link.inode); };
  std::stable_sort(links.begin(), links.end(),
                   [&](const auto& a, const auto& b) { return key(a) < key(b); });
  const auto end = std::unique(links.begin(), links.end(),
                               [&](const auto& a, const auto& b) { return key(a) == key(b); });
  TreeSums sums;
  for (auto link = links.begin(); link != end; ++link) sums.add({link->size, link->holes, 0});
  return sums;
}

}  // namespace

TreeSums TreeCounter::count(const ListedSnapshot& snapshot) {
  snapshot_ = snapshot.id.short_hex();
  path_.clear();
  const Reference& root = *snapshot.record.root.subtree;
  if (!known_.contains(root)) enter(root);
  while (!frames_.empty()) step();
  const TreeTotal& total = known_.at(root);
  TreeSums sums = total.sums;
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

}  // namespace coppice
