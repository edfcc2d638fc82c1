#pragma once
#include "base/finding.h"
#include "repo/repository.h"

namespace coppice {

/// Writes index objects anew of which most tables are those of packs that are gone, and joins small
/// ones once there are many. What they replace stays for a while, for readers who have not read the
/// log since: the next collection deletes it. Changes nothing that anybody needs; what fails is
/// reported as a note.
/// Memory: two index objects.
void tidy_index_objects(Repository& repository, FindingSink& findings);

}  // namespace coppice
