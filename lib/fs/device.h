#pragma once
#include <cstdint>
#include <optional>

#include "fs/fd.h"
#include "fs/metadata.h"

/// Block and character devices that are read by their content, because the user named them. All
/// follow symlinks: /dev/disk/by-id/… and the names of logical volumes are such.
namespace coppice {

/// What the device node says, with `size` of a block device as far as this process may ask it.
/// Nothing if `name` is no device. Throws call_error, but not for what cannot be followed.
std::optional<Metadata> try_stat_device_at(int dirfd, const char* name);
/// Opens a device to be read from its start, and nothing else that took its place: a FIFO would
/// block. EINVAL if it is no device any more.
OpenResult try_open_device_at(int dirfd, const char* name);
/// Bytes of a block device; nothing for a character device, whose end only reading tells. Throws
/// system_error.
std::optional<std::uint64_t> device_size(int fd);

}  // namespace coppice
