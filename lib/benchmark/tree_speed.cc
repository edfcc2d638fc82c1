#include "benchmark/tree_speed.h"

#include <fcntl.h>

#include <deque>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "base/units.h"
#include "fs/directory.h"
#include "fs/fd.h"
#include "fs/metadata.h"

namespace coppice {
namespace {

constexpr std::size_t kReadBytes = 16 * kKiB;
constexpr std::size_t kMaxDirectories = 20'000;
constexpr std::size_t kMaxFiles = 5'000;

constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

/// What of a tree is looked at.
struct Sample {
  std::vector<std::string> directories;
  std::vector<std::string> files;  ///< that may be read
  std::uint64_t entries = 0;
};

/// Breadth first, so that a sample has something of all parts.
class Sampling {
 public:
  Sampling(const SpeedMeter& meter, std::uint64_t max_entries)
      : meter_(meter), max_entries_(max_entries) {}

  Sample run(const std::string& top);

 private:
  void look_into(const std::string& path);
  void look_at(int directory, const std::string& name, std::string path);

  const SpeedMeter& meter_;
  const std::uint64_t max_entries_;
  std::uint64_t device_ = 0;
  std::deque<std::string> to_do_;
  Sample sample_;
};

Sample Sampling::run(const std::string& top) {
  device_ = stat_fd(open_at(AT_FDCWD, top.c_str(), O_RDONLY | O_DIRECTORY).get()).device;
  const std::uint64_t start = meter_.clock->monotonic_ns();
  to_do_.push_back(top + "/");
  while (!to_do_.empty() && sample_.entries < max_entries_ &&
         sample_.directories.size() < kMaxDirectories) {
    if (meter_.stop != nullptr) meter_.stop->check();
    if (meter_.clock->monotonic_ns() - start > 2 * meter_.budget_ns) break;
    const std::string path = std::move(to_do_.front());
    to_do_.pop_front();
    look_into(path);
  }
  return std::move(sample_);
}

void Sampling::look_into(const std::string& path) {
  const OpenResult directory = try_open_at(AT_FDCWD, path.c_str(), kOpenDirectory);
  if (!directory.fd.is_open()) return;
  const DirectoryNames names(directory.fd.get());
  for (std::size_t i = 0; i < names.size() && sample_.entries < max_entries_; ++i) {
    const std::string name(names[i]);
    look_at(directory.fd.get(), name, path + name);
  }
  sample_.directories.push_back(path);
}

void Sampling::look_at(int directory, const std::string& name, std::string path) {
  const auto found = try_stat_at(directory, name.c_str());
  if (!found || found->device != device_) return;
  ++sample_.entries;
  if (found->type == FileType::directory && to_do_.size() < kMaxDirectories) {
    to_do_.push_back(std::move(path) + "/");
  } else if (found->type == FileType::regular && sample_.files.size() < kMaxFiles) {
    sample_.files.push_back(std::move(path));
  }
}

/// Entries of one directory.
std::uint64_t walk_directory(const std::string& path) {
  const OpenResult directory = try_open_at(AT_FDCWD, path.c_str(), kOpenDirectory);
  if (!directory.fd.is_open()) return 0;
  const DirectoryNames names(directory.fd.get());
  for (std::size_t i = 0; i < names.size(); ++i)
    static_cast<void>(try_stat_at(directory.fd.get(), names[i].data()));
  return names.size();
}

/// 1, or 0 for a file that cannot be read.
std::uint64_t read_file(const std::string& path, Bytes& buffer) {
  const OpenResult file =
      try_open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (!file.fd.is_open()) return 0;
  read_at(file.fd.get(), buffer, 0);
  return 1;
}

/// Each worker begins elsewhere.
template <typename Look>
Speed measure_round(const SpeedMeter& meter, const std::vector<std::string>& paths,
                    const Look& look) {
  std::size_t workers = 0;
  return measure_speed(meter, [&]() -> Piece {
    const std::size_t start = workers++ * paths.size() / meter.pool.threads();
    return [&, at = start, buffer = Bytes(kReadBytes)]() mutable -> std::uint64_t {
      at = at % paths.size();
      return look(paths[at++], buffer);
    };
  });
}

}  // namespace

TreeSpeed measure_tree(const SpeedMeter& meter, const std::string& path,
                       std::uint64_t max_entries) {
  const Sample sample = Sampling(meter, max_entries).run(path);
  if (sample.files.empty())
    throw Error(ErrorKind::failed,
                escape_for_display(path) + ": no file is in it whose reading could be measured");
  TreeSpeed speed;
  speed.path = path;
  speed.entries = sample.entries;
  speed.walk = measure_round(meter, sample.directories,
                             [](const std::string& at, Bytes&) { return walk_directory(at); });
  speed.read = measure_round(meter, sample.files, [](const std::string& at, Bytes& buffer) {
    return read_file(at, buffer);
  });
  return speed;
}

}  // namespace coppice
