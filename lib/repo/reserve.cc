#include "repo/reserve.h"

#include "base/error.h"
#include "base/units.h"
#include "repo/object_names.h"

namespace coppice {

bool with_reserve(Store& store, FindingSink& findings, const std::function<void()>& call) {
  try {
    call();
    return false;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::no_space) throw;
    const auto size = store.size(kReserveName);
    if (!size || !store.remove(kReserveName)) throw;
    findings.report(
        {Finding::Weight::note, "reserve_released", kReserveName,
         "the target is full: " + format_size(*size) + " that were kept for this were released"});
  }
  call();
  return true;
}

void put_reserve(Store& store) {
  try {
    if (!store.size(kReserveName)) store.put(kReserveName, Bytes(kReserveBytes));
  } catch (const Error&) {  // there is no room yet: the next run may have some
  }
}

}  // namespace coppice
