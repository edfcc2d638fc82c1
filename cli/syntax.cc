#include "syntax.h"

#include <CLI/CLI.hpp>
#include <sstream>

#include "base/error.h"
#include "base/text.h"

namespace coppice {
namespace {

/// CLI11 takes this for "needs so many", which nothing checks with take_all; below its own mark for
/// "any number", with which it would split "[a,b]" into a list.
constexpr int kManyOperands = 1 << 24;

constexpr std::size_t kTextColumn = 34;
constexpr std::size_t kTextWidth = 64;

/// Breaks lines between words.
std::string wrap(const std::string& text) {
  std::istringstream words(text);
  std::string out;
  std::size_t column = 0;
  for (std::string word; words >> word; column += word.size() + 1) {
    const bool is_first = out.empty();
    if (!is_first && column + word.size() > kTextWidth) column = 0;
    if (!is_first) out += column == 0 ? '\n' : ' ';
    out += word;
  }
  return out;
}

class HelpFormatter final : public CLI::Formatter {
 public:
  HelpFormatter() {
    column_width(kTextColumn);
    label("OPTIONS", "options");
    label("SUBCOMMAND", "COMMAND");
  }

  std::string make_option_desc(const CLI::Option* option) const override {
    return wrap(option->get_description());
  }
  std::string make_subcommand(const CLI::App* command) const override {
    std::ostringstream out;
    CLI::detail::format_help(out, command->get_display_name(true), wrap(command->get_description()),
                             kTextColumn);
    return out.str();
  }

  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_option_text().empty() ? "" : " " + option->get_option_text();
  }
  std::string make_option_usage(const CLI::Option* option) const override {
    const std::string name = make_option_name(option, true);
    if (option->get_expected_min() == kManyOperands) return "[" + name + "...]";
    return option->get_required() ? name : "[" + name + "]";
  }
};

std::vector<std::string> option_names(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

CommandFacts facts_of(const CLI::App& app) {
  CommandFacts facts{app.get_name(), app.get_aliases(), app.get_description(), {}, {}};
  for (const CLI::Option* option : app.get_options()) {
    facts.options.push_back(
        {option_names(*option), option->get_option_text(), option->get_description()});
  }
  for (const CLI::App* command : app.get_subcommands({})) {
    facts.commands.push_back(facts_of(*command));
  }
  return facts;
}

/// The command that lacks one of its own; null if none does.
const CLI::App* command_without_command(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  if (!chosen.empty()) return command_without_command(*chosen.back());
  return app.get_require_subcommand_min() > 0 ? &app : nullptr;
}

/// CLI11 says "A subcommand is required" of a word that is none.
std::string explain(const CLI::App& program, const CLI::ParseError& error) {
  const CLI::App* app = command_without_command(program);
  if (app == nullptr || dynamic_cast<const CLI::RequiredError*>(&error) == nullptr) {
    return escape_for_display(error.what());
  }
  for (const std::string& word : program.remaining(true)) {
    if (!word.starts_with('-')) return "there is no command \"" + escape_for_display(word) + "\"";
    return "there is no option " + escape_for_display(word);
  }
  return "a command is missing";
}

/// The command that was being read when parsing stopped: where its help is.
std::string help_command(const CLI::App& app) {
  const std::string& words = app.get_name();
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? words : words + " " + help_command(*chosen.back());
}

}  // namespace

CLI::Option& Syntax::tune(CLI::Option& option, const std::string& type) const {
  option.option_text(type);
  option.allow_extra_args(false);
  return option;
}

void Syntax::flag(const std::string& names, bool& out, const std::string& help) {
  tune(*app_->add_flag_callback(
           names, [&out] { out = true; }, help),
       "");
}

void Syntax::count(const std::string& names, int& out, const std::string& help) {
  app_->add_flag_function(
      names, [&out](std::int64_t times) { out = static_cast<int>(times); }, help);
}

void Syntax::value(const std::string& names, const std::string& type,
                   std::optional<std::string>& out, const std::string& help) {
  const auto take = [&out, names](const std::string& text) {
    if (text.empty()) throw CLI::ValidationError(names, "the value is empty");
    out = text;
  };
  tune(*app_->add_option_function<std::string>(names, take, help), type);
}

void Syntax::values(const std::string& names, const std::string& type,
                    std::vector<std::string>& out, const std::string& help) {
  tune(*app_->add_option(names, out, help), type).expected(1)->take_all();
}

void Syntax::operand(const std::string& name, std::optional<std::string>& out,
                     const std::string& help) {
  value(name, "", out, help);
}

void Syntax::required_operand(const std::string& name, std::string& out, const std::string& help) {
  tune(*app_->add_option(name, out, help), "").required();
}

void Syntax::operands(const std::string& name, std::vector<std::string>& out,
                      const std::string& help) {
  tune(*app_->add_option(name, out, help), "").expected(kManyOperands)->take_all();
}

void Syntax::footer(const std::string& text) { app_->footer(text); }

void Syntax::alias(const std::string& name) { app_->alias(name); }

Syntax Syntax::command(const std::string& name, const std::string& help) {
  CLI::App* command = app_->add_subcommand(name, help);
  command->group("Commands");
  command->fallthrough();  // global options may stand behind the command too
  return Syntax(*command);
}

void Syntax::require_command() { app_->require_subcommand(1); }

bool Syntax::is_chosen() const { return app_->parsed(); }

CommandLine::CommandLine(const std::string& program, const std::string& help)
    : app_(std::make_unique<CLI::App>(help, program)) {
  app_->formatter(std::make_shared<HelpFormatter>());  // CLI11 hands it on to the commands
}

CommandLine::~CommandLine() = default;

std::optional<std::string> CommandLine::parse(int argc, const char* const* argv) {
  try {
    app_->parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::CallForHelp&) {  // CLI11's way to say it
    return app_->help();
  } catch (const CLI::ParseError& error) {
    throw Error(ErrorKind::usage,
                explain(*app_, error) + "\nSee: " + help_command(*app_) + " --help");
  }
}

CommandFacts CommandLine::facts() const { return facts_of(*app_); }

}  // namespace coppice
