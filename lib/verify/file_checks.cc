#include "verify/file_checks.h"

#include <cstring>
#include <functional>
#include <string>

#include "base/error.h"
#include "repo/header.h"
#include "repo/object_names.h"
#include "repo/readme_text.h"
#include "repo/slot.h"

namespace coppice {
namespace {

constexpr std::uint64_t kMaxTextBytes = 1 << 20;

struct TextRead {
  std::optional<Bytes> bytes;  ///< only if intact
  std::string why;
};

/// `expect` throws Error{damaged} or {no_repository} for a text that is not what it should be.
TextRead read_text(Store& store, const std::string& name,
                   const std::function<void(ByteView)>& expect) {
  if (!store.size(name)) return {std::nullopt, "missing"};
  try {
    Bytes bytes = store.read_all(name, kMaxTextBytes);
    expect(bytes);
    return {std::move(bytes), {}};
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::damaged && error.kind() != ErrorKind::no_repository) throw;
    return {std::nullopt, error.what()};
  }
}

/// Checks a text and its copy; the bytes of whichever is intact.
std::optional<Bytes> check_twin(Store& store, const std::string& name, const char* code,
                                const std::function<void(ByteView)>& expect,
                                FindingSink& findings) {
  TextRead first = read_text(store, name, expect);
  TextRead copy = read_text(store, copy_name(name), expect);
  const auto report = [&](Finding::Weight weight, const std::string& item, const std::string& why) {
    findings.report({weight, code, item, why});
  };
  if (!first.bytes && !copy.bytes) {
    report(Finding::Weight::damaged, name, first.why + "; its second copy: " + copy.why);
  } else if (!first.bytes) {
    report(Finding::Weight::healable, name, first.why + "; its second copy is whole");
  } else if (!copy.bytes) {
    report(Finding::Weight::healable, copy_name(name), copy.why + "; the first one is whole");
  } else if (*first.bytes != *copy.bytes) {
    report(Finding::Weight::healable, copy_name(name), "differs from " + name);
  }
  return first.bytes ? std::move(first.bytes) : std::move(copy.bytes);
}

/// It holds nothing but zeros (an empty one was cut short).
bool is_reserve_intact(Store& store, const std::string& name) {
  const TextRead reserve = read_text(store, name, [](ByteView bytes) {
    // The first byte is zero, and each is as the one before it.
    const bool is_whole = bytes.size() == kReserveFileBytes && bytes.front() == 0 &&
                          std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
    if (!is_whole) throw_damaged("is not the reserve");
  });
  return reserve.bytes.has_value();
}

void check_reserve(Store& store, FindingSink& findings) {
  std::size_t missing = 0;
  for (std::size_t i = 0; i < kReserveFiles; ++i) {
    const std::string name = reserve_name(i);
    if (!store.size(name)) {
      ++missing;
    } else if (!is_reserve_intact(store, name)) {
      findings.report({Finding::Weight::note, "reserve_damaged", name,
                       "is not what it was when it was written: nothing depends on it, but where "
                       "one file was altered others may be"});
    }
  }
  if (missing == 0) return;
  findings.report({Finding::Weight::note, "reserve_missing", "reserve",
                   std::to_string(missing) + " of " + std::to_string(kReserveFiles) +
                       " files of the space kept for a full target are gone: forget and prune may "
                       "not work when it is full; prune puts them back where there is room"});
}

}  // namespace

std::optional<Id> check_header(Store& store, const std::optional<Id>& expected,
                               FindingSink& findings) {
  const auto expect = [&](ByteView bytes) {
    const Header header = decode_header(bytes);
    if (expected && header.repository_id != *expected)
      throw_damaged("is the header of another repository");
  };
  const auto bytes = check_twin(store, kHeaderName, "header_damaged", expect, findings);
  if (!bytes) return std::nullopt;
  return decode_header(*bytes).repository_id;
}

void check_slots(Store& store, const std::optional<Id>& repository,
                 const std::set<SlotId>& expected, FindingSink& findings) {
  std::set<SlotId> slots = expected;
  for (const ObjectInfo& object : store.list("slots/")) {
    std::string_view name = object.name;
    name.remove_prefix(std::string_view("slots/").size());
    if (name.ends_with(".copy")) name.remove_suffix(std::string_view(".copy").size());
    SlotId slot;
    if (from_hex(name, slot.bytes)) slots.insert(slot);
  }
  for (const SlotId& slot : slots) {
    const auto expect = [&](ByteView bytes) {
      const SlotFile file = parse_slot(bytes);
      if (file.slot_id != slot) throw_damaged("holds another slot");
      if (repository && file.repository_id != *repository)
        throw_damaged("is a slot of another repository");
    };
    check_twin(store, slot_name(slot), "slot_damaged", expect, findings);
  }
}

void check_readme_and_reserve(Store& store, FindingSink& findings) {
  const auto expect = [](ByteView bytes) {
    if (!is_readme_intact(bytes)) throw_damaged("does not fit its own checksum");
  };
  const TextRead readme = read_text(store, kReadmeName, expect);
  if (!readme.bytes) {
    findings.report({Finding::Weight::healable, "readme_damaged", kReadmeName,
                     readme.why + "; it can be made anew, nothing depends on it"});
  }
  check_reserve(store, findings);
}

void note_unlogged_packs(Store& store, const LiveObjects& objects, FindingSink& findings) {
  for (const ObjectInfo& object : store.list("packs/")) {
    Id name;
    const std::string_view last = std::string_view(object.name).substr(object.name.rfind('/') + 1);
    if (!from_hex(last, name.bytes) || object.name != pack_name(name) || objects.is_live(name))
      continue;
    findings.report({Finding::Weight::note, "pack_unlogged", object.name,
                     objects.is_deleted(name)
                         ? "was deleted in the log but is still there: prune removes it"
                         : "is of a session that was interrupted or still runs"});
  }
}

}  // namespace coppice
