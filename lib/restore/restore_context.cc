#include "restore/restore_context.h"

#include <unistd.h>

#include "fs/write_file.h"

namespace coppice {

void RestoreMeter::set_totals(std::uint64_t files, std::uint64_t bytes) {
  state_.with([&](State& state) {
    state.progress.files_total = files;
    state.progress.bytes_total = bytes;
  });
}

void RestoreMeter::add_bytes(std::uint64_t bytes) {
  state_.with([&](State& state) { state.progress.bytes_done += bytes; });
}

void RestoreMeter::add_file(std::uint64_t bytes_settled) {
  state_.with([&](State& state) {
    ++state.progress.files_done;
    state.progress.bytes_done += bytes_settled;
  });
}

void RestoreMeter::tell(const std::string& current_path) {
  state_.with([&](State& state) {
    if (!state.tell) return;
    state.progress.current_path = current_path;
    state.tell(state.progress);
  });
}

std::string RestoreContext::make_temporary_name() {
  return kTemporaryPrefix + std::to_string(getpid()) + "-" + std::to_string(temporary_names.add());
}

}  // namespace coppice
