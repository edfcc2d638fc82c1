#pragma once
#include <cstdint>

namespace coppice {

/// How many sectors a Reed-Solomon code word holds: `data` sectors of the object, `parity` sectors
/// of the side file. Any `parity` bad sectors of one word can be rebuilt (docs/format.md, parity).
///
/// The default, 247 + 8, for a pack of 64 MiB (16384 data sectors, 67 words interleaved, 536 parity
/// sectors):
///  - one burst: 8 x 67 = 536 neighbouring bad sectors put at most 8 into each word; 3 % of the
///  pack are 492.
///  - random damage: let every sector of pack and side file be bad with p = 0.003, independently.
///  36 words have
///    253 sectors in use (245 + 8), 31 have 252. A word is lost if more than 8 of its sectors are
///    bad: P(Binomial(253, p) > 8) = 1.03e-7, all 67 words together 6.82e-6. The side file is
///    useless if all three copies of one of its 34 header pages are bad: 34 x p^3 = 0.92e-6.
///    Together 7.7e-6 < 1e-5. (With two copies of the pages it would be 34 x p^2 = 3e-4: hence
///    three.)
struct ParityGeometry {
  static constexpr std::uint32_t kSectorBytes = 4096;
  static constexpr unsigned kMaxSectorsPerWord = 255;

  unsigned data = 247;
  unsigned parity = 8;

  /// The geometry in which a burst of `percent` percent of an object's sectors heals: parity =
  /// ceil(255 p / (100 + p)), data = 255 - parity. Throws Error{usage} unless 1 <= percent <= 50.
  static ParityGeometry from_percent(unsigned percent);

  /// 1 or more of each, and no more than 255 together.
  bool is_valid() const {
    return data >= 1 && parity >= 1 && data < kMaxSectorsPerWord && parity < kMaxSectorsPerWord &&
           data + parity <= kMaxSectorsPerWord;
  }
  bool operator==(const ParityGeometry&) const = default;
};

/// Longest object that may be protected: no size computed from a header can then overflow.
inline constexpr std::uint64_t kMaxParityObjectBytes = std::uint64_t{1} << 40;

/// Where everything lies in the side file of an object: header pages, parity sectors, then the same
/// pages twice more. Pure arithmetic; all of it follows from the two arguments. Requires a valid
/// geometry and object_length <= kMaxParityObjectBytes.
class ParityLayout {
 public:
  static constexpr unsigned kCopies = 3;  ///< of every header page
  static constexpr std::uint32_t kPageBytes = ParityGeometry::kSectorBytes;
  static constexpr std::uint32_t kPageHeaderBytes = 64;
  static constexpr std::uint32_t kPageChecksumBytes = 32;
  static constexpr std::uint32_t kChecksumBytes = 8;  ///< of one sector
  static constexpr std::uint32_t kTableBytesPerPage =
      kPageBytes - kPageHeaderBytes - kPageChecksumBytes;

  ParityLayout(ParityGeometry geometry, std::uint64_t object_length);

  ParityGeometry geometry() const { return geometry_; }
  std::uint64_t object_length() const { return object_length_; }
  std::uint64_t data_sectors() const { return data_sectors_; }
  std::uint64_t code_words() const { return code_words_; }
  std::uint64_t parity_sectors() const { return code_words_ * geometry_.parity; }
  /// One checksum per data sector, then one per parity sector.
  std::uint64_t table_bytes() const { return (data_sectors_ + parity_sectors()) * kChecksumBytes; }
  /// Pages in one copy of the header; at least 1.
  std::uint64_t pages() const { return pages_; }
  std::uint64_t file_bytes() const {
    return (kCopies * pages_ + parity_sectors()) * ParityGeometry::kSectorBytes;
  }

  /// Requires copy < kCopies, page < pages().
  std::uint64_t page_offset(unsigned copy, std::uint64_t page) const;
  /// Requires sector < parity_sectors().
  std::uint64_t parity_offset(std::uint64_t sector) const {
    return (pages_ + sector) * ParityGeometry::kSectorBytes;
  }

  /// Data sector i is at position position_of(i) of code word word_of(i): neighbours are in
  /// different words.
  std::uint64_t word_of(std::uint64_t data_sector) const { return data_sector % code_words_; }
  unsigned position_of(std::uint64_t data_sector) const {
    return static_cast<unsigned>(data_sector / code_words_);
  }
  /// The parity sector that holds row `row` of a code word.
  std::uint64_t parity_sector_of(std::uint64_t word, unsigned row) const {
    return row * code_words_ + word;
  }
  /// Bytes of the object in a data sector: kSectorBytes, or less in the last one.
  std::uint32_t bytes_in(std::uint64_t data_sector) const;

 private:
  ParityGeometry geometry_;
  std::uint64_t object_length_;
  std::uint64_t data_sectors_;
  std::uint64_t code_words_;
  std::uint64_t pages_;
};

/// Size of the side file of an object; the requirements are those of ParityLayout.
std::uint64_t parity_file_size(ParityGeometry geometry, std::uint64_t object_length);

}  // namespace coppice
