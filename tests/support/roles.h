#pragma once
#include "repo/repository.h"

/// Slots of all roles, opened by key files of one repeated byte.
namespace coppice::test {

Credential passkey(std::uint8_t byte);

/// Adds a slot with this role (not another owner's), opened by passkey(`byte`), as `key add` does.
void add_slot(Repository& owned, Role role, std::uint8_t byte);

}  // namespace coppice::test
