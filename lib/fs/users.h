#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

namespace coppice {

/// Names of users and groups as this machine's name service knows them, each asked for once.
/// Failures of the name service count as "unknown": names only help to find the right owner on
/// another machine, the number is recorded anyway. Not thread-safe: one thread owns it.
class UserNames {
 public:
  /// Empty if unknown. The reference lives as long as this object.
  const std::string& user_name(std::uint32_t uid);
  const std::string& group_name(std::uint32_t gid);
  std::optional<std::uint32_t> user_id(const std::string& name);
  std::optional<std::uint32_t> group_id(const std::string& name);

 private:
  std::unordered_map<std::uint32_t, std::string> user_names_;
  std::unordered_map<std::uint32_t, std::string> group_names_;
  std::unordered_map<std::string, std::optional<std::uint32_t>> user_ids_;
  std::unordered_map<std::string, std::optional<std::uint32_t>> group_ids_;
};

}  // namespace coppice
