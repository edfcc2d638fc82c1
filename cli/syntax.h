#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace coppice {

/// What a command, or the program itself, takes on its command line; written into variables that
/// must live until CommandLine::parse has returned. A thin face of CLI11 that keeps away its
/// surprises: a repeatable option never swallows the word after its value, "[a]" is a name and not
/// a list, numbers are read by cli/values.h and not as octal. Copies mean the same command.
class Syntax {
 public:
  explicit Syntax(CLI::App& app) : app_(&app) {}

  /// `names` as in "-q,--quiet".
  void flag(const std::string& names, bool& out, const std::string& help);
  /// How often it was given.
  void count(const std::string& names, int& out, const std::string& help);
  /// An option with one value, at most once; an empty value is a usage error. `type` names the
  /// value in help: "FILE".
  void value(const std::string& names, const std::string& type, std::optional<std::string>& out,
             const std::string& help);
  /// An option that may be given again and again, in order.
  void values(const std::string& names, const std::string& type, std::vector<std::string>& out,
              const std::string& help);
  void operand(const std::string& name, std::optional<std::string>& out, const std::string& help);
  void required_operand(const std::string& name, std::string& out, const std::string& help);
  /// Any number of words, none too; those after "--" are never options.
  void operands(const std::string& name, std::vector<std::string>& out, const std::string& help);
  /// Ends the help.
  void footer(const std::string& text);
  void alias(const std::string& name);
  Syntax command(const std::string& name, const std::string& help);
  /// Exactly one of its commands must be named.
  void require_command();
  /// After a parse: this command is the one that was named.
  bool is_chosen() const;

 private:
  CLI::Option& tune(CLI::Option& option, const std::string& type) const;

  CLI::App* app_;
};

/// One option or operand as help and completion tell of it.
struct OptionFacts {
  std::vector<std::string> names;  ///< "-q", "--quiet"; empty for an operand
  std::string type;                ///< "FILE"; empty for a flag
  std::string help;
};

/// A command as completion tells of it.
struct CommandFacts {
  std::string name;
  std::vector<std::string> aliases;
  std::string help;
  std::vector<OptionFacts> options;
  std::vector<CommandFacts> commands;
};

/// The whole command line of the program.
class CommandLine {
 public:
  CommandLine(const std::string& program, const std::string& help);
  ~CommandLine();

  Syntax syntax() { return Syntax(*app_); }
  /// Nothing if the words are understood; else the help text that was asked for. Throws
  /// Error{usage} for words that are not understood.
  std::optional<std::string> parse(int argc, const char* const* argv);
  /// The program, its global options and all commands.
  CommandFacts facts() const;

 private:
  std::unique_ptr<CLI::App> app_;
};

}  // namespace coppice
