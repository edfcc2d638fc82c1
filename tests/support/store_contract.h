#pragma once
#include <functional>
#include <memory>

#include "store/store.h"

namespace coppice::test {

/// Checks what every Store promises (store/store.h), as far as one process can see it. `make` gives
/// a fresh, empty store each time; it may be slow, but what it gives must not outlive what it
/// stands on. Call it within a test case.
void check_store_contract(const std::function<std::unique_ptr<Store>()>& make);

}  // namespace coppice::test
