#include "store/store.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace coppice {
namespace {

constexpr std::size_t kMaxNameBytes = 255;

bool is_part(std::string_view part) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
  };
  // A leading dot is "." or "..", or a file of the file system's own (".nfs…").
  return !part.empty() && part.front() != '.' && std::all_of(part.begin(), part.end(), is_allowed);
}

}  // namespace

bool is_object_name(std::string_view name) {
  if (name.size() > kMaxNameBytes || name == "tmp" || name.starts_with("tmp/")) return false;
  for (;;) {
    const std::size_t slash = name.find('/');
    if (!is_part(name.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    name.remove_prefix(slash + 1);
  }
}

void expect_object_name(std::string_view name) {
  if (!is_object_name(name)) {
    throw_damaged("'" + escape_for_display(name) + "' is not the name of an object");
  }
}

void expect_list_prefix(std::string_view prefix) {
  if (prefix.empty()) return;
  if (!prefix.ends_with('/') || !is_object_name(prefix.substr(0, prefix.size() - 1))) {
    throw Error(ErrorKind::failed, "cannot list '" + escape_for_display(prefix) + "'");
  }
}

Store::~Store() = default;
Store::Upload::~Upload() = default;

void Store::put(const std::string& name, ByteView bytes) {
  const std::unique_ptr<Upload> upload = begin_upload();
  upload->append(bytes);
  upload->commit(name);
}

std::vector<ObjectInfo> Store::list_wanted(const std::string& prefix, const IsWanted& is_wanted) {
  std::vector<ObjectInfo> objects = list(prefix);
  std::erase_if(objects, [&](const ObjectInfo& object) {
    return !is_wanted(std::string_view(object.name).substr(object.name.rfind('/') + 1));
  });
  return objects;
}

std::vector<std::string> Store::names(const std::string& prefix) {
  std::vector<std::string> names;
  for (ObjectInfo& object : list(prefix)) names.push_back(std::move(object.name));
  return names;
}

void Store::make_durable(const std::string&) {}

Bytes Store::read_all(const std::string& name, std::uint64_t max_bytes) {
  const std::optional<std::uint64_t> object_size = size(name);
  if (!object_size) throw_damaged(name + ": missing");
  if (*object_size > max_bytes) {
    throw_damaged(name + ": has " + std::to_string(*object_size) + " bytes, at most " +
                  std::to_string(max_bytes) + " are possible");
  }
  Bytes bytes(*object_size);
  read(name, 0, bytes);
  return bytes;
}

}  // namespace coppice
