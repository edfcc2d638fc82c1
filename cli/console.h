#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/finding.h"
#include "json_text.h"
#include "task/guarded.h"

namespace coppice {

struct ConsoleStyle {
  bool json = false;
  bool quiet = false;
  int verbosity = 0;
  bool has_color = false;       ///< stderr is a terminal that may be coloured
  bool shows_progress = false;  ///< stderr is a terminal, and nobody asked for silence or JSON
};

/// All that the program says: results on stdout, diagnostics and the progress line on stderr, as
/// text or as JSON lines; and the count of findings that makes the exit code. Thread-safe.
class Console final : public FindingSink {
 public:
  explicit Console(ConsoleStyle style) : style_(style) {}
  /// Writes out what is left, without telling errors: call finish for that.
  ~Console() override;

  const ConsoleStyle& style() const { return style_; }

  /// A line of result for people. Names in it must be escaped already.
  void print(std::string_view line);
  /// A JSON line of result, written at once if `is_urgent`.
  void print_json(const Json& item, bool is_urgent = false);
  /// Bytes of result as they are.
  void print_raw(std::string_view text);

  /// A finding: one line on stderr, counted for the exit code. Notes "would_…" of a dry run are
  /// results and go to stdout.
  void report(const Finding& finding) override;
  /// Something worth knowing that changes no exit code; not said with --quiet.
  void note(std::string_view code, std::string_view message);
  /// Said only with --verbose, and not in JSON.
  void detail(std::string_view message);
  /// The end of a failed run: what happened, and in JSON the last line.
  void fail(const Error& error, int exit_code);
  /// The end of a run that was not clean: says so once more; in JSON the last line.
  void tell_unclean(int exit_code);

  /// Shows `text` (already escaped) as the progress line, cut to the terminal's width; nothing
  /// where no progress is wanted, as off a terminal.
  void show_progress(std::string_view text);

  /// The exit code that the findings so far make: 13 before 3 before 14, else 0.
  int exit_code() const;
  /// Findings that count: partial, damaged and healable ones.
  std::uint64_t finding_count() const;

  /// Writes all out and clears the progress line. Throws Error{failed} if stdout took not all,
  /// unless its reader went away.
  void finish();
  /// Something could not be written because whoever read our stdout is gone.
  bool has_lost_output() const;
  /// Whoever read our stdout is gone, whether or not anything was lost.
  bool is_reader_gone() const;

 private:
  struct State {
    std::string pending;  ///< for stdout
    int stdout_errno = 0;
    bool has_progress = false;  ///< the progress line is on the terminal
    std::uint64_t damaged = 0;
    std::uint64_t partial = 0;
    std::uint64_t healable = 0;
  };

  void put(State& state, std::string_view text, bool is_urgent) const;
  static void flush(State& state);
  static void clear_progress(State& state);
  void put_diagnostic(State& state, const std::string& line) const;
  void report_json(State& state, const Finding& finding) const;
  std::string prefix() const;

  ConsoleStyle style_;
  Guarded<State> state_;
};

}  // namespace coppice
