#pragma once
#include <cstdint>
#include <string>

#include "base/id.h"

namespace coppice {

/// The names of a repository's files (docs/format.md, section 2).
inline constexpr const char* kHeaderName = "header";
inline constexpr const char* kReadmeName = "readme.txt";
inline constexpr const char* kReserveName = "reserve";
inline constexpr std::size_t kReserveBytes = 1 << 20;  ///< all of them zero
/// Objects at least this large have parity, smaller ones a second copy; bytes.
inline constexpr std::uint64_t kParityFromBytes = 1ULL << 20;

std::string slot_name(const SlotId& slot);
std::string session_name(const Id& session);
std::string pack_name(const Id& pack);
std::string index_name(const Id& index);
/// The second copy and the parity file of an object.
std::string copy_name(const std::string& object);
std::string parity_name(const std::string& object);

}  // namespace coppice
