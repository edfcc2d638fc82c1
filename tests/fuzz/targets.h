#pragma once
#include <string_view>
#include <vector>

#include "base/bytes.h"

/// One function for each decoder of bytes that nobody vouches for. libFuzzer drives them (built
/// with COPPICE_FUZZ), and an ordinary test replays the kept inputs through the same functions.
namespace coppice::fuzz {

struct Target {
  std::string_view name;
  /// Takes any bytes. Returns if they were refused with an Error about bytes, or were taken;
  /// anything else (another exception, a crash, an endless loop) is a find.
  void (*run)(ByteView input);
};

const std::vector<Target>& targets();

/// Throws std::out_of_range if there is none.
const Target& target(std::string_view name);

/// Runs one input: lets pass what decoders may throw.
void run_one(const Target& target, ByteView input);

}  // namespace coppice::fuzz
