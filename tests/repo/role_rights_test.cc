// Goal: the table of docs/format.md section 5, column "who", row by row.
#include "repo/role_rights.h"

#include <doctest/doctest.h>

#include <array>
#include <string_view>

namespace coppice {
namespace {

struct Row {
  std::string_view word;
  bool writer, auditor, reader, owner, root;
};

constexpr std::array<Row, 15> kRows = {{{"snapshot", true, false, false, true, false},
                                        {"forget", false, true, false, true, false},
                                        {"undelete", false, true, false, true, false},
                                        {"tag", false, true, false, true, false},
                                        {"index set", true, true, false, true, false},
                                        {"condemn", false, true, false, true, false},
                                        {"delete", false, true, false, true, false},
                                        {"damaged", true, true, true, true, false},
                                        {"attest", false, false, false, true, false},
                                        {"certificate", false, false, false, false, true},
                                        {"revocation", false, false, false, false, true},
                                        {"epoch", false, false, false, false, true},
                                        {"drill", false, false, true, true, false},
                                        {"void", false, false, false, true, false},
                                        {"checkpoint", false, true, false, true, false}}};

}  // namespace

TEST_CASE("each role may append what the table says") {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    const Row& row = kRows[i];
    const auto type = static_cast<LogEntryType>(i + 1);
    CAPTURE(i);
    CHECK(log_entry_type_word(type) == row.word);
    CHECK(may_append(Role::writer, type) == row.writer);
    CHECK(may_append(Role::auditor, type) == row.auditor);
    CHECK(may_append(Role::reader, type) == row.reader);
    CHECK(may_append(Role::owner, type) == row.owner);
    CHECK(is_root_entry(type) == row.root);
  }
}

TEST_CASE("unknown types and roles have no rights") {
  for (const int number : {0, 16, 255}) {
    const auto type = static_cast<LogEntryType>(number);
    CHECK_FALSE(is_known_log_entry_type(static_cast<std::uint8_t>(number)));
    CHECK(log_entry_type_word(type) == "unknown");
    CHECK_FALSE(may_append(Role::owner, type));
    CHECK_FALSE(is_root_entry(type));
  }
  for (const int number : {0, 5, 255}) {
    const auto role = static_cast<Role>(number);
    CHECK_FALSE(is_known_role(static_cast<std::uint8_t>(number)));
    CHECK(role_word(role) == "unknown");
    CHECK_FALSE(may_append(role, LogEntryType::damaged));
  }
  CHECK(role_word(Role::auditor) == "auditor");
}

}  // namespace coppice
