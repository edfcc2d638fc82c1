#include "progress.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "base/units.h"

namespace coppice {
namespace {

constexpr std::uint64_t kTerminalIntervalNs = 100'000'000;
constexpr std::uint64_t kJsonIntervalNs = 1'000'000'000;

double share(std::uint64_t done, std::uint64_t total) {
  return total == 0 ? 0.0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
}

double share_done(const ProgressState& state) {
  return state.bytes_total > 0 ? share(state.bytes_done, state.bytes_total)
                               : share(state.files_done, state.files_total);
}

}  // namespace

double ProgressDisplay::seconds_elapsed() const {
  return static_cast<double>(clock_.monotonic_ns() - began_ns_) / 1e9;
}

std::string ProgressDisplay::line(const ProgressState& state) const {
  const double seconds = std::max(0.001, seconds_elapsed());
  const double done = share_done(state);
  std::string text = done > 0 ? fmt::format("{:5.1f}%  ", done * 100) : "";
  text += fmt::format(
      "{} {} {}, {}, {}/s", state.verb, state.files_done, state.files_word,
      format_size(state.bytes_done),
      format_size(static_cast<std::uint64_t>(static_cast<double>(state.bytes_done) / seconds)));
  if (done > 0.01 && done < 1 && seconds > 2) {
    const auto left = static_cast<std::uint64_t>(seconds / done * (1 - done));
    text += fmt::format(", {}:{:02}:{:02} left", left / 3600, left / 60 % 60, left % 60);
  }
  if (state.error_count > 0) text += fmt::format(", {} errors", state.error_count);
  if (!state.current.empty()) text += "  " + escape_for_display(state.current);
  return text;
}

Json ProgressDisplay::message(const ProgressState& state) const {
  Json status = make_message("status");
  status["seconds_elapsed"] = static_cast<std::uint64_t>(seconds_elapsed());
  status["percent_done"] = share_done(state);
  status["total_files"] = state.files_total;
  status["files_done"] = state.files_done;
  status["total_bytes"] = state.bytes_total;
  status["bytes_done"] = state.bytes_done;
  status["error_count"] = state.error_count;
  set_names(
      status, "current_files",
      state.current.empty() ? std::vector<std::string>{} : std::vector<std::string>{state.current});
  return status;
}

void ProgressDisplay::show(const ProgressState& state) {
  const ConsoleStyle& style = console_.style();
  const bool is_json = style.json && !style.quiet;
  if (!is_json && !style.shows_progress) return;
  const std::uint64_t now = clock_.monotonic_ns();
  if (now - std::max(shown_ns_, began_ns_) < (is_json ? kJsonIntervalNs : kTerminalIntervalNs)) {
    return;
  }
  shown_ns_ = now;
  if (is_json) {
    console_.print_json(message(state), true);
  } else {
    console_.show_progress(line(state));
  }
}

}  // namespace coppice
