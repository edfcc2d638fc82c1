// libFuzzer's entry: the environment variable COPPICE_FUZZ_TARGET names the target.
#include <stdlib.h>

#include <cstdint>

#include "targets.h"

namespace {
const coppice::fuzz::Target* chosen = nullptr;
}

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* name = getenv("COPPICE_FUZZ_TARGET");
  chosen = &coppice::fuzz::target(name == nullptr ? "" : name);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  coppice::fuzz::run_one(*chosen, {data, size});
  return 0;
}
