#include "restore/tree_walk.h"

namespace coppice {
namespace {

/// A path without a slash at its end; "/" for the root.
std::string trimmed(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  return path.empty() ? "/" : std::string(path);
}

class TreeWalk {
 public:
  TreeWalk(const WantedTree& wanted, TreeVisitor& visitor, SharedFindings& findings)
      : wanted_(wanted), visitor_(visitor), findings_(findings) {}

  void run();

 private:
  struct Level {
    Level(MetadataSource& source, const Reference& reference, std::size_t length, bool is_whole_in)
        : cursor(source, reference), path_length(length), is_whole(is_whole_in) {}
    TreeCursor cursor;
    std::size_t path_length;  // of its path, at the front of `path_`
    bool is_whole;
  };

  void run_single(const std::string& path, Node& node);
  void enter(const std::string& path, Node& node, RestoreChoice choice);
  void take(const std::string& path, Node& node);
  void step();
  void note_incomplete(const std::string& path, const char* why) {
    findings_.report_once({Finding::Weight::note, "recorded_incomplete", path, why});
  }
  Node* next_node(Level& level);

  const WantedTree& wanted_;
  TreeVisitor& visitor_;
  SharedFindings& findings_;
  std::string path_;          // of the deepest level
  std::deque<Level> levels_;  // a deque: levels stay where they are while deeper ones come and go
};

void TreeWalk::run() {
  const std::string path = trimmed(wanted_.sub_path);
  std::optional<Node> node = find_path(wanted_.trees, wanted_.root, path);
  if (!node) {
    throw Error(ErrorKind::usage, "the snapshot has no " + path + "; look for it with: coppice ls");
  }
  if (node->meta.type != FileType::directory) return run_single(path, *node);
  if (node->subtree) TreeCursor(wanted_.trees, *node->subtree).next();  // throws if it is damaged
  node->name.clear();
  const bool is_beneath = path == "/" && !wanted_.takes_root;
  enter(path, *node, is_beneath ? RestoreChoice::beneath : RestoreChoice::take);
  while (!levels_.empty()) step();
}

void TreeWalk::run_single(const std::string& path, Node& node) {
  Node target;
  target.meta.type = FileType::directory;
  const std::string parent = trimmed(path.substr(0, path.rfind('/')));
  if (!visitor_.enter(parent, target, RestoreChoice::beneath)) return;
  take(path, node);
  visitor_.leave(false);
}

void TreeWalk::enter(const std::string& path, Node& node, RestoreChoice choice) {
  const std::optional<Reference> subtree = node.subtree;
  const bool is_whole = !node.incomplete && subtree.has_value();
  if (!is_whole) {
    note_incomplete(path, "a part of it could not be read when it was backed up");
  }
  if (!visitor_.enter(path, node, choice)) return;
  if (!subtree) return visitor_.leave(false);
  path_ = path;
  levels_.emplace_back(wanted_.trees, *subtree, path_.size(), is_whole);
}

void TreeWalk::take(const std::string& path, Node& node) {
  const bool is_directory = node.meta.type == FileType::directory;
  const RestoreChoice choice = wanted_.select(path, is_directory);
  if (choice == RestoreChoice::none) return;
  if (is_directory) return enter(path, node, choice);
  if (choice == RestoreChoice::beneath) return;
  if (node.incomplete) note_incomplete(path, "it changed while it was backed up");
  visitor_.entry(path, node);
}

Node* TreeWalk::next_node(Level& level) {
  try {
    return level.cursor.next();
  } catch (const Error& error) {  // per item: the rest of the snapshot is still to be had
    if (ends_restore(error)) throw;
    level.is_whole = false;
    findings_.report_once({Finding::Weight::damaged, "tree_damaged", path_,
                           std::string("entries of this directory are lost: ") + error.what()});
    return nullptr;
  }
}

void TreeWalk::step() {
  if (wanted_.stop != nullptr) wanted_.stop->check();
  Level& level = levels_.back();
  path_.resize(level.path_length);
  if (Node* node = next_node(level)) return take(join_path(path_, node->name), *node);
  const bool is_whole = level.is_whole;
  levels_.pop_back();
  visitor_.leave(is_whole);
}

}  // namespace

RestoreChoice Selector::operator()(std::string_view path, bool is_directory) const {
  if (!is_set_) return RestoreChoice::take;
  return choose_.with([&](const Choose& choose) { return choose(path, is_directory); });
}

void walk_wanted(const WantedTree& wanted, TreeVisitor& visitor, SharedFindings& findings) {
  TreeWalk(wanted, visitor, findings).run();
}

std::string join_path(std::string_view directory, std::string_view name) {
  std::string path;
  path.reserve(directory.size() + 1 + name.size());
  path.append(directory);
  if (path.empty() || path.back() != '/') path.push_back('/');
  path.append(name);
  return path;
}

}  // namespace coppice
