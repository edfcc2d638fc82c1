#include "fs/mount_info.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/error.h"

namespace coppice {
namespace {

// Magic numbers of statfs(2) and of the kernel's sources that linux/magic.h lacks (in Debian 12).
constexpr std::uint32_t kConfigfs = 0x62656570;
constexpr std::uint32_t kFusectl = 0x65735543;
constexpr std::uint32_t kMqueue = 0x19800202;
constexpr std::uint32_t kNfsd = 0x6e667364;
constexpr std::uint32_t kRpcPipefs = 0x67596969;
constexpr std::uint32_t kLustre = 0x0bd00bd0;
constexpr std::uint32_t kVboxsf = 0x786f4256;
constexpr std::uint32_t kVmwareHgfs = 0xbacbacbc;
constexpr std::uint32_t kGpfs = 0x47504653;
constexpr std::uint32_t kPanfs = 0xaad7aaea;

// hugetlbfs is here because its files are the memory of running programs, in whole huge pages.
constexpr std::array kPseudo = {
    std::uint32_t{AAFS_MAGIC},
    std::uint32_t{ANON_INODE_FS_MAGIC},
    std::uint32_t{AUTOFS_SUPER_MAGIC},
    std::uint32_t{BDEVFS_MAGIC},
    std::uint32_t{BINDERFS_SUPER_MAGIC},
    std::uint32_t{BINFMTFS_MAGIC},
    std::uint32_t{BPF_FS_MAGIC},
    std::uint32_t{CGROUP2_SUPER_MAGIC},
    std::uint32_t{CGROUP_SUPER_MAGIC},
    std::uint32_t{DEBUGFS_MAGIC},
    std::uint32_t{DEVPTS_SUPER_MAGIC},
    std::uint32_t{EFIVARFS_MAGIC},
    std::uint32_t{HUGETLBFS_MAGIC},
    std::uint32_t{NSFS_MAGIC},
    std::uint32_t{OPENPROM_SUPER_MAGIC},
    std::uint32_t{PIPEFS_MAGIC},
    std::uint32_t{PROC_SUPER_MAGIC},
    std::uint32_t{PSTOREFS_MAGIC},
    std::uint32_t{RDTGROUP_SUPER_MAGIC},
    std::uint32_t{SECURITYFS_MAGIC},
    std::uint32_t{SELINUX_MAGIC},
    std::uint32_t{SMACK_MAGIC},
    std::uint32_t{SOCKFS_MAGIC},
    std::uint32_t{SYSFS_MAGIC},
    std::uint32_t{TRACEFS_MAGIC},
    std::uint32_t{USBDEVICE_SUPER_MAGIC},
    std::uint32_t{XENFS_SUPER_MAGIC},
    kConfigfs,
    kFusectl,
    kMqueue,
    kNfsd,
    kRpcPipefs,
};

constexpr std::array kUnstableInodes = {
    std::uint32_t{AFS_FS_MAGIC},
    std::uint32_t{AFS_SUPER_MAGIC},
    std::uint32_t{CEPH_SUPER_MAGIC},
    std::uint32_t{CIFS_SUPER_MAGIC},
    std::uint32_t{CODA_SUPER_MAGIC},
    std::uint32_t{EXFAT_SUPER_MAGIC},
    std::uint32_t{FUSE_SUPER_MAGIC},
    std::uint32_t{MSDOS_SUPER_MAGIC},
    std::uint32_t{NCP_SUPER_MAGIC},
    std::uint32_t{NFS_SUPER_MAGIC},
    std::uint32_t{OVERLAYFS_SUPER_MAGIC},
    std::uint32_t{SMB2_SUPER_MAGIC},
    std::uint32_t{SMB_SUPER_MAGIC},
    std::uint32_t{V9FS_MAGIC},
    kGpfs,
    kLustre,
    kPanfs,
    kVboxsf,
    kVmwareHgfs,
};

constexpr std::array kWithoutHoles = {
    std::uint32_t{AFS_FS_MAGIC},
    std::uint32_t{AFS_SUPER_MAGIC},
    std::uint32_t{CIFS_SUPER_MAGIC},
    std::uint32_t{CODA_SUPER_MAGIC},
    std::uint32_t{EXFAT_SUPER_MAGIC},
    std::uint32_t{FUSE_SUPER_MAGIC},
    std::uint32_t{MSDOS_SUPER_MAGIC},
    std::uint32_t{NCP_SUPER_MAGIC},
    std::uint32_t{NFS_SUPER_MAGIC},
    std::uint32_t{SMB2_SUPER_MAGIC},
    std::uint32_t{SMB_SUPER_MAGIC},
    std::uint32_t{V9FS_MAGIC},
    kVboxsf,
    kVmwareHgfs,
};

struct statfs stat_file_system(int fd) {
  struct statfs result {};
  while (::fstatfs(fd, &result) != 0) {
    if (errno != EINTR) throw system_error("stat file system", errno);
  }
  return result;
}

template <typename Magics>
bool has_magic(int fd, const Magics& magics) {
  // f_type is signed and sign-extended on some machines; every magic number is 32 bits wide.
  const auto magic = static_cast<std::uint32_t>(stat_file_system(fd).f_type);
  return std::find(magics.begin(), magics.end(), magic) != magics.end();
}

}  // namespace

bool is_pseudo_file_system(int fd) { return has_magic(fd, kPseudo); }

bool has_stable_inodes(int fd) { return !has_magic(fd, kUnstableInodes); }

bool tells_holes(int fd) { return !has_magic(fd, kWithoutHoles); }

FreeSpace free_space(int fd) {
  const struct statfs s = stat_file_system(fd);
  FreeSpace space;
  const auto unit = static_cast<std::uint64_t>(s.f_frsize > 0 ? s.f_frsize : s.f_bsize);
  if (s.f_blocks != 0) space.bytes = s.f_bavail * unit;
  if (s.f_files != 0) space.inodes = s.f_ffree;
  return space;
}

}  // namespace coppice
