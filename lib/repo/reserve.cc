#include "repo/reserve.h"

#include "base/error.h"
#include "base/units.h"
#include "repo/object_names.h"

namespace coppice {
namespace {

/// Bytes that are free now.
std::uint64_t release(Store& store) {
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < kReserveFiles; ++i) {
    const std::string name = reserve_name(i);
    const auto size = store.size(name);
    if (size && store.remove(name)) bytes += *size;
  }
  return bytes;
}

}  // namespace

bool with_reserve(Store& store, FindingSink& findings, const std::function<void()>& call) {
  try {
    call();
    return false;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::no_space) throw;
    const std::uint64_t bytes = release(store);
    if (bytes == 0) throw;
    findings.report(
        {Finding::Weight::note, "reserve_released", "reserve",
         "the target is full: " + format_size(bytes) + " that were kept for this were released"});
  }
  call();
  return true;
}

void put_reserve(Store& store) {
  for (std::size_t i = 0; i < kReserveFiles; ++i) {
    if (!store.size(reserve_name(i))) store.put(reserve_name(i), Bytes(kReserveFileBytes));
  }
}

void try_put_reserve(Store& store) {
  try {
    put_reserve(store);
  } catch (const Error&) {  // there is no room yet: the next run may have some
  }
}

}  // namespace coppice
