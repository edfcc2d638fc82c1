#pragma once
#include <memory>
#include <utility>
#include <vector>

#include "task/guarded.h"

namespace coppice {

/// Expensive objects that one thread at a time may use (compression contexts): taken out, used and
/// put back. There are never more of them than threads that use them at once. Thread-safe.
template <typename T>
class CheckoutPool {
 public:
  /// Calls `use(object)` with an idle object, or with one made by `make()` if there is none.
  template <typename Make, typename Use>
  decltype(auto) with(Make&& make, Use&& use) {
    Lease lease(*this, std::forward<Make>(make));
    return std::forward<Use>(use)(*lease.object);
  }

 private:
  struct Lease {
    template <typename Make>
    Lease(CheckoutPool& from, Make&& make) : pool(from) {
      object = pool.idle_.with([](auto& idle) -> std::unique_ptr<T> {
        if (idle.empty()) return nullptr;
        auto taken = std::move(idle.back());
        idle.pop_back();
        return taken;
      });
      if (!object) object = std::make_unique<T>(std::forward<Make>(make)());
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
      pool.idle_.with([this](auto& idle) { idle.push_back(std::move(object)); });
    }
    CheckoutPool& pool;
    std::unique_ptr<T> object;
  };

  Guarded<std::vector<std::unique_ptr<T>>> idle_;
};

}  // namespace coppice
