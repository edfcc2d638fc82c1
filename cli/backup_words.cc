#include "backup_words.h"

#include <glob.h>
#include <stdlib.h>

#include <algorithm>

#include "backup/exclude_file.h"
#include "base/text.h"
#include "base/units.h"
#include "fs/write_file.h"
#include "values.h"

namespace coppice {
namespace {

constexpr std::size_t kMaxListBytes = 256 * kMiB;
constexpr std::size_t kMaxExcludeFileBytes = 16 * kMiB;

std::string read_list(const std::string& file) {
  const std::string path = file == "-" ? "/dev/stdin" : file;
  return std::string(as_text(read_small_file(path, kMaxListBytes)));
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find(separator, start), text.size());
    if (end > start) parts.emplace_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

/// True if a wildcard of `pattern` took the name "." or ".." in `path`.
bool has_matched_dots(std::string_view pattern, std::string_view path) {
  const std::vector<std::string> wanted = split(pattern, '/');
  const std::vector<std::string> found = split(path, '/');
  for (std::size_t at = 0; at < std::min(wanted.size(), found.size()); ++at) {
    const bool is_dots = found[at] == "." || found[at] == "..";
    if (is_dots && wanted[at] != found[at]) return true;
  }
  return false;
}

/// The paths that a line of --files-from stands for. One that matches nothing stands for itself,
/// and the backup then reports it missing. As in restic '*' takes hidden names too: a backup should
/// not be without them.
std::vector<std::string> expand(const std::string& line) {
  glob_t found{};
  std::vector<std::string> paths;
  if (glob(line.c_str(), GLOB_NOCHECK | GLOB_PERIOD, nullptr, &found) == 0) {
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  globfree(&found);
  std::erase_if(paths, [&](const std::string& path) { return has_matched_dots(line, path); });
  if (paths.empty()) paths.push_back(line);
  return paths;
}

std::string variable_value(const std::string& name) {
  const char* value = getenv(name.c_str());
  if (value == nullptr) {
    // restic takes nothing for it: "$CACHE/" would then leave everything out.
    throw Error(ErrorKind::usage, "--exclude-file: $" + escape_for_display(name) +
                                      " is not set ($$ is a dollar sign)");
  }
  return value;
}

}  // namespace

void BackupWords::declare(Syntax& syntax) {
  syntax.operands("PATH", paths, "what to back up; with --stdin-from-command the command");
  syntax.values("-e,--exclude", "PATTERN", excludes, "leave out what matches");
  syntax.values("--iexclude", "PATTERN", ignore_case_excludes, "the same, ignoring case");
  syntax.values("--exclude-file", "FILE", exclude_files, "patterns, one a line; $NAME is replaced");
  syntax.flag("--exclude-caches", exclude_caches,
              "leave out what is in directories with CACHEDIR.TAG");
  syntax.values("--exclude-if-present", "NAME[:HEADER]", if_present,
                "leave out what is in directories that hold such a file (beginning with HEADER)");
  syntax.value("--exclude-larger-than", "SIZE", larger_than, "leave out larger files (10M, 2G)");
  syntax.flag("--exclude-nodump", exclude_nodump, "leave out what has the flag d of chattr");
  syntax.flag("--git-ignore", git_ignore, "leave out what git would, by .gitignore files");
  syntax.flag("-x,--one-file-system", one_file_system, "leave out what is mounted below PATH");
  syntax.values("--files-from", "FILE", files_from,
                "take paths from FILE, one a line: # comments, wildcards; - is stdin");
  syntax.values("--files-from-raw", "FILE", files_from_raw,
                "the same, separated by NUL, as they are");
  syntax.flag("--stdin", from_stdin, "back up what comes from stdin as one file");
  syntax.value("--stdin-filename", "NAME", stdin_filename, "what to call it (default stdin)");
  syntax.flag("--stdin-from-command", from_command,
              "back up the output of a command: --stdin-from-command -- CMD ARG...; if it fails, "
              "there is no snapshot");
  syntax.value("--as", "PATH", as,
               "what the snapshot calls the one PATH, for snapshots of volumes");
  syntax.flag("--read-special", read_special,
              "of a device named as PATH, also by a symlink, store the content as a file");
  syntax.flag("--with-atime", with_atime, "record access times");
  syntax.flag("--ignore-inode", ignore_inode, "an unchanged file may have another inode");
  syntax.flag("--ignore-ctime", ignore_ctime, "an unchanged file may have another ctime");
  syntax.values("--tag", "TAG[,TAG]", tags, "tag the snapshot");
  syntax.value("--host", "NAME", host, "host to record [COPPICE_HOST; default: this machine]");
  syntax.value("--time", "TIME", time, "time to record; such a snapshot is never `latest`");
  syntax.value("--parent", "SNAPSHOT", parent,
               "compare with this one (default: the newest of host and paths)");
  syntax.flag("-f,--force", force, "compare with none: read all files again");
  syntax.flag("-n,--dry-run", is_dry_run, "only tell what would be done");
  syntax.value("--compression", "LEVEL", compression, "zstd level, 1 to 19 (default: of init)");
  syntax.value("--limit-rate", "SIZE", limit_rate, "write at most this much a second (10M)");
}

void BackupWords::check() const {
  const auto refuse = [](const std::string& why) { throw Error(ErrorKind::usage, why); };
  const bool has_lists = !files_from.empty() || !files_from_raw.empty();
  if (from_stdin && from_command) refuse("give one of --stdin and --stdin-from-command");
  if (is_stream() && has_lists) refuse("--files-from does not go with a stream from stdin");
  if (from_stdin && !paths.empty()) refuse("--stdin and paths do not go together");
  if (from_command && paths.empty()) {
    refuse("--stdin-from-command needs a command: --stdin-from-command -- CMD ARG...");
  }
  if (stdin_filename && !is_stream()) refuse("--stdin-filename goes with --stdin");
  if (read_special && is_stream()) refuse("--read-special goes with paths");
  if (as && is_stream()) refuse("--as goes with a path; a stream is named by --stdin-filename");
  if (parent && force) refuse("give one of --parent and --force");
}

std::string BackupWords::stream_path() const {
  std::string path = "/";
  path += stdin_filename.value_or("stdin");
  return absolute_path(path);
}

Selection BackupWords::make_selection() const {
  Selection selection;
  for (const std::string& pattern : excludes) selection.add_exclude(pattern, false);
  for (const std::string& pattern : ignore_case_excludes) selection.add_exclude(pattern, true);
  for (const std::string& file : exclude_files) {
    const Bytes text = read_small_file(file, kMaxExcludeFileBytes);
    for (const std::string& pattern : parse_exclude_lines(as_text(text), variable_value)) {
      selection.add_exclude(pattern, false);
    }
  }
  if (exclude_caches) {
    selection.add_if_present({std::string(kCacheTagName), std::string(kCacheTagHeader)});
  }
  for (const std::string& marker : if_present) {
    const std::size_t colon = std::min(marker.find(':'), marker.size());
    selection.add_if_present(
        {marker.substr(0, colon), colon == marker.size() ? "" : marker.substr(colon + 1)});
  }
  if (larger_than) {
    selection.set_exclude_larger_than(parse_size("--exclude-larger-than", *larger_than));
  }
  if (exclude_nodump) selection.set_exclude_nodump();
  return selection;
}

std::vector<BackupSource> BackupWords::make_sources() const {
  std::vector<std::string> named = paths;
  for (const std::string& file : files_from) {
    const std::string text = read_list(file);
    for (const std::string_view line : significant_lines(text)) {
      const std::vector<std::string> found = expand(std::string(line));
      named.insert(named.end(), found.begin(), found.end());
    }
  }
  for (const std::string& file : files_from_raw) {
    const std::vector<std::string> found = split(read_list(file), '\0');
    named.insert(named.end(), found.begin(), found.end());
  }
  if (named.empty()) throw Error(ErrorKind::usage, "nothing to back up: name a PATH");
  for (std::string& path : named) path = absolute_path(path);
  std::sort(named.begin(), named.end());
  named.erase(std::unique(named.begin(), named.end()), named.end());
  if (as && named.size() != 1) throw Error(ErrorKind::usage, "--as goes with exactly one PATH");
  std::vector<BackupSource> sources;
  sources.reserve(named.size());
  for (const std::string& path : named) sources.push_back({path, as ? absolute_path(*as) : path});
  return sources;
}

BackupOptions BackupWords::make_options() const {
  check();
  BackupOptions options;
  options.selection = make_selection();
  if (!is_stream()) options.sources = make_sources();
  options.git_ignore = git_ignore;
  options.one_file_system = one_file_system;
  options.read_special = read_special;
  options.with_atime = with_atime;
  options.ignore_inode = ignore_inode;
  options.ignore_ctime = ignore_ctime;
  options.is_dry_run = is_dry_run;
  for (const std::string& list : tags) {
    if (list.empty()) throw Error(ErrorKind::usage, "--tag: an empty text is no tag");
    for (std::string& tag : parse_tags("--tag", list)) options.tags.push_back(std::move(tag));
  }
  if (time) options.time = parse_time("--time", *time);
  if (compression) {
    options.compression_level =
        static_cast<int>(parse_number("--compression", *compression, 1, 19));
  }
  if (limit_rate) options.limit_bytes_per_second = parse_size("--limit-rate", *limit_rate);
  return options;
}

}  // namespace coppice
