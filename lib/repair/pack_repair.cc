#include <algorithm>
#include <utility>

#include "base/error.h"
#include "parity/parity_builder.h"
#include "repair/repair.h"
#include "repair/repair_plan.h"
#include "repair/replace_object.h"
#include "repair/twin_repair.h"
#include "repo/healing.h"
#include "repo/in_order.h"
#include "repo/keyless_log.h"
#include "repo/object_check.h"
#include "repo/object_names.h"
#include "repo/session_record.h"
#include "task/guarded.h"

/// `repair packs`: judge every file of the repository by its bytes, plan, tell, heal. Needs no key,
/// because names are hashes: what was rebuilt, or came from elsewhere, is proved by them.
namespace coppice {
namespace {

/// What one object turned out to be, here and, if it is beyond repair here, in the other store.
struct Judged {
  ObjectCheck here;
  ObjectCheck there;
};

class PackRepair {
 public:
  PackRepair(Store& store, Store* other, ThreadPool& pool, const RepairOptions& options,
             FindingSink& findings)
      : store_(store),
        other_(other),
        pool_(pool),
        options_(options),
        findings_(findings),
        reader_(make_reader(store)),
        other_reader_(make_reader(other != nullptr ? *other : store)) {}

  RepairResult run();
  /// The log, now healed, names objects that it did not name before.
  bool has_more_to_judge() const { return has_more_to_judge_; }

 private:
  ObjectReader make_reader(Store& store);
  void expect_known_version(const KeylessLog& log) const;
  std::vector<ObjectRef> objects_to_judge(const KeylessLog& log);
  Judged judge(const ObjectRef& object) const;
  void plan_object(const ObjectRef& object, const Judged& judged);
  void plan_from_side(const ObjectRef& object, const ObjectCheck& check);
  void plan_from_other(const ObjectRef& object, const Judged& judged);
  void plan_side(const ObjectRef& object, const std::string& why);
  std::uint64_t heal_by_parity(const ObjectReader& from, const ObjectRef& object);
  std::uint64_t write_parity(const ObjectRef& object);
  ParityGeometry geometry_for(const ObjectRef& object);
  bool is_same_session(const ObjectRef& object) const;

  Store& store_;
  Store* other_;
  ThreadPool& pool_;
  const RepairOptions& options_;
  FindingSink& findings_;
  Guarded<RepairProgress> progress_;
  const ObjectReader reader_;
  const ObjectReader other_reader_;
  std::optional<Id> repository_;
  std::vector<ObjectRef> with_parity_;
  bool has_more_to_judge_ = false;
  RepairPlan plan_;
  RepairResult result_;
};

ObjectReader PackRepair::make_reader(Store& store) {
  return {store, piece_bytes_for(pool_.threads()), options_.stop, [this](std::uint64_t bytes) {
            progress_.with([&](RepairProgress& progress) {
              progress.bytes_done += bytes;
              if (options_.on_progress) options_.on_progress(progress);
            });
          }};
}

void PackRepair::expect_known_version(const KeylessLog& log) const {
  if (!log.needs_newer_version()) return;
  throw Error(ErrorKind::newer_version,
              store_.description() +
                  ": the log was continued by a newer version of coppice, and what that means for "
                  "repairs cannot be judged: nothing was changed; use that version");
}

/// Live objects, packs before index objects before session records.
std::vector<ObjectRef> PackRepair::objects_to_judge(const KeylessLog& log) {
  std::vector<ObjectRef> objects;
  progress_.with([&](RepairProgress& progress) {
    for (const auto& [name, object] : log.objects().live()) {
      objects.push_back(object);
      ++progress.objects_total;
      progress.bytes_total += object.length;
      if (object.side == Side::parity) with_parity_.push_back(object);
    }
  });
  std::sort(objects.begin(), objects.end());
  return objects;
}

/// A record proves nothing about another repository's: it must be of this one.
bool PackRepair::is_same_session(const ObjectRef& object) const {
  for (const std::string& file : {object_name(object), copy_name(object_name(object))}) {
    try {
      const auto record = parse_session_record(other_->read_all(file, kMaxSessionRecordBytes));
      if (record.plain.box.session == object.name && record.file.size() == object.length &&
          record.plain.repository == repository_)
        return true;
    } catch (const Error& error) {  // per item
      if (!error.is_about_bytes()) throw;
    }
  }
  return false;
}

Judged PackRepair::judge(const ObjectRef& object) const {
  Judged judged;
  judged.here = check_object(reader_, object);
  const bool is_lost = judged.here.object != FileState::intact && !judged.here.is_healable;
  if (is_lost && other_ != nullptr) {
    ObjectRef there = object;
    if (object.kind == ObjectKind::session && !is_same_session(object)) {
      judged.there.object = FileState::missing;
      return judged;
    }
    judged.there = check_object(other_reader_, there);
  }
  return judged;
}

void PackRepair::plan_object(const ObjectRef& object, const Judged& judged) {
  const std::string file = object_name(object);
  if (judged.here.object == FileState::intact) {
    if (judged.here.side != FileState::intact) plan_side(object, judged.here.side_why);
    return;
  }
  if (judged.here.is_healable) return plan_from_side(object, judged.here);
  const bool is_there =
      other_ != nullptr && (judged.there.object == FileState::intact || judged.there.is_healable);
  if (is_there) return plan_from_other(object, judged);
  const auto finding = object_finding(object, judged.here);
  const std::string why =
      finding->message + (other_ != nullptr ? "; the other repository has no such file" : "");
  if (object.kind == ObjectKind::pack) {
    result_.lost_packs.push_back({object.name, why});
  } else {
    plan_.add_lost(file, why);
  }
}

void PackRepair::plan_from_side(const ObjectRef& object, const ObjectCheck& check) {
  const std::string file = object_name(object);
  if (object.side == Side::copy) {
    plan_.add(file, check.why + ": write it anew from its second copy", [this, object, file] {
      if (object.kind == ObjectKind::session) {
        const Bytes bytes = store_.read_all(copy_name(file), kMaxSessionRecordBytes);
        parse_session_record(bytes);
        store_.put(file, bytes);
        return object.length;
      }
      return replace_object(store_, file, object.name, object.length,
                            reader_of(store_, copy_name(file)));
    });
    return;
  }
  plan_.add(file, check.why + ": rebuild it from its parity",
            [this, object] { return heal_by_parity(reader_, object); });
  if (check.side != FileState::intact) plan_side(object, check.side_why);
}

std::uint64_t PackRepair::heal_by_parity(const ObjectReader& from, const ObjectRef& object) {
  const ParityRead parity = read_parity_file(from, object);
  if (!parity.file) throw_damaged("its parity file " + parity.why);
  std::string extent;
  const auto healed = heal_in_memory(from, object, *parity.file, extent);
  if (!healed) throw_damaged("parity cannot heal it any more (" + extent + ")");
  return replace_object(store_, object_name(object), object.name, object.length,
                        read_healed(from, object, *healed));
}

void PackRepair::plan_from_other(const ObjectRef& object, const Judged& judged) {
  const std::string file = object_name(object);
  const bool is_whole = judged.there.object == FileState::intact;
  plan_.add(file, judged.here.why + ": take it from the other repository",
            [this, object, file, is_whole] {
              if (!is_whole && object.side == Side::parity)
                return heal_by_parity(other_reader_, object);
              const std::string source = is_whole ? file : copy_name(file);
              if (object.kind == ObjectKind::session) {
                const Bytes bytes = other_->read_all(source, kMaxSessionRecordBytes);
                parse_session_record(bytes);
                store_.put(file, bytes);
                return object.length;
              }
              return replace_object(store_, file, object.name, object.length,
                                    reader_of(*other_, source));
            });
  if (judged.here.side != FileState::intact) plan_side(object, judged.here.side_why);
}

void PackRepair::plan_side(const ObjectRef& object, const std::string& why) {
  const std::string file = object_name(object);
  if (object.side == Side::parity) {
    plan_.add(parity_name(file), why + ": make it anew from the object",
              [this, object] { return write_parity(object); });
    return;
  }
  plan_.add(copy_name(file), why + ": write it anew from the object", [this, object, file] {
    if (object.kind == ObjectKind::session) {
      const Bytes bytes = store_.read_all(file, kMaxSessionRecordBytes);
      parse_session_record(bytes);
      store_.put(copy_name(file), bytes);
      return object.length;
    }
    return replace_object(store_, copy_name(file), object.name, object.length,
                          reader_of(store_, file));
  });
}

/// The repository's geometry is sealed. Whatever this object's parity file, or another one, says is
/// as good: each says its own.
ParityGeometry PackRepair::geometry_for(const ObjectRef& object) {
  const ParityRead own = read_parity_file(reader_, object);
  if (own.file) return own.file->geometry();
  for (const ObjectRef& each : with_parity_) {
    const ParityRead parity = read_parity_file(reader_, each);
    if (parity.file) return parity.file->geometry();
  }
  return {};
}

std::uint64_t PackRepair::write_parity(const ObjectRef& object) {
  const std::string file = object_name(object);
  ParityBuilder builder(geometry_for(object), object.length);
  Blake3Hasher hasher;
  const auto size = store_.size(file);
  if (size != object.length) throw_damaged("the object has changed meanwhile");
  reader_.stream(file, *size, object.length, [&](std::uint64_t, ByteView piece) {
    hasher.update(piece);
    builder.append(piece);
  });
  // Parity of damaged bytes would vouch for them.
  if (hasher.finish() != object.name) throw_damaged("the object is not what its name says");
  const Bytes parity = builder.finish(object.name);
  store_.put(parity_name(file), parity);
  return parity.size();
}

RepairResult PackRepair::run() {
  const TwinSources sources{store_, other_, options_.header_export};
  repository_ = plan_text_repair(sources, plan_);
  const KeylessLog log(store_, repository_);
  if (!log.first()) {
    throw Error(ErrorKind::no_repository,
                store_.description() +
                    " has no log: it is not a coppice repository, or nothing is left of it");
  }
  expect_known_version(log);
  plan_log_repair(sources, repository_, log, plan_);
  const std::vector<ObjectRef> objects = objects_to_judge(log);
  for_each_in_order(
      pool_, objects, [this](const ObjectRef& object) { return judge(object); },
      [this](const ObjectRef& object, const Judged& judged) {
        plan_object(object, judged);
        progress_.with([&](RepairProgress& progress) {
          ++progress.objects_done;
          progress.current = object_name(object);
          if (options_.on_progress) options_.on_progress(progress);
        });
      });
  plan_.carry_out(options_, result_, findings_);
  if (!log.is_complete() && result_.healed > 0 && !options_.is_dry_run)
    has_more_to_judge_ = KeylessLog(store_, repository_).objects().live() != log.objects().live();
  return std::move(result_);
}

}  // namespace

RepairResult repair_packs(Store& store, Store* other, ThreadPool& pool,
                          const RepairOptions& options, FindingSink& findings) {
  RepairResult all;
  // Where the log itself was completed, it may name objects that nobody has looked at yet.
  for (bool has_more = true; has_more;) {
    PackRepair repair(store, other, pool, options, findings);
    const RepairResult once = repair.run();
    all.planned += once.planned;
    all.healed += once.healed;
    all.lost = once.lost;
    all.bytes_written += once.bytes_written;
    all.lost_packs = once.lost_packs;
    has_more = repair.has_more_to_judge();
  }
  return all;
}

void report_lost_packs(RepairResult& result, bool is_refilled, FindingSink& findings) {
  for (const LostPack& pack : result.lost_packs) {
    findings.report({is_refilled ? Finding::Weight::healable : Finding::Weight::damaged,
                     is_refilled ? "healed" : "beyond_repair", pack_name(pack.name),
                     pack.why + (is_refilled ? "; but no snapshot lacks anything of it now" : "")});
  }
  (is_refilled ? result.healed : result.lost) += result.lost_packs.size();
  result.planned += is_refilled ? result.lost_packs.size() : 0;
}

}  // namespace coppice
