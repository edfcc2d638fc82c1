#include "support/crash_store.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace coppice::test {
namespace {

/// What may have become of a step that was not synced; torn and zeroed only of a write.
enum Fate { kKept, kLost, kTorn, kZeroed };

std::string directory_of(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string::npos ? "" : name.substr(0, slash);
}

/// The directory itself, its parent, and so on; not the root, which was there before.
std::vector<std::string> with_parents(std::string directory) {
  std::vector<std::string> all;
  for (; !directory.empty(); directory = directory_of(directory)) all.push_back(directory);
  return {all.rbegin(), all.rend()};
}

std::shared_ptr<const Bytes> after_fate(const std::shared_ptr<const Bytes>& file, int fate) {
  switch (fate) {
    case kLost:
      return std::make_shared<const Bytes>();
    case kTorn:
      return std::make_shared<const Bytes>(
          file->begin(), file->begin() + static_cast<std::ptrdiff_t>(file->size() / 2));
    case kZeroed:
      return std::make_shared<const Bytes>(file->size());
    default:
      return file;
  }
}

}  // namespace

class CrashStore::CrashUpload : public Store::Upload {
 public:
  explicit CrashUpload(CrashStore& store) : store_(store) {}

  void append(ByteView bytes) override { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  void read_back(std::uint64_t offset, MutableByteView out) override {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset) {
      throw Error(ErrorKind::failed, "read back beyond the end");
    }
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
  }
  std::uint64_t size() const override { return bytes_.size(); }
  void commit(const std::string& name) override {
    expect_object_name(name);
    const std::lock_guard lock(store_.mutex_);
    store_.publish(name, std::make_shared<const Bytes>(std::move(bytes_)));
  }

 private:
  CrashStore& store_;
  Bytes bytes_;
};

CrashStore::CrashStore(Contents start, Mutant mutant)
    : start_(std::move(start)), mutant_(mutant), now_(start_) {
  for (const auto& [name, file] : start_) {
    for (const std::string& directory : with_parents(directory_of(name)))
      start_directories_.insert(directory);
  }
  directories_ = start_directories_;
}

std::size_t CrashStore::steps() const {
  const std::lock_guard lock(mutex_);
  return steps_.size();
}

CrashStore::Contents CrashStore::contents() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

void CrashStore::record(Step::Kind kind, const std::string& name, Shared file) {
  steps_.push_back({kind, name, std::move(file)});
}

void CrashStore::make_directories(const std::string& name) {
  for (const std::string& directory : with_parents(directory_of(name))) {
    if (!directories_.insert(directory).second) continue;
    record(Step::Kind::make_directory, directory);
    if (mutant_ != Mutant::no_parent_sync)
      record(Step::Kind::sync_directory, directory_of(directory));
  }
}

/// The last file of a pack goes: until then the other one can heal it.
bool CrashStore::is_last_of_pack(const std::string& name) const {
  if (!name.starts_with("packs/")) return false;
  const std::string pack = name.substr(0, name.find('.'));
  const auto next = now_.lower_bound(pack);
  return next == now_.end() || !next->first.starts_with(pack);
}

/// As TemporaryFile::publish: write, fsync, directories, rename, fsync of the directory.
void CrashStore::publish(const std::string& name, Shared file) {
  if (mutant_ == Mutant::removes_before_replacing && now_.contains(name)) {
    record(Step::Kind::leave, name);
    record(Step::Kind::sync_directory, directory_of(name));
  }
  now_[name] = file;
  const bool is_late = (mutant_ == Mutant::packs_after_log && name.starts_with("packs/")) ||
                       (mutant_ == Mutant::log_after_removal && name.starts_with("log/"));
  if (is_late) {
    late_.emplace_back(name, std::move(file));
    return;
  }
  if (mutant_ == Mutant::log_after_removal) write_late();
  record(Step::Kind::write, name, file);
  if (mutant_ != Mutant::no_file_sync) record(Step::Kind::sync_file, name, file);
  make_directories(name);
  record(Step::Kind::enter, name, file);
  if (!kill_prefix_.empty() && name.starts_with(kill_prefix_)) {
    kill_prefix_.clear();
    throw Error(ErrorKind::interrupted, "killed");
  }
  // The mutant leaves out packs only: forgetting all of it would be found by the first test run.
  const bool is_left_out = mutant_ == Mutant::no_directory_sync && name.starts_with("packs/");
  if (!is_left_out) record(Step::Kind::sync_directory, directory_of(name));
  if (mutant_ == Mutant::packs_after_log && name.starts_with("log/")) write_late();
}

void CrashStore::write_late() {
  for (const auto& [name, file] : late_) {
    record(Step::Kind::write, name, file);
    record(Step::Kind::sync_file, name, file);
    make_directories(name);
    record(Step::Kind::enter, name, file);
    record(Step::Kind::sync_directory, directory_of(name));
  }
  late_.clear();
}

std::unique_ptr<Store::Upload> CrashStore::begin_upload() {
  return std::make_unique<CrashUpload>(*this);
}

bool CrashStore::put_if_absent(const std::string& name, ByteView bytes) {
  expect_object_name(name);
  const std::lock_guard lock(mutex_);
  if (now_.contains(name)) return false;
  publish(name, std::make_shared<const Bytes>(bytes.begin(), bytes.end()));
  return true;
}

std::optional<std::uint64_t> CrashStore::size(const std::string& name) {
  expect_object_name(name);
  const std::lock_guard lock(mutex_);
  const auto found = now_.find(name);
  if (found == now_.end()) return std::nullopt;
  return found->second->size();
}

void CrashStore::read(const std::string& name, std::uint64_t offset, MutableByteView out) {
  expect_object_name(name);
  Shared file;
  {
    const std::lock_guard lock(mutex_);
    const auto found = now_.find(name);
    if (found != now_.end()) file = found->second;
  }
  if (!file) throw_damaged(name + ": missing");
  if (offset > file->size() || out.size() > file->size() - offset) {
    throw_damaged(name + ": ends at " + std::to_string(file->size()));
  }
  std::copy_n(file->begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
}

std::vector<ObjectInfo> CrashStore::list(const std::string& prefix) {
  expect_list_prefix(prefix);
  const std::lock_guard lock(mutex_);
  std::vector<ObjectInfo> found;
  for (auto at = now_.lower_bound(prefix); at != now_.end(); ++at) {
    if (!at->first.starts_with(prefix)) break;
    found.push_back({at->first, at->second->size()});
  }
  return found;
}

void CrashStore::kill_before_sync(std::string prefix) {
  const std::lock_guard lock(mutex_);
  kill_prefix_ = std::move(prefix);
}

void CrashStore::make_durable(const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (mutant_ == Mutant::no_sync_of_adopted) return;
  record(Step::Kind::sync_directory, directory_of(name));
}

bool CrashStore::remove(const std::string& name) {
  expect_object_name(name);
  const std::lock_guard lock(mutex_);
  if (now_.erase(name) == 0) return false;
  record(Step::Kind::leave, name);
  if (mutant_ == Mutant::log_after_removal && is_last_of_pack(name)) write_late();
  return true;
}

/// The steps among the first `count` that a cut may undo.
std::vector<std::size_t> CrashStore::unsynced_after(std::size_t count) const {
  std::vector<std::size_t> unsynced;
  for (std::size_t at = 0; at < count; ++at) {
    const Step& step = steps_[at];
    switch (step.kind) {
      case Step::Kind::sync_file:
        std::erase_if(unsynced, [&](std::size_t other) {
          return steps_[other].kind == Step::Kind::write && steps_[other].file == step.file;
        });
        break;
      case Step::Kind::sync_directory:
        std::erase_if(unsynced, [&](std::size_t other) {
          return steps_[other].kind != Step::Kind::write &&
                 directory_of(steps_[other].name) == step.name;
        });
        break;
      default:
        unsynced.push_back(at);
    }
  }
  return unsynced;
}

CrashStore::Contents CrashStore::state(std::size_t count,
                                       const std::map<std::size_t, int>& fates) const {
  Contents contents = start_;
  std::set<std::string> directories = start_directories_;
  std::map<const Bytes*, int> files;  // fates of their bytes
  for (std::size_t at = 0; at < count; ++at) {
    const Step& step = steps_[at];
    const auto found = fates.find(at);
    const int fate = found == fates.end() ? kKept : found->second;
    if (step.kind == Step::Kind::write) files[step.file.get()] = fate;
    if (fate == kLost) continue;
    if (step.kind == Step::Kind::make_directory) directories.insert(step.name);
    if (step.kind == Step::Kind::leave) contents.erase(step.name);
    if (step.kind == Step::Kind::enter)
      contents[step.name] = after_fate(step.file, files[step.file.get()]);
  }
  std::erase_if(contents, [&](const auto& object) {
    const std::vector<std::string> needed = with_parents(directory_of(object.first));
    return !std::all_of(needed.begin(), needed.end(),
                        [&](const std::string& each) { return directories.contains(each); });
  });
  return contents;
}

std::vector<CrashStore::Contents> CrashStore::states_after(std::size_t count, std::size_t limit,
                                                           std::mt19937_64& random,
                                                           std::uint64_t& legal) const {
  const std::lock_guard lock(mutex_);
  const std::vector<std::size_t> unsynced = unsynced_after(count);
  const auto fates_of = [&](std::size_t at) {
    return steps_[at].kind == Step::Kind::write ? std::uint64_t{4} : std::uint64_t{2};
  };
  double combinations = 1;
  for (const std::size_t at : unsynced) combinations *= static_cast<double>(fates_of(at));
  const bool is_sampled = combinations > static_cast<double>(limit);
  const auto total = is_sampled ? limit : static_cast<std::size_t>(combinations);
  std::vector<Contents> states;
  for (std::size_t n = 0; n < total; ++n) {
    std::map<std::size_t, int> fates;
    std::uint64_t rest = !is_sampled ? n : n == 0 ? 0 : random();
    for (const std::size_t at : unsynced) {
      fates[at] = static_cast<int>(rest % fates_of(at));
      rest /= fates_of(at);
      if (is_sampled && rest == 0 && n != 0) rest = random();
    }
    states.push_back(state(count, fates));
  }
  legal += states.size();
  return states;
}

std::string CrashStore::describe(std::size_t count) const {
  const std::lock_guard lock(mutex_);
  if (count == 0 || count > steps_.size()) return "before the first step";
  static const std::map<Step::Kind, std::string> kWords = {
      {Step::Kind::write, "write "},
      {Step::Kind::sync_file, "sync "},
      {Step::Kind::make_directory, "make directory "},
      {Step::Kind::sync_directory, "sync directory "},
      {Step::Kind::enter, "name "},
      {Step::Kind::leave, "remove "}};
  const Step& step = steps_[count - 1];
  return "step " + std::to_string(count) + ": " + kWords.at(step.kind) + step.name;
}

}  // namespace coppice::test
