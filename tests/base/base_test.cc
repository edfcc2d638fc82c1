#include <doctest/doctest.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/stop.h"
#include "base/text.h"
#include "base/units.h"

using namespace coppice;

namespace {

ErrorKind kind_of_read(const Bytes& bytes) {
  try {
    ByteReader in(bytes);
    in.varint();
  } catch (const Error& error) {
    return error.kind();
  }
  return ErrorKind::usage;
}

}  // namespace

TEST_CASE("numbers are written little-endian and come back") {
  ByteWriter out;
  out.u8(0xAB);
  out.u32(0x01020304);
  out.u64(0x1122334455667788);
  out.varint(300);
  out.svarint(-3);
  out.text("name");
  CHECK(to_hex(out.bytes()) == "ab040302018877665544332211ac0205046e616d65");
  ByteReader in(out.bytes());
  CHECK(in.u8() == 0xAB);
  CHECK(in.u32() == 0x01020304);
  CHECK(in.u64() == 0x1122334455667788);
  CHECK(in.varint() == 300);
  CHECK(in.svarint() == -3);
  CHECK(in.text(10, "name") == "name");
  in.expect_end();
}

TEST_CASE("numbers at the edges of their range survive") {
  for (const std::uint64_t value :
       {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128}, UINT64_MAX}) {
    ByteWriter out;
    out.varint(value);
    out.svarint(static_cast<std::int64_t>(value));
    ByteReader in(out.bytes());
    CHECK(in.varint() == value);
    CHECK(in.svarint() == static_cast<std::int64_t>(value));
    CHECK(in.at_end());
  }
}

TEST_CASE("a number that is cut, too long, too large or not in its shortest form is damage") {
  CHECK(kind_of_read({}) == ErrorKind::damaged);
  CHECK(kind_of_read({0x80}) == ErrorKind::damaged);
  CHECK(kind_of_read({0x80, 0x00}) == ErrorKind::damaged);
  CHECK(kind_of_read(Bytes(11, 0xFF)) == ErrorKind::damaged);
  CHECK(kind_of_read({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02}) ==
        ErrorKind::damaged);
}

TEST_CASE("a count cannot promise more than the bytes that follow") {
  ByteWriter out;
  out.varint(1000);
  out.raw(Bytes(999));
  ByteReader in(out.bytes());
  CHECK_THROWS_AS(in.count(1, UINT64_MAX, "list"), Error);
  ByteReader again(out.bytes());
  CHECK_THROWS_AS(again.counted(UINT64_MAX, "bytes"), Error);
}

TEST_CASE("names for the terminal cannot move the cursor or forge a line") {
  CHECK(escape_for_display("plain ünïcode") == "plain ünïcode");
  CHECK(escape_for_display("a\nb\tc\\d") == "a\\nb\\tc\\\\d");
  CHECK(escape_for_display("\x1b[2J") == "\\x1b[2J");
  CHECK(escape_for_display("\xff\xc0\x80") == "\\xff\\xc0\\x80");
  CHECK(escape_for_display("\xc2\x9b") == "\\xc2\\x9b");
  CHECK(is_utf8("ok"));
  CHECK_FALSE(is_utf8("\xed\xa0\x80"));  // a surrogate
}

TEST_CASE("base64 and hex are canonical") {
  for (const std::string_view text : {"", "f", "fo", "foo", "foob"}) {
    std::string back;
    CHECK(from_base64(to_base64(text), back));
    CHECK(back == text);
  }
  std::string out;
  CHECK_FALSE(from_base64("Zm9=", out));
  CHECK_FALSE(from_base64("Zm9v=", out));
  std::array<std::uint8_t, 2> bytes{};
  CHECK(from_hex("00ff", bytes));
  CHECK_FALSE(from_hex("00FF", bytes));
  CHECK_FALSE(from_hex("00f", bytes));
}

TEST_CASE("times are told with nanoseconds and offset, also before 1970") {
  CHECK(format_rfc3339({0, 5}, 0) == "1970-01-01T00:00:00.000000005+00:00");
  CHECK(format_rfc3339({-1, 999'999'999}, 90) == "1970-01-01T01:29:59.999999999+01:30");
  CHECK(format_rfc3339({4294967296, 0}, -300) == "2106-02-07T01:28:16.000000000-05:00");
  CHECK(format_for_people({951782400, 0}, 0) == "2000-02-29 00:00:00");
}

TEST_CASE("sizes are told in binary units") {
  CHECK(format_size(1023) == "1023 B");
  CHECK(format_size(1536) == "1.5 KiB");
  CHECK(format_size(1024 * kMiB) == "1.0 GiB");
}

TEST_CASE("an error keeps its kind and gains context from outside in") {
  const Error inner(ErrorKind::damaged, "cut short");
  const Error outer = inner.within("block 7").within("pack 3f2a");
  CHECK(outer.kind() == ErrorKind::damaged);
  CHECK(std::string(outer.what()) == "pack 3f2a: block 7: cut short");
  CHECK(exit_code(ErrorKind::newer_version) == 17);
  CHECK(system_error("write", ENOSPC).kind() == ErrorKind::no_space);
}

TEST_CASE("a secret that was moved from holds nothing") {
  Secret32 secret(Bytes(32, 7));
  const Secret32 moved = std::move(secret);
  CHECK(moved.view()[0] == 7);
  CHECK(secret.view()[0] == 0);  // NOLINT(bugprone-use-after-move): that is what is tested
}

TEST_CASE("a stop that was requested is thrown at the next look") {
  StopFlag stop;
  stop.check();
  stop.request(15);
  CHECK(stop.signal_number() == 15);
  CHECK_THROWS_AS(stop.check(), Error);
}
