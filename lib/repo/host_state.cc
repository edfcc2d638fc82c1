#include "repo/host_state.h"

#include <fcntl.h>

#include "base/error.h"
#include "crypto/hash.h"
#include "fs/fd.h"
#include "fs/write_file.h"

namespace coppice {
namespace {

constexpr std::size_t kMaxFileBytes = 64 << 10;

/// First and second line of a file; nullopt if there is none or it is not of this form.
std::optional<std::pair<std::string, std::string>> read_lines(const std::string& directory,
                                                              const std::string& name) {
  const OpenResult opened = try_open_at(AT_FDCWD, directory.c_str(), O_RDONLY | O_DIRECTORY);
  if (opened.errno_value != 0) return std::nullopt;
  const auto bytes = try_read_small_file(opened.fd.get(), name.c_str(), kMaxFileBytes);
  if (!bytes) return std::nullopt;
  const std::string text(as_text(*bytes));
  const std::size_t first_end = text.find('\n');
  if (first_end == std::string::npos || text.back() != '\n') return std::nullopt;
  return std::pair(text.substr(0, first_end),
                   text.substr(first_end + 1, text.size() - first_end - 2));
}

void write_lines(const std::string& directory, const std::string& name, const std::string& first,
                 const std::string& second) {
  create_directories(directory, 0700);
  const Fd fd = open_at(AT_FDCWD, directory.c_str(), O_RDONLY | O_DIRECTORY);
  const std::string text = first + "\n" + second + "\n";
  write_file_durably(fd.get(), name.c_str(), as_bytes(text), 0600);
}

}  // namespace

std::string HostState::target_file(const std::string& path) const {
  return directory_ + "/targets/" + blake3(as_bytes(path)).hex();
}

std::string HostState::head_file(const Id& repository) const {
  return directory_ + "/heads/" + repository.hex();
}

std::optional<Id> HostState::expected_repository(const std::string& path) const {
  const auto lines = read_lines(directory_ + "/targets", blake3(as_bytes(path)).hex());
  Id id;
  if (!lines || !from_hex(lines->first, id.bytes)) return std::nullopt;
  return id;
}

void HostState::remember_repository(const std::string& path, const Id& repository) {
  if (expected_repository(path) == repository) return;
  write_lines(directory_ + "/targets", blake3(as_bytes(path)).hex(), repository.hex(), path);
}

std::optional<LogPosition> HostState::last_seen(const Id& repository) const {
  const auto lines = read_lines(directory_ + "/heads", repository.hex());
  LogPosition position;
  if (!lines || !from_hex(lines->second, position.hash.bytes)) return std::nullopt;
  std::uint64_t number = 0;
  if (lines->first.empty() || lines->first.size() > 19) return std::nullopt;
  for (const char c : lines->first) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  position.number = number;
  return position;
}

void HostState::remember(const Id& repository, const LogPosition& position) {
  if (last_seen(repository) == position) return;
  write_lines(directory_ + "/heads", repository.hex(), std::to_string(position.number),
              position.hash.hex());
}

}  // namespace coppice
