#pragma once
#include <cstdint>
#include <optional>

#include "fs/metadata.h"

namespace coppice {

/// FS_IOC_GETFLAGS of an open regular file or directory, all bits; 0 where the file system has no
/// flags. Any other failure adds the problem "flags".
std::uint32_t read_inode_flags(int fd, MetadataProblems& problems);
/// The quota project; none if it is 0 or the file system has no projects. Any other failure adds
/// "project".
std::optional<std::uint32_t> read_project_id(int fd, MetadataProblems& problems);

/// Makes the bits of kRestorableFlags equal to `flags`. Bits that are refused add one problem
/// "flags"; the others are set all the same.
void set_inode_flags(int fd, std::uint32_t flags, MetadataProblems& problems);
/// Sets the quota project (none is 0). A refusal adds the problem "project".
void set_project_id(int fd, std::optional<std::uint32_t> project_id, MetadataProblems& problems);

/// Sets those of kCreationFlags that `metadata` has, on a file or directory just created and still
/// empty. Reports nothing: apply_metadata sets and checks all flags at the end.
void apply_creation_flags(int fd, const Metadata& metadata);
/// Takes the immutable and append-only flags away, so that an existing entry can be changed; a
/// read-only descriptor will do. Returns 0 or the error number.
int clear_protecting_flags(int fd);

}  // namespace coppice
