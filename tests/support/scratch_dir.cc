#include "support/scratch_dir.h"

#include <stdlib.h>

#include <cerrno>
#include <system_error>

#include "base/error.h"

namespace coppice::test {
namespace {

namespace fs = std::filesystem;

/// Makes every directory below writable, or a plain user could not remove what it holds. Follows no
/// symlink.
void open_up(const fs::path& directory) {
  std::error_code ignored;
  fs::permissions(directory, fs::perms::owner_all, fs::perm_options::add, ignored);
  for (fs::directory_iterator entry(directory, ignored), end; entry != end;
       entry.increment(ignored)) {
    if (entry->symlink_status(ignored).type() == fs::file_type::directory) open_up(entry->path());
  }
}

}  // namespace

ScratchDir::ScratchDir() {
  const char* parent = getenv("TMPDIR");
  std::string path = std::string(parent == nullptr ? "/tmp" : parent) + "/coppice-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) throw system_error("mkdtemp " + path, errno);
  path_ = path;
}

ScratchDir::~ScratchDir() {
  open_up(path_);
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace coppice::test
