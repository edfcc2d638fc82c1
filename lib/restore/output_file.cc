#include "restore/output_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "fs/apply.h"
#include "fs/inode_flags.h"
#include "restore/existing_entry.h"

namespace coppice {
namespace {

constexpr std::size_t kZeroBytes = 1 << 16;

/// Makes a range of an existing file a hole, or zeros where the file system has no holes.
void clear_range(int fd, Extent range) {
  if (::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(range.offset),
                  static_cast<off_t>(range.length)) == 0) {
    return;
  }
  const Bytes zeros(kZeroBytes);
  while (range.length > 0) {
    const std::uint64_t length = std::min<std::uint64_t>(range.length, kZeroBytes);
    write_at(fd, ByteView(zeros).first(static_cast<std::size_t>(length)), range.offset);
    range.offset += length;
    range.length -= length;
  }
}

void set_size(int fd, std::uint64_t size) {
  if (::ftruncate(fd, static_cast<off_t>(size)) != 0) throw system_error("set file size", errno);
}

}  // namespace

void OutputFile::expect_piece(std::uint64_t end) {
  state_.with([&](State& state) {
    ++state.expected;
    state.data_end = std::max(state.data_end, end);
  });
}

bool OutputFile::end_planning() {
  return state_.with([](State& state) {
    state.is_planned = true;
    return state.is_complete();
  });
}

void OutputFile::lose_range(std::uint64_t offset, std::uint64_t length) {
  state_.with([&](State& state) {
    if (state.lost_bytes == 0 || offset < state.first_lost) state.first_lost = offset;
    state.lost_bytes += length;
  });
}

void OutputFile::lose_piece(std::uint64_t offset, std::uint64_t length) {
  lose_range(offset, length);
  settle(1, 0, false);
}

void OutputFile::write(std::span<const Fragment> fragments, std::size_t pieces) {
  const int fd = acquire(pieces);
  std::uint64_t bytes = 0;
  if (fd >= 0) {
    try {
      for (const Fragment& fragment : fragments) {
        write_at(fd, fragment.bytes, fragment.offset);
        bytes += fragment.bytes.size();
      }
    } catch (const Error& error) {  // per item
      state_.with([&](State& state) { fail(state, error); });
    }
  }
  settle(pieces, bytes, fd >= 0);
}

/// The descriptor, in use until `settle`; -1 if the file cannot be written.
int OutputFile::acquire(std::size_t pieces) {
  return state_.with([&](State& state) {
    if (state.has_failed) return -1;
    if (!state.fd.is_open()) {
      try {
        open(state, state.is_planned && state.expected == pieces);
      } catch (const Error& error) {  // per item
        fail(state, error);
        return -1;
      }
    }
    ++state.users;
    return state.fd.get();
  });
}

void OutputFile::settle(std::size_t pieces, std::uint64_t bytes, bool used) {
  context_.counters.bytes_restored.add(bytes);
  context_.meter.add_bytes(bytes);
  state_.with([&](State& state) {
    state.settled += pieces;
    state.written_bytes += bytes;
    if (used) --state.users;
    if (state.is_complete()) return finish_locked(state);
    if (state.users > 0 || context_.open_files.value() <= context_.max_open_files) return;
    try {
      close(state);
    } catch (const Error& error) {  // per item
      fail(state, error);
    }
  });
}

void OutputFile::open(State& state, bool is_whole_at_once) {
  if (!state.is_begun) return begin(state, is_whole_at_once);
  const SharedFd directory = context_.directories.open(entry_.directory);
  Fd fd = open_at(directory->get(), written_name().c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  const Metadata facts = stat_fd(fd.get());
  if (facts.inode != state.inode || facts.device != state.device) {
    throw Error(ErrorKind::failed, "another file took its place while it was restored");
  }
  state.fd = std::move(fd);
  context_.open_files.add(1);
}

void OutputFile::begin(State& state, bool is_whole_at_once) {
  const bool is_update = entry_.action == EntryAction::update;
  Fd fd = is_update ? open_existing() : create(state);
  state.is_begun = true;
  context_.open_files.add(1);
  state.fd = std::move(fd);
  if (is_update) {
    // Until the content is whole nobody else may read or run it: set-id bits go too.
    if (::fchmod(state.fd.get(), S_IRUSR | S_IWUSR) != 0) throw system_error("chmod", errno);
    for (const Extent& hole : entry_.update->holes) clear_range(state.fd.get(), hole);
  } else if ((entry_.node.meta.flags & kCreationFlags) != 0) {
    apply_creation_flags(state.fd.get(), entry_.node.meta);
  }
  const std::uint64_t size = entry_.node.meta.size;
  if (is_whole_at_once && !is_update && state.data_end == size) return;
  set_size(state.fd.get(), size);
  const Metadata facts = stat_fd(state.fd.get());  // should it have to be opened again
  state.device = facts.device;
  state.inode = facts.inode;
}

Fd OutputFile::create(State&) {
  if (entry_.action == EntryAction::replace) temporary_name_ = context_.make_temporary_name();
  const SharedFd directory = context_.directories.open(entry_.directory);
  return open_at(directory->get(), written_name().c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
                 S_IRUSR | S_IWUSR);
}

Fd OutputFile::open_existing() const {
  const SharedFd directory = context_.directories.open(entry_.directory);
  Fd fd = open_for_update(directory->get(), entry_.node.name.c_str());
  const Metadata facts = stat_fd(fd.get());
  if (facts.inode != entry_.update->inode || facts.device != entry_.update->device ||
      facts.links != 1) {
    throw Error(ErrorKind::failed, "the file was exchanged while it was restored");
  }
  return fd;
}

void OutputFile::close(State& state) {
  if (!state.fd.is_open()) return;
  context_.open_files.subtract(1);
  state.fd.close();
}

void OutputFile::fail(State& state, const Error& error) {
  if (ends_restore(error)) throw error;
  if (state.has_failed) return;
  state.has_failed = true;
  context_.findings.partial("write_failed", entry_.path(), error.what());
}

void OutputFile::finish() {
  state_.with([&](State& state) { finish_locked(state); });
}

void OutputFile::finish_locked(State& state) {
  try {
    if (!state.has_failed && state.lost_bytes == 0) finish_whole(state);
  } catch (const Error& error) {  // per item
    fail(state, error);
  }
  if (state.has_failed || state.lost_bytes > 0) finish_incomplete(state);
  const std::uint64_t size = entry_.node.meta.size;
  context_.meter.add_file(size - std::min(size, state.written_bytes));
}

void OutputFile::finish_whole(State& state) {
  if (!state.fd.is_open()) open(state, true);
  set_metadata(state.fd.get());
  close(state);
  if (entry_.link) entry_.link->state = LinkSource::State::restored;
  entry_.is_written = true;
  context_.counters.files_restored.add();
}

/// Sets the metadata and gives the file its name; flags come last, because an immutable file cannot
/// be renamed.
void OutputFile::set_metadata(int fd) {
  const Metadata& wanted = entry_.node.meta;
  ApplyOptions options = context_.apply_options();
  options.flags = temporary_name_.empty();
  MetadataProblems problems = apply_metadata(fd, wanted, options);
  if (!temporary_name_.empty()) {
    const SharedFd directory = context_.directories.open(entry_.directory);
    rename_over(directory->get(), temporary_name_, entry_.node.name);
    temporary_name_.clear();
    set_project_id(fd, wanted.project_id, problems);
    set_inode_flags(fd, wanted.flags, problems);
  }
  if (!problems.empty()) context_.findings.gather(problems, entry_.path());
}

void OutputFile::finish_incomplete(State& state) {
  if (entry_.link) {
    entry_.link->state =
        state.lost_bytes > 0 ? LinkSource::State::damaged : LinkSource::State::failed;
  }
  context_.counters.files_skipped.add();
  if (state.lost_bytes > 0) {
    context_.findings.report_once(
        {Finding::Weight::damaged, "content_damaged", entry_.path(),
         std::to_string(state.lost_bytes) + " of " + std::to_string(entry_.node.meta.size) +
             " bytes are lost, from byte " + std::to_string(state.first_lost) + " on"});
  }
  if (!state.is_begun) return;
  std::string kept;
  try {
    close(state);
    kept = keep_incomplete(state);
  } catch (const Error& error) {  // per item
    fail(state, error);
  }
  if (!kept.empty()) {
    context_.findings.note("incomplete_kept", entry_.path(),
                           "what could be restored is in " + escape_for_display(kept));
  }
}

/// Puts aside or removes what was written; the name under which some of it remains, or nothing.
std::string OutputFile::keep_incomplete(const State& state) {
  if (entry_.action == EntryAction::update) return entry_.node.name + ", mixed with older content";
  const SharedFd directory = context_.directories.open(entry_.directory);
  std::string aside = entry_.node.name + ".incomplete";
  const char* written = written_name().c_str();
  if (!state.has_failed && state.written_bytes > 0 &&
      ::renameat2(directory->get(), written, directory->get(), aside.c_str(), RENAME_NOREPLACE) ==
          0) {
    return aside;
  }
  if (::unlinkat(directory->get(), written, 0) != 0) throw call_error("remove", written, errno);
  return {};
}

}  // namespace coppice
