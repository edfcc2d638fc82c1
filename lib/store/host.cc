#include "store/host.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>

#include "base/bytes.h"
#include "base/error.h"
#include "fs/fd.h"

namespace coppice {
namespace {

constexpr std::size_t kHashDigits = 16;

std::string this_host() {
  std::array<std::uint8_t, 64> buffer{};
  const OpenResult machine_id = try_open_at(AT_FDCWD, "/etc/machine-id", O_RDONLY);
  if (machine_id.fd.is_open()) {
    const std::size_t size = read_up_to(machine_id.fd.get(), buffer);
    if (size > 1) return name_hash(as_text(ByteView(buffer).first(size)));
  }
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) throw system_error("gethostname", errno);
  return name_hash(name.data());
}

}  // namespace

std::string name_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a's offset basis and prime
  for (const std::uint8_t byte : as_bytes(text)) hash = (hash ^ byte) * 0x100000001b3;
  std::array<std::uint8_t, kHashDigits / 2> bytes{};
  for (std::uint8_t& byte : bytes) {
    byte = static_cast<std::uint8_t>(hash >> 56);
    hash <<= 8;
  }
  return to_hex(bytes);
}

std::string make_temporary_name() {
  std::array<std::uint8_t, 8> random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    throw system_error("getrandom", errno);
  }
  return this_host() + "-" + std::to_string(::getpid()) + "-" + to_hex(random);
}

bool may_be_stale(std::string_view name) {
  if (!name.starts_with(this_host() + "-")) return false;
  name.remove_prefix(kHashDigits + 1);
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  if (error != std::errc() || pid <= 0 ||
      !name.substr(static_cast<std::size_t>(end - name.data())).starts_with('-')) {
    return false;
  }
  // Where two mounts of one target do not exclude each other's flock (sshfs), the process table
  // still protects the uploads of this host.
  return pid == ::getpid() || (::kill(pid, 0) != 0 && errno == ESRCH);
}

}  // namespace coppice
