#include "repo/key_file.h"

#include "base/error.h"

namespace coppice {
namespace {

constexpr std::string_view kName = "coppice key file ";
constexpr std::string_view kFirstLine = "coppice key file 1\n";
constexpr std::size_t kHexDigits = 2 * Secret32::kSize;

bool is_of_newer_version(std::string_view text) {
  if (!text.starts_with(kName)) return false;
  const std::string_view number = text.substr(kName.size(), text.find('\n') - kName.size());
  return !number.empty() && number.size() < 10 && number != "1" && number.front() != '0' &&
         number.find_first_not_of("0123456789") == number.npos;
}

}  // namespace

SecretBytes make_key_file(RandomSource& random) {
  const Secret32 secret = random_secret(random);
  Bytes text = to_bytes(as_bytes(kFirstLine));
  text.reserve(kFirstLine.size() + kHexDigits + 1);  // never moves, so that no copy stays in memory
  for (const std::uint8_t byte : secret.view()) {
    constexpr char digits[] = "0123456789abcdef";
    text.push_back(static_cast<std::uint8_t>(digits[byte >> 4]));
    text.push_back(static_cast<std::uint8_t>(digits[byte & 15]));
  }
  text.push_back('\n');
  return SecretBytes(std::move(text));
}

Secret32 parse_key_file(ByteView bytes) {
  std::string_view text = as_text(bytes);
  if (is_of_newer_version(text)) {
    throw Error(ErrorKind::newer_version, "the key file was written by a newer coppice");
  }
  Secret32 secret;
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (!text.starts_with(kFirstLine) ||
      !from_hex(text.substr(kFirstLine.size()), secret.mutable_view())) {
    throw Error(ErrorKind::no_key, "this is no coppice key file, or it was altered");
  }
  return secret;
}

}  // namespace coppice
