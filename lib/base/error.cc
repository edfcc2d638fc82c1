#include "base/error.h"

#include <array>
#include <cerrno>
#include <system_error>

namespace coppice {
namespace {

struct KindRow {
  ErrorKind kind;
  int exit_code;
  std::string_view word;
};

constexpr std::array kKinds = {
    KindRow{ErrorKind::failed, 1, "failed"},
    KindRow{ErrorKind::usage, 2, "usage"},
    KindRow{ErrorKind::no_repository, 10, "no_repository"},
    KindRow{ErrorKind::no_session, 11, "no_session"},
    KindRow{ErrorKind::no_key, 12, "no_key"},
    KindRow{ErrorKind::damaged, 13, "damaged"},
    KindRow{ErrorKind::newer_version, 17, "newer_version"},
    KindRow{ErrorKind::no_space, 18, "no_space"},
    KindRow{ErrorKind::refused, 19, "refused"},
    KindRow{ErrorKind::interrupted, 130, "interrupted"},
};

const KindRow& row_of(ErrorKind kind) {
  for (const KindRow& row : kKinds) {
    if (row.kind == kind) return row;
  }
  return kKinds.front();
}

}  // namespace

int exit_code(ErrorKind kind) { return row_of(kind).exit_code; }

std::string_view code_word(ErrorKind kind) { return row_of(kind).word; }

Error system_error(std::string_view what, int errno_value) {
  const bool full = errno_value == ENOSPC || errno_value == EDQUOT;
  return {full ? ErrorKind::no_space : ErrorKind::failed,
          std::string(what) + ": " + errno_text(errno_value)};
}

std::string errno_text(int errno_value) {
  std::string text = std::generic_category().message(errno_value);
  if (errno_value == EFBIG)
    text += " (for the file system, or for the limit that `ulimit -f` tells)";
  return text;
}

void throw_damaged(const std::string& message) { throw Error(ErrorKind::damaged, message); }

}  // namespace coppice
