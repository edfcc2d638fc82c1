#pragma once
#include <cstddef>
#include <cstdint>

#include "fs/metadata.h"

/// The bits that say which optional fields a node has (docs/format.md, section 9), for the encoder
/// and the decoder of tree parts only.
namespace coppice::node_fields {

inline constexpr std::uint64_t kUnsettled = 1U << 0;
inline constexpr std::uint64_t kAccessTime = 1U << 1;
inline constexpr std::uint64_t kBirthTime = 1U << 2;
inline constexpr std::uint64_t kHardLink = 1U << 3;
inline constexpr std::uint64_t kDeviceNumber = 1U << 4;
inline constexpr std::uint64_t kTarget = 1U << 5;
inline constexpr std::uint64_t kFlags = 1U << 6;
inline constexpr std::uint64_t kProject = 1U << 7;
inline constexpr std::uint64_t kXattrs = 1U << 8;
inline constexpr std::uint64_t kInlineContent = 1U << 9;
inline constexpr std::uint64_t kContentReference = 1U << 10;
inline constexpr std::uint64_t kSubtree = 1U << 11;
inline constexpr std::uint64_t kIncomplete = 1U << 12;
inline constexpr std::uint64_t kEmptyContent = 1U << 13;
inline constexpr std::uint64_t kAll = (1U << 14) - 1;

inline constexpr std::uint8_t kTreeVersion = 1;
inline constexpr std::size_t kMaxOwners = 65536;
inline constexpr std::size_t kMaxOwnerNameBytes = 256;

constexpr bool is_device(FileType type) {
  return type == FileType::char_device || type == FileType::block_device;
}

}  // namespace coppice::node_fields
