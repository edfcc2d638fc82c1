#include "repo/readme_text.h"

#include "base/text.h"
#include "crypto/hash.h"

namespace coppice {
namespace {

constexpr std::string_view kHashLine = "BLAKE3 of the lines above: ";

constexpr std::string_view kBody = R"(
What you need to read it
------------------------
  - this whole directory, or a copy of it;
  - one of its keys: the passphrase or the key file that belongs to one of the files below slots/
    (a lost slot can come back from a file made by "coppice key export"; a lost passphrase cannot);
  - the program coppice of this version or a newer one: newer ones read all older repositories.

These commands begin a restore. They change nothing here:

    coppice -r THIS_DIRECTORY snapshots
    coppice -r THIS_DIRECTORY ls latest
    coppice -r THIS_DIRECTORY restore latest --target /some/empty/dir

Without the program: the page docs/format.md in the sources of coppice describes every byte of this
directory, and examples/rescue.py there is a short reader in Python, written from that page alone.

Do not delete, rename or edit any file here. What seems superfluous (.copy, .par, reserve) repairs
damage or keeps the backups usable on a full disk. To remove old backups, use the program.

)";

}  // namespace

std::string make_readme(const Header& header, std::string_view program) {
  std::string text =
      "This directory is a backup repository\n"
      "=====================================\n\n"
      "It holds backups made by the program coppice: files and directories as they were at "
      "certain\n"
      "times, cut into pieces, without repetition, compressed and encrypted.\n\n";
  text += "  repository id:       " + header.repository_id.hex() + "\n";
  text += "  repository format:   version " + std::to_string(header.version) + "\n";
  text += "  created by:          " + escape_for_display(header.created_by) + "\n";
  text += "  this text is from:   " + escape_for_display(program) + "\n";
  text += kBody;
  const Id hash = blake3(as_bytes(text));
  return text + std::string(kHashLine) + hash.hex() + "\n";
}

bool is_readme_intact(ByteView bytes) {
  const std::string_view text = as_text(bytes);
  if (!text.ends_with('\n')) return false;
  const std::string_view lines = text.substr(0, text.size() - 1);
  const std::size_t last = lines.rfind('\n') + 1;  // 0 if there is one line only
  Id said;
  return lines.substr(last).starts_with(kHashLine) &&
         from_hex(lines.substr(last + kHashLine.size()), said.bytes) &&
         blake3(bytes.first(last)) == said;
}

}  // namespace coppice
