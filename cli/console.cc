#include "console.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/text.h"

namespace coppice {
namespace {

/// Results are gathered to this many bytes, so that `ls` of a million files makes few calls.
constexpr std::size_t kPendingBytes = 64 << 10;

/// Writes all of it; the error number of a failure, else 0.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

/// A message of ours may have several lines; a name in it that somebody forgot to escape must still
/// not reach the terminal as it is.
std::string safe_message(std::string_view message) {
  std::string safe;
  for (std::size_t start = 0; start <= message.size();) {
    const std::size_t end = std::min(message.find('\n', start), message.size());
    const std::string line(message.substr(start, end - start));
    std::string escaped = escape_for_display(line);
    std::size_t backslashes = 0;
    for (const char c : line) backslashes += c == '\\' ? 1 : 0;
    // Only backslashes were doubled: there was nothing to hide.
    safe += escaped.size() == line.size() + backslashes ? line : escaped;
    if (end < message.size()) safe += '\n';
    start = end + 1;
  }
  return safe;
}

std::string_view severity_word(Finding::Weight weight) {
  switch (weight) {
    case Finding::Weight::note:
      return "note";
    case Finding::Weight::healable:
      return "healable";
    case Finding::Weight::partial:
      return "partial";
    case Finding::Weight::damaged:
      return "damaged";
  }
  return "damaged";
}

/// "would_restore" → "would restore"
std::string spaced(std::string word) {
  for (char& c : word) c = c == '_' ? ' ' : c;
  return word;
}

/// The longest beginning of `text` with at most `columns` characters.
std::string_view cut_to_width(std::string_view text, std::size_t columns) {
  std::size_t end = 0;
  while (end < text.size()) {
    const bool is_continuation = (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80;
    if (!is_continuation && columns-- == 0) break;
    ++end;
  }
  return text.substr(0, end);
}

}  // namespace

Console::~Console() {
  state_.with([](State& state) {
    clear_progress(state);
    flush(state);
  });
}

std::string Console::prefix() const {
  return style_.has_color ? "\x1b[1mcoppice:\x1b[0m " : "coppice: ";
}

void Console::flush(State& state) {
  if (state.stdout_errno == 0) state.stdout_errno = write_all(STDOUT_FILENO, state.pending);
  state.pending.clear();
}

void Console::put(State& state, std::string_view text, bool is_urgent) const {
  clear_progress(state);
  state.pending += text;
  if (is_urgent || style_.shows_progress || state.pending.size() >= kPendingBytes) flush(state);
}

void Console::clear_progress(State& state) {
  if (!state.has_progress) return;
  write_all(STDERR_FILENO, "\r\x1b[K");
  state.has_progress = false;
}

void Console::put_diagnostic(State& state, const std::string& line) const {
  clear_progress(state);
  flush(state);  // keeps the order where both go to one place
  write_all(STDERR_FILENO, line + "\n");
}

void Console::print(std::string_view line) {
  state_.with([&](State& state) { put(state, std::string(line) + "\n", false); });
}

void Console::print_json(const Json& item, bool is_urgent) {
  state_.with([&](State& state) { put(state, to_line(item) + "\n", is_urgent); });
}

void Console::print_raw(std::string_view text) {
  state_.with([&](State& state) { put(state, text, false); });
}

void Console::report(const Finding& finding) {
  state_.with([&](State& state) {
    state.damaged += finding.weight == Finding::Weight::damaged ? 1 : 0;
    state.partial += finding.weight == Finding::Weight::partial ? 1 : 0;
    state.healable += finding.weight == Finding::Weight::healable ? 1 : 0;
    const bool is_note = finding.weight == Finding::Weight::note;
    if (style_.json) return report_json(state, finding);
    if (is_note && style_.quiet) return;
    const std::string item = escape_for_display(finding.item);
    if (is_note && finding.code.starts_with("would_")) {
      return put(state, spaced(finding.code) + " " + item + "\n", false);
    }
    put_diagnostic(state, prefix() + (is_note ? "note: " : "") + item + (item.empty() ? "" : ": ") +
                              safe_message(finding.message));
  });
}

void Console::report_json(State& state, const Finding& finding) const {
  const bool is_note = finding.weight == Finding::Weight::note;
  if (is_note && finding.code.starts_with("would_")) {
    Json message = make_message("verbose_status");
    message["action"] = finding.code;
    set_name(message, "item", finding.item);
    return put(state, to_line(message) + "\n", false);
  }
  Json message = make_message(is_note ? "note" : "error");
  message["code"] = finding.code;
  message["severity"] = severity_word(finding.weight);
  set_name(message, "item", finding.item);
  message["message"] = safe_message(finding.message);
  put_diagnostic(state, to_line(message));
}

void Console::note(std::string_view code, std::string_view message) {
  report({Finding::Weight::note, std::string(code), "", std::string(message)});
}

void Console::detail(std::string_view message) {
  if (style_.verbosity == 0 || style_.json) return;
  state_.with([&](State& state) { put_diagnostic(state, prefix() + safe_message(message)); });
}

void Console::fail(const Error& error, int exit_code) {
  state_.with([&](State& state) {
    const std::string message = safe_message(error.what());
    if (!style_.json) return put_diagnostic(state, prefix() + message);
    Json line = make_message("error");
    line["code"] = code_word(error.kind());
    line["severity"] = "fatal";
    line["item"] = "";
    line["message"] = message;
    put_diagnostic(state, to_line(line));
    Json last = make_message("exit_error");
    last["code"] = exit_code;
    last["message"] = message;
    put_diagnostic(state, to_line(last));
  });
}

void Console::tell_unclean(int exit_code) {
  state_.with([&](State& state) {
    const std::string count = std::to_string(state.damaged + state.partial + state.healable);
    const std::string message =
        exit_code == 13 ? "damage was found (" + count + " findings, see above)"
        : exit_code == 14
            ? "damage was found, all of it healed or healable (" + count + " findings)"
            : "done, but " + count + " problems were met (see above)";
    if (!style_.json) return put_diagnostic(state, prefix() + message);
    Json last = make_message("exit_error");
    last["code"] = exit_code;
    last["message"] = message;
    put_diagnostic(state, to_line(last));
  });
}

void Console::show_progress(std::string_view text) {
  if (!style_.shows_progress) return;
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) size.ws_col = 80;
  state_.with([&](State& state) {
    std::string line = "\r";
    line += cut_to_width(text, size.ws_col - 1U);
    write_all(STDERR_FILENO, line + "\x1b[K");
    state.has_progress = true;
  });
}

int Console::exit_code() const {
  return state_.with([](const State& state) {
    if (state.damaged > 0) return 13;
    if (state.partial > 0) return 3;
    return state.healable > 0 ? 14 : 0;
  });
}

std::uint64_t Console::finding_count() const {
  return state_.with(
      [](const State& state) { return state.damaged + state.partial + state.healable; });
}

void Console::finish() {
  const int error = state_.with([](State& state) {
    clear_progress(state);
    flush(state);
    return state.stdout_errno;
  });
  if (error == 0 || error == EPIPE) return;
  // Not system_error: a full disk under stdout is not a full target.
  throw Error(ErrorKind::failed,
              "the output is incomplete: stdout: " + std::generic_category().message(error));
}

bool Console::has_lost_output() const {
  return state_.with([](const State& state) { return state.stdout_errno == EPIPE; });
}

bool Console::is_reader_gone() const {
  pollfd state{STDOUT_FILENO, POLLOUT, 0};
  return poll(&state, 1, 0) == 1 && (state.revents & POLLERR) != 0;
}

}  // namespace coppice
