#include "repo/healing.h"

#include <algorithm>

#include "base/error.h"
#include "base/units.h"
#include "crypto/hash.h"
#include "pack/pack_file.h"
#include "repo/object_names.h"

/// Whether parity heals an object is not believed but tried: checksums in a side file are no proof,
/// only the object's name is (docs/format.md, section 11).
namespace coppice {
namespace {

constexpr std::uint64_t kSector = ParityGeometry::kSectorBytes;

/// No geometry that `init` takes has more than half as much parity as data, header pages included.
std::uint64_t max_parity_bytes(std::uint64_t object_length) {
  return std::min(object_length, kMaxPackBytes) + kMiB;
}

DamageReport scan(const ObjectReader& reader, const std::string& name, std::uint64_t available,
                  const ParityFile& parity) {
  DamageScanner scanner(parity);
  reader.stream(name, available, available,
                [&](std::uint64_t, ByteView piece) { scanner.append(piece); });
  return scanner.finish();
}

/// Puts rebuilt sectors over `out`, which holds the object's bytes from `offset` on.
void overlay(const std::vector<RebuiltSector>& sectors, std::uint64_t offset, MutableByteView out) {
  auto sector = std::lower_bound(
      sectors.begin(), sectors.end(), offset / kSector,
      [](const RebuiltSector& each, std::uint64_t number) { return each.sector < number; });
  for (; sector != sectors.end() && sector->sector * kSector < offset + out.size(); ++sector) {
    const std::uint64_t start = sector->sector * kSector;
    const std::uint64_t from = std::max(start, offset);
    const std::uint64_t to = std::min(start + sector->bytes.size(), offset + out.size());
    if (from >= to) continue;
    const ByteView part =
        ByteView(sector->bytes)
            .subspan(static_cast<std::size_t>(from - start), static_cast<std::size_t>(to - from));
    std::copy(part.begin(), part.end(), out.begin() + static_cast<std::ptrdiff_t>(from - offset));
  }
}

bool is_proved(const ObjectReader& reader, const ObjectRef& object, const HealedObject& healed) {
  Blake3Hasher hasher;
  Bytes patched;
  reader.stream(object_name(object), healed.available, object.length,
                [&](std::uint64_t offset, ByteView piece) {
                  patched.assign(piece.begin(), piece.end());
                  overlay(healed.sectors, offset, patched);
                  hasher.update(patched);
                });
  return hasher.finish() == object.name;
}

std::string told(const DamageReport& report, const ParityFile& parity) {
  std::string text = std::to_string(report.bad_data_sectors.size()) + " of " +
                     std::to_string(parity.layout().data_sectors()) + " sectors are bad";
  if (report.surplus_bytes > 0)
    text += ", " + std::to_string(report.surplus_bytes) + " bytes too many";
  return text;
}

}  // namespace

ParityRead read_parity_file(const ObjectReader& reader, const ObjectRef& object) {
  ParityRead read;
  const std::string name = parity_name(object_name(object));
  const auto size = reader.store.size(name);
  if (!size) {
    read.is_missing = true;
    read.why = "missing";
    return read;
  }
  if (*size > max_parity_bytes(object.length)) {
    read.why = "has an impossible size";
    return read;
  }
  try {
    Bytes bytes;
    bytes.reserve(static_cast<std::size_t>(*size));
    reader.stream(name, *size, *size, [&](std::uint64_t, ByteView piece) {
      bytes.insert(bytes.end(), piece.begin(), piece.end());
    });
    ParityFile file = ParityFile::parse(std::move(bytes));
    if (file.object_name() != object.name || file.object_length() != object.length) {
      read.why = "belongs to another object";
      return read;
    }
    if (!file.is_intact()) {
      read.why =
          "is damaged (" + std::to_string(file.bad_parity_sectors().size()) + " of its sectors)";
    }
    read.file = std::move(file);
  } catch (const Error& error) {
    if (!error.is_about_bytes()) throw;
    read.why = error.what();
  }
  return read;
}

std::optional<HealedObject> heal_in_memory(const ObjectReader& reader, const ObjectRef& object,
                                           const ParityFile& parity, std::string& why) {
  const std::string name = object_name(object);
  const auto size = reader.store.size(name);
  if (!size) return std::nullopt;
  HealedObject healed{*size, {}};
  try {
    const DamageReport report = scan(reader, name, *size, parity);
    why = told(report, parity);
    if (!report.healable) return std::nullopt;
    healed.sectors = rebuild(parity, report, [&](std::uint64_t sector, MutableByteView out) {
      reader.store.read(name, sector * kSector, out);
    });
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::damaged) throw;
    why = error.what();
    return std::nullopt;
  }
  if (!is_proved(reader, object, healed)) return std::nullopt;
  return healed;
}

ReadObject read_healed(const ObjectReader& reader, const ObjectRef& object,
                       const HealedObject& healed) {
  return [&reader, &object, &healed](std::uint64_t offset, MutableByteView out) {
    // Whole sectors, because a file that was cut short ends within one.
    const std::uint64_t first = offset / kSector * kSector;
    const std::uint64_t last =
        std::min(object.length, (offset + out.size() + kSector - 1) / kSector * kSector);
    if (offset + out.size() > last) throw_damaged("beyond the object's end");
    Bytes bytes(static_cast<std::size_t>(last - first));
    for (std::uint64_t at = first; at < last; at += kSector) {
      const MutableByteView sector =
          MutableByteView(bytes).subspan(static_cast<std::size_t>(at - first),
                                         static_cast<std::size_t>(std::min(kSector, last - at)));
      try {
        reader.store.read(object_name(object), at, sector);
      } catch (const Error& error) {  // a rebuilt one will cover it
        if (error.kind() != ErrorKind::damaged) throw;
      }
    }
    overlay(healed.sectors, first, bytes);
    const ByteView part =
        ByteView(bytes).subspan(static_cast<std::size_t>(offset - first), out.size());
    std::copy(part.begin(), part.end(), out.begin());
  };
}

}  // namespace coppice
