#pragma once
#include "base/bytes.h"
#include "base/secret.h"
#include "crypto/random.h"

namespace coppice {

/// A new key file (docs/format.md, section 3): the line `coppice key file 1` and a line of 64 hex
/// digits, so that it can be printed and typed in again. Each line ends in a line feed.
SecretBytes make_key_file(RandomSource& random);

/// The secret of a key file. Strict: those two lines, lower-case hex, nothing else; only the last
/// line feed may be missing. Throws Error{no_key} for anything else, Error{newer_version} for a
/// higher number in the first line.
Secret32 parse_key_file(ByteView text);

}  // namespace coppice
