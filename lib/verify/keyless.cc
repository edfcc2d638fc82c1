#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "crypto/random.h"
#include "repo/in_order.h"
#include "repo/keyless_log.h"
#include "repo/log_reader.h"
#include "repo/object_check.h"
#include "repo/object_names.h"
#include "verify/file_checks.h"
#include "verify/log_check.h"
#include "verify/sample.h"
#include "verify/verify.h"
#include "verify/verify_report.h"

/// What a storage box can prove without any key (docs/design.md, section 8): that every byte is
/// what it was when it was written. Not that the writer was honest.
namespace coppice {
namespace {

bool is_there(Store& store) {
  return store.size(kHeaderName) || store.size(copy_name(kHeaderName)) ||
         LogReader(store).extent().last;
}

/// What should exist, packs of the sample only.
std::vector<ObjectRef> objects_to_read(const LiveObjects& objects, const VerifyOptions& options,
                                       VerifyResult& result) {
  std::vector<ObjectRef> packs;
  std::vector<ObjectRef> others;
  for (const auto& [name, object] : objects.live()) {
    (object.kind == ObjectKind::pack ? packs : others).push_back(object);
  }
  result.packs = packs.size();
  if (options.sample) packs = take_sample(std::move(packs), *options.sample, system_random());
  packs.insert(packs.end(), others.begin(), others.end());
  return packs;
}

/// Those that the sample leaves out must at least be there.
std::vector<ObjectRef> objects_to_see(const LiveObjects& objects,
                                      const std::vector<ObjectRef>& read) {
  std::set<Id> names;
  for (const ObjectRef& object : read) names.insert(object.name);
  std::vector<ObjectRef> rest;
  for (const auto& [name, object] : objects.live()) {
    if (!names.contains(name)) rest.push_back(object);
  }
  return rest;
}

/// Without a key nobody knows the geometry, so a parity file's size says nothing.
bool is_seen(Store& store, const ObjectRef& object) {
  const std::string name = object_name(object);
  if (store.size(name) != object.length) return false;
  if (object.side == Side::copy) return store.size(copy_name(name)) == object.length;
  return object.side == Side::none || store.size(parity_name(name)).has_value();
}

/// Reads objects. Of damage that a collector explains nothing is said: what it deleted is no
/// damage, and what it put in its place is read, too.
class ObjectReading {
 public:
  ObjectReading(Store& store, ThreadPool& pool, const ObjectReader& reader, ProgressMeter& progress)
      : store_(store), pool_(pool), reader_(reader), progress_(progress) {}

  void read(const std::vector<ObjectRef>& objects);
  /// Reads the log as often as it explains something.
  void look_anew(const std::optional<Id>& repository, LiveObjects known);
  void report(FindingSink& findings) const {
    for (const Hurt& each : hurt_) findings.report(each.finding);
  }

 private:
  static constexpr int kLooks = 5;
  struct Hurt {
    ObjectRef object;
    Finding finding;
  };

  Store& store_;
  ThreadPool& pool_;
  const ObjectReader& reader_;
  ProgressMeter& progress_;
  std::vector<Hurt> hurt_;
};

void ObjectReading::read(const std::vector<ObjectRef>& objects) {
  for_each_in_order(
      pool_, objects, [this](const ObjectRef& object) { return check_object(reader_, object); },
      [this](const ObjectRef& object, const ObjectCheck& check) {
        progress_.add_object(object_name(object));
        if (auto finding = object_finding(object, check))
          hurt_.push_back({object, std::move(*finding)});
      });
}

void ObjectReading::look_anew(const std::optional<Id>& repository, LiveObjects known) {
  for (int look = 0; look < kLooks && !hurt_.empty(); ++look) {
    const KeylessLog log(store_, repository);
    const auto explained = std::erase_if(
        hurt_, [&](const Hurt& each) { return log.objects().is_deleted(each.object.name); });
    if (explained == 0) return;
    std::vector<ObjectRef> added;
    for (const auto& [name, object] : log.objects().live()) {
      if (!known.is_live(name)) added.push_back(object);
    }
    for (const ObjectRef& object : added) progress_.expect(1, object.length);
    known = log.objects();
    read(added);
  }
}

}  // namespace

VerifyResult verify_keyless(Store& store, ThreadPool& pool, const VerifyOptions& options,
                            FindingSink& sink) {
  expect_head_syntax(options.expected_head);
  VerifyResult result;
  CountingSink findings(sink, result);
  ProgressMeter progress(options);
  const ObjectReader reader{store, piece_bytes_for(pool.threads()), options.stop,
                            [&progress](std::uint64_t bytes) { progress.add_bytes(bytes); }};
  if (!is_there(store)) {
    throw Error(ErrorKind::no_repository,
                store.description() +
                    " is not a coppice repository (it has neither a header "
                    "nor a log); is the target mounted?");
  }
  const std::optional<Id> repository = check_header(store, std::nullopt, findings);
  check_slots(store, repository, {}, findings);
  check_readme_and_reserve(store, findings);
  const KeylessLog log = read_settled_log(store, repository);
  report_log(log, nullptr, findings);
  check_head(store, log, repository, options.expected_head, findings);
  check_seen_head(store, log, repository, options.host_state, findings);

  std::vector<ObjectRef> objects = objects_to_read(log.objects(), options, result);
  for (const ObjectRef& object : objects) progress.expect(1, object.length);
  for (const ObjectRef& object : objects_to_see(log.objects(), objects)) {
    if (!is_seen(store, object)) objects.push_back(object);
  }
  ObjectReading reading(store, pool, reader, progress);
  reading.read(objects);
  reading.look_anew(repository, log.objects());
  reading.report(findings);
  note_unlogged_packs(store, log.objects(), findings);
  result.bytes_read = progress.bytes_read();
  return result;
}

}  // namespace coppice
