#include "passphrase_prompt.h"

#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace coppice {
namespace {

constexpr std::size_t kMaxPassphraseBytes = 4096;

/// Turns the terminal's echo off while it lives.
class EchoOff {
 public:
  EchoOff() : is_known_(tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!is_known_) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;
  ~EchoOff() {
    if (is_known_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }

 private:
  termios before_{};
  bool is_known_;
};

void say(const std::string& text) {
  // A terminal that cannot be written to cannot be told so either.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

bool can_prompt() { return isatty(STDIN_FILENO) == 1; }

SecretBytes prompt_passphrase(const std::string& question, const StopFlag& stop) {
  const EchoOff echo_off;
  say(question);
  Bytes line;
  line.reserve(kMaxPassphraseBytes);  // never moved, so no copy stays behind
  std::uint8_t byte = 0;
  for (;;) {
    const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
    stop.check();  // the handler ended the read
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || byte == '\n' || line.size() == kMaxPassphraseBytes) break;
    line.push_back(byte);
  }
  say("\n");
  if (line.empty()) throw Error(ErrorKind::no_key, "no passphrase was given");
  return SecretBytes(std::move(line));
}

}  // namespace coppice
