#pragma once
#include <cstdint>
#include <string>

namespace coppice {

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;
inline constexpr std::uint64_t kGiB = 1024 * kMiB;

/// "3.2 MiB": binary units, for people.
std::string format_size(std::uint64_t bytes);

}  // namespace coppice
