#include "fs/xattr.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <string_view>
#include <utility>

#include "fs/fd.h"

namespace coppice {
namespace {

// First guesses that nearly always fit: the kernel allocates and clears as much as it is offered.
constexpr std::size_t kFirstListBytes = 1024;
constexpr std::size_t kFirstValueBytes = 512;
// Against file systems whose answer never fits the size that they tell.
constexpr int kMaxAttempts = 8;

std::string descriptor_path(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

/// Calls `ask(buffer, size)` with a buffer on the stack, then with larger ones while it answers
/// ERANGE because the answer grew; hands the answer to `use`. Returns 0 or the error number.
template <std::size_t FirstBytes, typename Ask, typename Use>
int ask_growing(const Ask& ask, const Use& use) {
  std::array<char, FirstBytes> first;
  ssize_t size = ask(first.data(), first.size());
  if (size >= 0) {
    use(std::string_view(first.data(), static_cast<std::size_t>(size)));
    return 0;
  }
  std::string larger;
  for (int attempt = 0; errno == ERANGE && attempt < kMaxAttempts; ++attempt) {
    const ssize_t needed = ask(nullptr, 0);
    if (needed < 0) break;
    larger.resize(static_cast<std::size_t>(needed) +
                  1);  // 0 bytes would again only ask for the size
    size = ask(larger.data(), larger.size());
    if (size < 0) continue;
    use(std::string_view(larger).substr(0, static_cast<std::size_t>(size)));
    return 0;
  }
  return errno;
}

/// Whether a failure of listxattr means "there are none": the file system has no attributes, or
/// /proc is missing.
bool means_none(int errno_value) {
  return errno_value == EOPNOTSUPP || errno_value == ENOSYS || errno_value == ENOENT ||
         errno_value == ENOTDIR;
}

/// Whether an attribute shows what another one holds: XFS lists ACLs to root a second time, in its
/// own layout, which would be a mere leftover on any other file system.
bool is_alias(std::string_view name) {
  return name == "trusted.SGI_ACL_FILE" || name == "trusted.SGI_ACL_DEFAULT";
}

}  // namespace

XattrTarget XattrTarget::of_descriptor(int fd) { return {Way::descriptor, fd, {}}; }

XattrTarget XattrTarget::of_entry(int dirfd, const char* name) {
  if (dirfd == AT_FDCWD) return {Way::entry, dirfd, name};
  return {Way::entry, dirfd, descriptor_path(dirfd) + "/" + name};
}

// The link in /proc leads straight to the pinned inode; even if that is a symlink, it is not
// followed further.
XattrTarget XattrTarget::of_path_descriptor(int fd) {
  return {Way::followed, fd, descriptor_path(fd)};
}

ssize_t XattrTarget::list(char* out, std::size_t size) const {
  if (way_ == Way::descriptor) return ::flistxattr(fd_, out, size);
  if (way_ == Way::entry) return ::llistxattr(path_.c_str(), out, size);
  return ::listxattr(path_.c_str(), out, size);
}

ssize_t XattrTarget::get(const char* name, void* out, std::size_t size) const {
  if (way_ == Way::descriptor) return ::fgetxattr(fd_, name, out, size);
  if (way_ == Way::entry) return ::lgetxattr(path_.c_str(), name, out, size);
  return ::getxattr(path_.c_str(), name, out, size);
}

int XattrTarget::set(const char* name, ByteView value) const {
  if (way_ == Way::descriptor) return ::fsetxattr(fd_, name, value.data(), value.size(), 0);
  if (way_ == Way::entry) return ::lsetxattr(path_.c_str(), name, value.data(), value.size(), 0);
  return ::setxattr(path_.c_str(), name, value.data(), value.size(), 0);
}

int XattrTarget::remove(const char* name) const {
  if (way_ == Way::descriptor) return ::fremovexattr(fd_, name);
  if (way_ == Way::entry) return ::lremovexattr(path_.c_str(), name);
  return ::removexattr(path_.c_str(), name);
}

std::vector<std::string> list_xattrs(const XattrTarget& target, MetadataProblems& problems) {
  std::vector<std::string> names;
  const int error = ask_growing<kFirstListBytes>(
      [&](char* out, std::size_t size) { return target.list(out, size); },
      [&](std::string_view list) {
        while (!list.empty()) {
          const std::size_t end = std::min(list.find('\0'), list.size());
          const std::string_view name = list.substr(0, end);
          if (!name.empty() && !is_alias(name)) names.emplace_back(name);
          list.remove_prefix(std::min(end + 1, list.size()));
        }
      });
  if (error != 0 && !means_none(error)) problems.push_back({"xattrs", error});
  return names;
}

std::vector<Xattr> read_xattrs(const XattrTarget& target, MetadataProblems& problems) {
  std::vector<std::string> names = list_xattrs(target, problems);
  std::sort(names.begin(), names.end());
  std::vector<Xattr> xattrs;
  xattrs.reserve(names.size());
  for (std::string& name : names) {
    Bytes value;
    const int error = ask_growing<kFirstValueBytes>(
        [&](char* out, std::size_t size) { return target.get(name.c_str(), out, size); },
        [&](std::string_view bytes) { value = to_bytes(as_bytes(bytes)); });
    if (error == 0) {
      xattrs.push_back({std::move(name), std::move(value)});
    } else if (error != ENODATA) {  // ENODATA: removed since it was listed
      problems.push_back({"xattr " + name, error});
    }
  }
  return xattrs;
}

bool sees_trusted_xattrs() {
  // Asked of the kernel, because having the capability in a container's user namespace is not
  // enough. The file is in memory only.
  const Fd file(::memfd_create("coppice", MFD_CLOEXEC));
  if (!file.is_open()) return true;
  return ::fsetxattr(file.get(), "trusted.coppice", "", 0, 0) == 0 || errno != EPERM;
}

}  // namespace coppice
