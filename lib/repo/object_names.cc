#include "repo/object_names.h"

#include <fmt/format.h>

namespace coppice {
namespace {

std::string fanned_out(const char* folder, const Id& name) {
  const std::string hex = name.hex();
  return fmt::format("{}/{}/{}", folder, hex.substr(0, 2), hex);
}

}  // namespace

std::string slot_name(const SlotId& slot) { return "slots/" + slot.hex(); }
std::string session_name(const Id& session) { return "sessions/" + session.hex(); }
std::string reserve_name(std::size_t file) { return fmt::format("reserve/{:02x}", file); }
bool is_reserve_name(std::string_view object) { return object.starts_with("reserve/"); }
std::string pack_name(const Id& pack) { return fanned_out("packs", pack); }
std::string index_name(const Id& index) { return fanned_out("index", index); }
std::string copy_name(const std::string& object) { return object + ".copy"; }
std::string parity_name(const std::string& object) { return object + ".par"; }

}  // namespace coppice
