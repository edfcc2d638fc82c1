#include "restore/executor.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "restore/content_compare.h"
#include "restore/content_pass.h"
#include "restore/existing_entry.h"
#include "restore/extra_entries.h"
#include "restore/special_entry.h"

namespace coppice {
namespace {

using Entries = std::vector<PlannedEntry*>;

template <typename Wanted>
Entries pick(PlannedWindow& window, const Wanted& wanted) {
  Entries picked;
  for (PlannedEntry& entry : window.entries) {
    if (entry.action != EntryAction::settled && wanted(entry)) picked.push_back(&entry);
  }
  return picked;
}

void examine_all(RestoreContext& context, PlannedWindow& window) {
  run_parallel(context.tasks, window.entries.size(), [&](std::size_t i) {
    context.check_stop();
    PlannedEntry& entry = window.entries[i];
    // Whether another name is there already can be told only when the first one stands.
    if (!entry.is_later_name()) examine_entry(context, entry);
  });
}

void restore_specials(RestoreContext& context, PlannedWindow& window) {
  const Entries specials = pick(window, [](const PlannedEntry& entry) {
    return !entry.is_regular() && !entry.is_later_name();
  });
  run_parallel(context.tasks, specials.size(),
               [&](std::size_t i) { restore_special_entry(context, *specials[i]); });
}

void read_back(RestoreContext& context, PlannedEntry& entry) {
  context.check_stop();
  try {
    const SharedFd directory = context.directories.open(entry.directory);
    const Fd file =
        open_at(directory->get(), entry.node.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    // Advice only: what cannot leave the cache is compared as it lies there.
    (void)::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
    if (is_content_right(file.get(), entry.node, context.trees,
                         context.keyring.identity(ChunkClass::data))) {
      return;
    }
    context.findings.damaged("verify_failed", entry.path(),
                             "what was read back from the target is not what was written");
  } catch (const Error& error) {  // per item
    if (ends_restore(error)) throw;
    context.findings.partial("verify_failed", entry.path(), error.what());
  }
}

void read_back_all(RestoreContext& context, PlannedWindow& window) {
  Entries written;
  for (PlannedEntry& entry : window.entries) {
    if (entry.is_written) written.push_back(&entry);
  }
  if (written.empty()) return;
  if (::syncfs(context.directories.target()) != 0) throw system_error("syncfs the target", errno);
  run_parallel(context.tasks, written.size(),
               [&](std::size_t i) { read_back(context, *written[i]); });
}

void finish_directory(RestoreContext& context, const OutputDirectoryPtr& directory) {
  context.counters.dirs_restored.add();
  if (!directory->sets_metadata || context.options.dry_run) return;
  try {
    const SharedFd fd = context.directories.open(directory);
    context.findings.gather(apply_metadata(fd->get(), directory->metadata, context.apply_options()),
                            directory->path());
  } catch (const Error& error) {  // per item
    if (ends_restore(error)) throw;
    context.findings.partial("metadata_failed", directory->path(), error.what());
  }
}

}  // namespace

void restore_window(RestoreContext& context, PlannedWindow& window) {
  examine_all(context, window);
  ContentPass(context).run(pick(window, [](const PlannedEntry& entry) {
    return entry.is_regular() && !entry.is_later_name();
  }));
  restore_specials(context, window);
  for (PlannedEntry* entry :
       pick(window, [](const PlannedEntry& entry) { return entry.is_later_name(); })) {
    restore_later_name(context, *entry);
  }
  for (const ExtraEntry& extra : window.extras) remove_extra_entry(context, extra);
  if (context.options.verify) read_back_all(context, window);
  for (const OutputDirectoryPtr& directory : window.left) {
    finish_directory(context, directory);
    context.directories.forget(directory);
  }
  context.meter.tell({});
}

}  // namespace coppice
