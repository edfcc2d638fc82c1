#include <fmt/format.h>
#include <sys/stat.h>

#include <vector>

#include "access.h"
#include "base/text.h"
#include "command.h"
#include "repo/block_source.h"
#include "repo/chunk_reader.h"
#include "repo/moved_chunks.h"
#include "snapshot/stored_metadata.h"
#include "snapshot/tree_reader.h"
#include "snapshot_choice.h"
#include "snapshot_json.h"
#include "values.h"

namespace coppice {
namespace {

class LsCommand final : public Command {
 public:
  void declare(Syntax& program) override {
    syntax_ = program.command("ls", "List what is in a snapshot.");
    syntax_->required_operand("SNAPSHOT", snapshot_, "id, latest, latest~N, or SNAPSHOT:PATH");
    syntax_->operand("PATH", path_, "only this entry and what is in it; without PATH everything");
    syntax_->flag("-l", is_long_, "with mode, owner, size and time");
    syntax_->flag("--recursive", is_recursive_, "with PATH: what is below its directories too");
    wishes_.declare(*syntax_);
    syntax_->footer("Example:\n  coppice -r /mnt/disk/repo ls -l latest /etc");
  }
  bool is_chosen() const override { return syntax_->is_chosen(); }
  bool only_prints() const override { return true; }
  void run(const Invocation& invocation) override;

 private:
  std::string wanted_path() const;

  std::optional<Syntax> syntax_;
  std::string snapshot_;
  std::optional<std::string> path_;
  bool is_long_ = false, is_recursive_ = false;
  SnapshotWishes wishes_;
};

struct TypeWords {
  const char* json;  ///< restic's word
  char letter;
  mode_t bits;
};

TypeWords words_of(FileType type) {
  switch (type) {
    case FileType::directory:
      return {"dir", 'd', S_IFDIR};
    case FileType::symlink:
      return {"symlink", 'l', S_IFLNK};
    case FileType::fifo:
      return {"fifo", 'p', S_IFIFO};
    case FileType::socket:
      return {"socket", 's', S_IFSOCK};
    case FileType::char_device:
      return {"chardev", 'c', S_IFCHR};
    case FileType::block_device:
      return {"dev", 'b', S_IFBLK};
    case FileType::regular:
      break;
  }
  return {"file", '-', S_IFREG};
}

/// "drwxr-sr-t", as ls(1).
std::string permissions(const Metadata& meta) {
  std::string text(1, words_of(meta.type).letter);
  for (const unsigned shift : {6U, 3U, 0U}) {
    const std::uint32_t bits = meta.mode >> shift;
    const bool is_special = (meta.mode >> (9 + shift / 3) & 1) != 0;
    const char special = shift == 0 ? 't' : 's';
    text += (bits & 4) != 0 ? 'r' : '-';
    text += (bits & 2) != 0 ? 'w' : '-';
    const bool runs = (bits & 1) != 0;
    text += is_special ? static_cast<char>(runs ? special : special - 0x20) : (runs ? 'x' : '-');
  }
  return text;
}

Json node_json(const std::string& path, const Node& node) {
  const Metadata& meta = node.meta;
  Json json = make_message("node");
  json["struct_type"] = "node";
  set_name(json, "name", node.name);
  json["type"] = words_of(meta.type).json;
  set_name(json, "path", path);
  json["uid"] = meta.uid;
  json["gid"] = meta.gid;
  set_name(json, "user", node.user);
  set_name(json, "group", node.group);
  json["size"] = meta.size;
  json["mode"] = meta.mode | words_of(meta.type).bits;
  json["permissions"] = permissions(meta);
  json["mtime"] = json_time(meta.mtime);
  json["atime"] = node.has_atime ? Json(json_time(meta.atime)) : Json(nullptr);
  json["ctime"] = json_time(meta.ctime);
  json["inode"] = meta.inode;
  json["links"] = meta.links;
  if (meta.type == FileType::symlink) set_name(json, "linktarget", meta.symlink_target);
  return json;
}

/// Prints entries as they come.
class Lister {
 public:
  Lister(const Invocation& invocation, MetadataSource& trees, bool is_long)
      : invocation_(invocation), trees_(trees), is_long_(is_long) {}

  void print(const std::string& path, const Node& node) {
    if (invocation_.options.json) return invocation_.console.print_json(node_json(path, node));
    std::string line = escape_for_display(path);
    if (is_long_) {
      const std::string user = node.user.empty() ? std::to_string(node.meta.uid) : node.user;
      const std::string group = node.group.empty() ? std::to_string(node.meta.gid) : node.group;
      line = fmt::format(
          "{} {:8} {:8} {:>12} {} {}", permissions(node.meta), escape_for_display(user),
          escape_for_display(group), node.meta.size,
          format_for_people(node.meta.mtime, local_utc_offset_minutes(node.meta.mtime)), line);
      if (node.meta.type == FileType::symlink) {
        line += " -> " + escape_for_display(node.meta.symlink_target);
      }
    }
    invocation_.console.print(line);
  }

  /// What is in a directory; with `depth` left also what is below. A directory that cannot be read
  /// is reported, and the rest goes on.
  void list(const std::string& path, const Reference& tree, bool is_recursive) {
    TreeCursor cursor(trees_, tree);
    try {
      while (const Node* node = cursor.next()) {
        invocation_.stop.check();
        if (invocation_.console.has_lost_output()) return;
        const std::string child = (path == "/" ? "" : path) + "/" + node->name;
        print(child, *node);
        if (is_recursive && node->subtree) list(child, Reference(*node->subtree), true);
      }
    } catch (const Error& error) {  // per item: one directory
      if (error.kind() != ErrorKind::damaged) throw;
      invocation_.console.report({Finding::Weight::damaged, "tree_damaged", path, error.what()});
    }
  }

 private:
  const Invocation& invocation_;
  MetadataSource& trees_;
  bool is_long_;
};

std::string LsCommand::wanted_path() const {
  const std::optional<std::string> named = split_snapshot_path(snapshot_).path;
  if (named && path_) throw Error(ErrorKind::usage, "the path is named twice");
  const std::string path = path_ ? *path_ : named.value_or("/");
  if (!path.starts_with('/')) {
    throw Error(ErrorKind::usage, "the path in a snapshot must begin with /");
  }
  return absolute_path(path);
}

void LsCommand::run(const Invocation& invocation) {
  const std::string path = wanted_path();
  const bool is_whole = !path_ && !split_snapshot_path(snapshot_).path;
  OpenedRepository opened = open_repository(invocation, Access::read);
  const ListedSnapshot snapshot = choose_snapshot(invocation, opened, snapshot_, wishes_).snapshot;
  const LoadedIndex loaded = opened.repository->load_index(
      {false, opened.index_cache_directory, true}, invocation.console);
  BlockSource blocks(*opened.store, loaded.index, opened.repository->secrets());
  MovedChunks moved(*opened.repository, opened.index_cache_directory);
  ChunkReader chunks(blocks, opened.repository->keyring(), &moved);
  StoredMetadata trees(chunks);
  Lister lister(invocation, trees, is_long_);
  if (invocation.options.json) {
    Json message = make_message("snapshot");
    message["struct_type"] = "snapshot";
    message.update(snapshot_json(snapshot));
    invocation.console.print_json(message);
  }
  const bool is_recursive = is_whole || is_recursive_;
  if (path == "/") return lister.list(path, *snapshot.record.root.subtree, is_recursive);
  const std::optional<Node> node = find_path(trees, snapshot.record.root, path);
  if (!node) {
    throw Error(ErrorKind::failed, escape_for_display(path) + " is not in snapshot " +
                                       snapshot.id.short_hex() + "; `coppice ls " +
                                       snapshot.id.short_hex() + "` lists what is");
  }
  lister.print(path, *node);
  if (node->subtree) lister.list(path, *node->subtree, is_recursive);
}

}  // namespace

std::unique_ptr<Command> make_ls_command() { return std::make_unique<LsCommand>(); }

}  // namespace coppice
