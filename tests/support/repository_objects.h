#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "repo/repository.h"
#include "support/memory_store.h"

/// A repository as its files, to be damaged and put into a store of its own.
namespace coppice::test {

using Objects = MemoryStore::Objects;

/// Everything that a repository consists of.
Objects objects_of(Store& store);

/// Names of the files whose name begins so, side files left out.
std::vector<std::string> names_of(const Objects& objects, std::string_view prefix);

/// Merges the tables of all packs into one index object, as Repository::maintain does once there
/// are many.
void add_index_object(Repository& repository);

}  // namespace coppice::test
