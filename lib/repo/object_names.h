#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/id.h"

namespace coppice {

/// The names of a repository's files (docs/format.md, section 2).
inline constexpr const char* kHeaderName = "header";
inline constexpr const char* kReadmeName = "readme.txt";
/// The reserve is several files, because a target may be out of inodes, too; all bytes are zero.
inline constexpr std::size_t kReserveFiles = 16;
inline constexpr std::size_t kReserveFileBytes = 64 << 10;
/// Objects at least this large have parity, smaller ones a second copy; bytes.
inline constexpr std::uint64_t kParityFromBytes = 1ULL << 20;

std::string slot_name(const SlotId& slot);
std::string session_name(const Id& session);
std::string reserve_name(std::size_t file);  ///< `file` below kReserveFiles
bool is_reserve_name(std::string_view object);
std::string pack_name(const Id& pack);
std::string index_name(const Id& index);
/// The second copy and the parity file of an object.
std::string copy_name(const std::string& object);
std::string parity_name(const std::string& object);

}  // namespace coppice
