#pragma once
#include "fs/metadata.h"

namespace coppice {

/// Which kinds of metadata a restore sets; all by default. The mode is always set.
struct ApplyOptions {
  bool owner = true;  ///< user and group by number; the caller has mapped names to numbers
  bool xattrs = true;
  bool times = true;
  bool flags = true;  ///< chattr flags and project id
};

/// Makes an open regular file or directory look as recorded, once its content is in place (for a
/// directory: all of its entries). Works on new and on existing entries: immutable and append-only
/// flags are lifted first, attributes and ACLs that were not recorded are removed, except those
/// that the system itself puts on every file (security.selinux and the like). The order is owner,
/// attributes, mode, ACLs and capabilities, project, times, flags.
///
/// Set-user-id and set-group-id bits are left out (problems "setuid", "setgid") if the file does
/// not belong to the recorded user or group in the end: such a program would lend out the wrong
/// person's rights.
///
/// Never throws for something that cannot be set: it goes on and returns every problem. Makes
/// nothing durable. `fd` may be read-only. Throws system_error only if `fd` cannot be examined at
/// all.
[[nodiscard]] MetadataProblems apply_metadata(int fd, const Metadata& metadata,
                                              const ApplyOptions& options = {});

/// The same for a symlink, FIFO, socket or device, through an O_PATH descriptor, so that neither is
/// anything opened nor can anyone put a link in its place. Throws call_error if the entry is not
/// there or is not of that type.
[[nodiscard]] MetadataProblems apply_metadata_at(int dirfd, const char* name,
                                                 const Metadata& metadata,
                                                 const ApplyOptions& options = {});

/// Creates the symlink, FIFO, socket or device that `metadata` describes; mode 0600 until
/// apply_metadata_at. Returns 0 or the error number, for example EPERM for a device node without
/// root.
[[nodiscard]] int create_special_at(int dirfd, const char* name, const Metadata& metadata);

}  // namespace coppice
