#include "command.h"
#include "repo/header.h"

namespace coppice {
namespace {

class VersionCommand final : public Command {
 public:
  void declare(Syntax& program) override {
    syntax_ = program.command(
        "version",
        "Print the version; with --json also of the format and of the libraries that it "
        "was built with.");
    syntax_->footer("Example:\n  coppice version --json");
  }
  bool is_chosen() const override { return syntax_->is_chosen(); }
  bool only_prints() const override { return true; }
  void run(const Invocation& invocation) override {
    if (!invocation.options.json) return invocation.console.print(kProgram);
    Json version = make_message("version");
    version["version"] = COPPICE_VERSION;
    version["format_version"] = kFormatVersion;
    version["libraries"] = Json{{"openssl", COPPICE_OPENSSL_VERSION},
                                {"zstd", COPPICE_ZSTD_VERSION},
                                {"isa-l", COPPICE_ISAL_VERSION}};
    version["compiler"] = __VERSION__;
    invocation.console.print_json(version);
  }

 private:
  std::optional<Syntax> syntax_;
};

}  // namespace

std::unique_ptr<Command> make_version_command() { return std::make_unique<VersionCommand>(); }

}  // namespace coppice
