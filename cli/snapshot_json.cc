#include "snapshot_json.h"

namespace coppice {

void set_summary(Json& object, const SnapshotSummary& summary) {
  object["files_new"] = summary.files_new;
  object["files_changed"] = summary.files_changed;
  object["files_unmodified"] = summary.files_unmodified;
  object["dirs_new"] = summary.dirs_new;
  object["dirs_changed"] = summary.dirs_changed;
  object["dirs_unmodified"] = summary.dirs_unmodified;
  object["data_blobs"] = summary.data_blobs;
  object["tree_blobs"] = summary.tree_blobs;
  object["data_added"] = summary.data_added;
  object["data_added_packed"] = summary.data_added_packed;
  object["total_files_processed"] = summary.total_files_processed;
  object["total_bytes_processed"] = summary.total_bytes_processed;
  object["total_duration"] = static_cast<double>(summary.duration_ms) / 1000;
  object["error_count"] = summary.error_count;
}

Json snapshot_json(const ListedSnapshot& snapshot) {
  const SnapshotRecord& record = snapshot.record;
  Json json;
  json["schema_version"] = kJsonSchemaVersion;
  json["time"] = format_rfc3339(record.time, record.utc_offset_minutes);
  json["parent"] = record.parent ? Json(record.parent->hex()) : Json(nullptr);
  json["tree"] = record.root.subtree->id.hex();
  set_names(json, "paths", record.paths);
  set_name(json, "hostname", record.host);
  set_name(json, "username", record.user);
  set_names(json, "tags", snapshot.tags);
  set_name(json, "program_version", record.program_version);
  json["is_time_given"] = record.is_time_given;
  json["is_imported"] = record.is_imported;
  json["is_incomplete"] = record.is_incomplete;
  json["lacks_trusted_xattrs"] = record.lacks_trusted_xattrs;
  json["log_entry"] = snapshot.number;
  json["summary"] = Json::object();
  set_summary(json["summary"], record.summary);
  json["id"] = snapshot.id.hex();
  json["short_id"] = snapshot.id.short_hex();
  return json;
}

}  // namespace coppice
