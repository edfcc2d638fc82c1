#include "restore/metadata_compare.h"

#include <algorithm>
#include <string_view>

namespace coppice {
namespace {

/// Attributes that a restore takes away if they were not recorded (fs/apply.h): the others belong
/// to the system.
bool is_removable(std::string_view name) {
  return name.starts_with("user.") || name.starts_with("trusted.") ||
         name.starts_with("system.posix_acl_") || name == "security.capability";
}

bool is_same_xattrs(const std::vector<Xattr>& existing, const std::vector<Xattr>& wanted) {
  const auto has = [](const std::vector<Xattr>& list, const Xattr& xattr) {
    return std::find(list.begin(), list.end(), xattr) != list.end();
  };
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](const Xattr& xattr) { return has(existing, xattr); }) &&
         std::all_of(existing.begin(), existing.end(), [&](const Xattr& xattr) {
           return !is_removable(xattr.name) || has(wanted, xattr);
         });
}

}  // namespace

bool is_same_metadata(const Metadata& existing, const Metadata& wanted,
                      const ApplyOptions& options) {
  if (wanted.type != FileType::symlink && existing.mode != (wanted.mode & 07777U)) return false;
  if (options.owner && (existing.uid != wanted.uid || existing.gid != wanted.gid)) return false;
  if (options.times && existing.mtime != wanted.mtime) return false;
  const bool has_flags = wanted.type == FileType::regular || wanted.type == FileType::directory;
  if (options.flags && has_flags &&
      (existing.flags != wanted.flags || existing.project_id != wanted.project_id)) {
    return false;
  }
  return !options.xattrs || is_same_xattrs(existing.xattrs, wanted.xattrs);
}

}  // namespace coppice
