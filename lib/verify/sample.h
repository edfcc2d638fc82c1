#pragma once
#include <vector>

#include "crypto/random.h"
#include "repo/log_entry.h"
#include "verify/verify.h"

namespace coppice {

/// The packs that a sample means, in the order given. Throws Error{usage} for a sample out of
/// range.
std::vector<ObjectRef> take_sample(std::vector<ObjectRef> packs, const VerifySample& sample,
                                   RandomSource& random);

}  // namespace coppice
