#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "command.h"

namespace coppice {
namespace {

class CompletionCommand final : public Command {
 public:
  void declare(Syntax& program) override {
    syntax_ = program.command("completion", "Print a completion script for a shell.");
    syntax_->required_operand("SHELL", shell_, "bash, zsh or fish");
    syntax_->footer("Example:\n  coppice completion bash > /etc/bash_completion.d/coppice");
  }
  bool is_chosen() const override { return syntax_->is_chosen(); }
  bool only_prints() const override { return true; }
  void run(const Invocation& invocation) override;

 private:
  std::optional<Syntax> syntax_;
  std::string shell_;
};

/// A command with the words that lead to it ("key", "list") and all that may follow.
struct Place {
  std::string path;  ///< " key list"; empty for the program itself
  const CommandFacts* command;
};

std::string spaced(std::string words, const std::string& word) {
  words += ' ';
  words += word;
  return words;
}

void collect(const CommandFacts& command, const std::string& path, std::vector<Place>& places) {
  places.push_back({path, &command});
  for (const CommandFacts& sub : command.commands) {
    std::vector<std::string> names = sub.aliases;
    names.insert(names.begin(), sub.name);
    for (const std::string& name : names) collect(sub, spaced(path, name), places);
  }
}

/// Single-quoted for any of the three shells; fish alone also takes "\'" within quotes.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

void add_word(std::string& words, const std::string& word) { words = spaced(words, word); }

/// Commands that may follow, and options, as words.
std::string words_at(const CommandFacts& command) {
  std::string words;
  for (const CommandFacts& sub : command.commands) {
    add_word(words, sub.name);
    for (const std::string& alias : sub.aliases) add_word(words, alias);
  }
  for (const OptionFacts& option : command.options) {
    for (const std::string& name : option.names) add_word(words, name);
  }
  return words;
}

/// The options of the program that take a value: the word after them is no command.
std::string options_with_value(const CommandFacts& program) {
  std::string pattern;
  for (const OptionFacts& option : program.options) {
    if (option.type.empty()) continue;
    for (const std::string& name : option.names) {
      if (!pattern.empty()) pattern += '|';
      pattern += name;
    }
  }
  return pattern;
}

/// Bash: one case per command; what is no option or command completes as a file.
std::string bash_script(const CommandFacts& program, const std::vector<Place>& places) {
  std::string script =
      "# bash completion for coppice\n"
      "_coppice() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} path= words= i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case ${COMP_WORDS[i]} in\n"
      "      " +
      options_with_value(program) +
      ") ((i++)) ;;\n"
      "      -*) ;;\n"
      "      *) case \"$path ${COMP_WORDS[i]}\" in\n";
  for (const Place& place : places) {
    if (!place.path.empty()) {
      script += "           " + quoted(place.path) + ") path=" + quoted(place.path) + " ;;\n";
    }
  }
  script += "         esac ;;\n    esac\n  done\n  case \"$path\" in\n";
  for (const Place& place : places) {
    script += "    " + quoted(place.path) + ") words=" + quoted(words_at(*place.command)) + " ;;\n";
  }
  script +=
      "  esac\n"
      "  if [[ -n $path && $cur == -* ]]; then words+=" +
      quoted(words_at({"", {}, "", program.options, {}})) +
      "; fi\n"
      "  if [[ $path == ' completion' ]]; then words='bash zsh fish'; fi\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
      "  if [[ $cur != -* ]]; then COMPREPLY+=($(compgen -f -- \"$cur\")); fi\n"
      "}\n"
      "complete -o filenames -F _coppice coppice\n";
  return script;
}

/// Text within '[…]' of zsh's _arguments.
std::string zsh_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_options(const CommandFacts& command) {
  std::string lines;
  for (const OptionFacts& option : command.options) {
    for (const std::string& name : option.names) {
      const std::string value =
          option.type.empty() ? "" : fmt::format(":{}:_files", zsh_text(option.type));
      lines += "      " + quoted("*" + name + "[" + zsh_text(option.help) + "]" + value) + " \\\n";
    }
  }
  return lines;
}

std::string zsh_commands(const CommandFacts& command) {
  std::string words;
  for (const CommandFacts& sub : command.commands) {
    add_word(words, quoted(zsh_text(sub.name) + ":" + sub.help));
    for (const std::string& alias : sub.aliases) {
      add_word(words, quoted(zsh_text(alias) + ":" + sub.help));
    }
  }
  return words;
}

/// Zsh: a function per command that offers its options and commands; global options everywhere.
std::string zsh_script(const CommandFacts& program, const std::vector<Place>& places) {
  std::string script = "#compdef coppice\n";
  for (const Place& place : places) {
    std::string name = "_coppice";
    for (const char c : place.path) name += c == ' ' ? '_' : c;
    const bool has_commands = !place.command->commands.empty();
    script += name + "() {\n  local -a commands=(" + zsh_commands(*place.command) + ")\n";
    script += "  _arguments -C \\\n" + zsh_options(*place.command);
    if (!place.path.empty()) script += zsh_options({"", {}, "", program.options, {}});
    if (place.path == " completion") {
      script += "      '1:shell:(bash zsh fish)'\n}\n";
    } else if (!has_commands) {
      script += "      '*:file:_files'\n}\n";
    } else {
      script +=
          "      '1:command:->command' '*::argument:->argument'\n"
          "  case $state in\n"
          "    command) _describe command commands ;;\n"
          "    argument) (( $+functions[" +
          name + "_$words[1]] )) && " + name + "_$words[1] ;;\n  esac\n}\n";
    }
  }
  return script +
         "if [ \"$funcstack[1]\" = _coppice ]; then _coppice \"$@\"; else compdef _coppice "
         "coppice; fi\n";
}

/// "-n condition" of fish: which command stands on the line.
std::string fish_condition(const Place& place) {
  std::string condition;
  for (std::size_t start = 1; start < place.path.size();) {
    const std::size_t end = std::min(place.path.find(' ', start), place.path.size());
    condition += condition.empty() ? "" : "; and ";
    condition += "__fish_seen_subcommand_from ";
    condition += place.path.substr(start, end - start);
    start = end + 1;
  }
  return condition;
}

std::string fish_script(const std::vector<Place>& places) {
  std::string script = "# fish completion for coppice\n";
  for (const Place& place : places) {
    const std::string condition = fish_condition(place);
    const std::string where = condition.empty() ? "" : fmt::format(" -n {}", quoted(condition));
    for (const OptionFacts& option : place.command->options) {
      if (option.names.empty()) continue;
      script += "complete -c coppice" + where;
      for (const std::string& name : option.names) {
        script += name.starts_with("--") ? " -l " : " -s ";
        script += name.substr(name.starts_with("--") ? 2 : 1);
      }
      if (!option.type.empty()) script += " -r";
      script += " -d " + quoted(option.help) + "\n";
    }
    const std::string first = condition.empty() ? " -n __fish_use_subcommand" : where;
    for (const CommandFacts& sub : place.command->commands) {
      std::vector<std::string> names = sub.aliases;
      names.insert(names.begin(), sub.name);
      for (const std::string& name : names) {
        script +=
            "complete -c coppice -f" + first + " -a " + name + " -d " + quoted(sub.help) + "\n";
      }
    }
  }
  return script +
         "complete -c coppice -f -n '__fish_seen_subcommand_from completion' -a 'bash zsh "
         "fish'\n";
}

void CompletionCommand::run(const Invocation& invocation) {
  const CommandFacts program = invocation.line.facts();
  std::vector<Place> places;
  collect(program, "", places);
  if (shell_ == "bash") return invocation.console.print_raw(bash_script(program, places));
  if (shell_ == "zsh") return invocation.console.print_raw(zsh_script(program, places));
  if (shell_ == "fish") return invocation.console.print_raw(fish_script(places));
  throw Error(ErrorKind::usage,
              fmt::format("\"{}\" is none of bash, zsh, fish", escape_for_display(shell_)));
}

}  // namespace

std::unique_ptr<Command> make_completion_command() { return std::make_unique<CompletionCommand>(); }

}  // namespace coppice
