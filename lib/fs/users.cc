#include "fs/users.h"

#include <grp.h>
#include <pwd.h>

#include <cerrno>
#include <cstddef>
#include <utility>
#include <vector>

namespace coppice {
namespace {

// Far above any real group with its list of members; a name service that asks for more is broken.
constexpr std::size_t kMaxRecordBytes = std::size_t{16} * 1024 * 1024;

/// Runs one of the get…_r functions with a buffer grown until the record fits; `read` sees the
/// record if there is one.
template <typename Record, typename Ask, typename Read>
void look_up(const Ask& ask, const Read& read) {
  for (std::size_t size = 1024; size <= kMaxRecordBytes; size *= 4) {
    std::vector<char> buffer(size);
    Record record{};
    Record* found = nullptr;
    const int error = ask(&record, buffer.data(), buffer.size(), &found);
    if (error == ERANGE) continue;
    if (error == 0 && found != nullptr) read(*found);
    return;
  }
}

/// The cached value for `key`, made by `make` the first time.
template <typename Map, typename Make>
const typename Map::mapped_type& cached(Map& map, const typename Map::key_type& key,
                                        const Make& make) {
  const auto it = map.find(key);
  if (it != map.end()) return it->second;
  return map.emplace(key, make()).first->second;
}

}  // namespace

const std::string& UserNames::user_name(std::uint32_t uid) {
  return cached(user_names_, uid, [&] {
    std::string name;
    look_up<passwd>([&](auto... out) { return ::getpwuid_r(uid, out...); },
                    [&](const passwd& record) { name = record.pw_name; });
    return name;
  });
}

const std::string& UserNames::group_name(std::uint32_t gid) {
  return cached(group_names_, gid, [&] {
    std::string name;
    look_up<group>([&](auto... out) { return ::getgrgid_r(gid, out...); },
                   [&](const group& record) { name = record.gr_name; });
    return name;
  });
}

std::optional<std::uint32_t> UserNames::user_id(const std::string& name) {
  return cached(user_ids_, name, [&] {
    std::optional<std::uint32_t> uid;
    look_up<passwd>([&](auto... out) { return ::getpwnam_r(name.c_str(), out...); },
                    [&](const passwd& record) { uid = record.pw_uid; });
    return uid;
  });
}

std::optional<std::uint32_t> UserNames::group_id(const std::string& name) {
  return cached(group_ids_, name, [&] {
    std::optional<std::uint32_t> gid;
    look_up<group>([&](auto... out) { return ::getgrnam_r(name.c_str(), out...); },
                   [&](const group& record) { gid = record.gr_gid; });
    return gid;
  });
}

}  // namespace coppice
