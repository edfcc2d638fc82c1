#pragma once
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace coppice {

/// Why something failed, as far as a script must tell it apart. Each kind maps to one exit code and
/// one stable JSON `code` string (docs/exit-codes.md; the table in error.cc is compared with it by
/// a test).
enum class ErrorKind {
  failed,         ///< anything without a code of its own
  usage,          ///< the caller's words are wrong; nothing was touched
  no_repository,  ///< not there, not one, not the expected one
  no_session,     ///< a session could not be had
  no_key,         ///< no key slot opens
  damaged,        ///< stored bytes are missing, altered or forged
  newer_version,  ///< written by a newer version: cannot judge
  no_space,       ///< the target is full
  refused,        ///< by policy or by the slot's role
  interrupted,    ///< stopped by a signal
};

/// The process exit code of docs/exit-codes.md for an error of this kind.
int exit_code(ErrorKind kind);
/// The stable word for JSON, for example "damaged".
std::string_view code_word(ErrorKind kind);

/// The one exception type. The message says what, where and what to do, for a person.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}

  ErrorKind kind() const { return kind_; }
  /// True if stored bytes are to blame, damaged or of a version that cannot be judged: one object
  /// less, which a job over many notes and goes on.
  bool is_about_bytes() const {
    return kind_ == ErrorKind::damaged || kind_ == ErrorKind::newer_version;
  }

  /// The same error, told from one step further out: "pack 3f2a: block 7: …".
  Error within(std::string_view context) const {
    return Error(kind_, std::string(context) + ": " + what());
  }

 private:
  ErrorKind kind_;
};

/// Error{failed} (or no_space for ENOSPC and EDQUOT) for a failed system call: "open /x: No such
/// file or directory".
Error system_error(std::string_view what, int errno_value);

/// The text of the errno value alone: "No such file or directory"; EFBIG: with where limits are.
std::string errno_text(int errno_value);

/// Throws Error{damaged}: for bytes from storage that break the format.
[[noreturn]] void throw_damaged(const std::string& message);

}  // namespace coppice
