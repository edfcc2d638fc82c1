#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace coppice::test {

/// A fresh directory below $TMPDIR (or /tmp), removed with all it holds, read-only directories
/// included, when it goes out of scope. What is mounted inside must be unmounted before.
class ScratchDir {
 public:
  /// Throws Error{failed}.
  ScratchDir();
  ~ScratchDir();
  ScratchDir(const ScratchDir&) = delete;
  ScratchDir& operator=(const ScratchDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// `name` below it, as text.
  std::string operator/(std::string_view name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace coppice::test
