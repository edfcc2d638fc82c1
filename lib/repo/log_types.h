#pragma once
#include <cstdint>
#include <string_view>

namespace coppice {

/// What a log entry says: the `type` byte of docs/format.md section 5. A number outside this list
/// means "cannot judge": the reader then neither deletes nor repairs anything.
enum class LogEntryType : std::uint8_t {
  snapshot = 1,
  forget = 2,
  undelete = 3,
  tag = 4,
  index_set = 5,
  condemn = 6,
  remove = 7,  ///< "delete" in the format; a keyword here
  damaged = 8,
  attest = 9,
  certificate = 10,
  revocation = 11,
  epoch = 12,
  drill = 13,
  void_entries = 14,  ///< "void" in the format; a keyword here
  checkpoint = 15,
};

/// True for the type bytes that this program knows.
constexpr bool is_known_log_entry_type(std::uint8_t type) { return type >= 1 && type <= 15; }

/// The word of docs/format.md section 5, for example "delete"; "unknown" for a value outside the
/// list.
constexpr std::string_view log_entry_type_word(LogEntryType type) {
  constexpr std::string_view words[] = {"unknown", "snapshot",  "forget",      "undelete",
                                        "tag",     "index set", "condemn",     "delete",
                                        "damaged", "attest",    "certificate", "revocation",
                                        "epoch",   "drill",     "void",        "checkpoint"};
  const auto number = static_cast<std::uint8_t>(type);
  return words[is_known_log_entry_type(number) ? number : 0];
}

}  // namespace coppice
