/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * hangar/hangar.h: the embedding API.  The command line, the daemon and other
 * programs use the core through this header only.
 *
 *     hangar_open ──► (any of the jobs below)* ──► hangar_close
 *
 * A job returns its status and a JSON document (text, UTF-8), the same that
 * `hangar --json` prints.  docs/json.md lists the fields.  A document begins
 * with "schema", whose number changes only when a field changes its meaning or
 * is removed.
 *
 * Ownership: the caller frees the document with hangar_free.  *json is set for
 * every status, because a failed job reports what it did, too; it is NULL when
 * memory ran out.  `json` itself may be NULL.
 *
 * Threads: a handle runs one job at a time; several handles are independent.
 * Only hangar_cancel may be called from any thread and from a signal handler.
 * The library starts threads during a job and ends them before it returns.
 * All signals are blocked in these threads.  The library does not raise SIGPIPE,
 * but libpq and TLS libraries may when they write to a closed socket: a program
 * that embeds hangar should ignore SIGPIPE.
 *
 * Memory: the first hangar_open replaces the allocator of the JSON library
 * jansson for the whole process (json_set_alloc_funcs), because jansson's
 * parser misreads its input when it runs out of memory.  The replacement calls
 * malloc and free, so that values which the program made earlier stay valid.  A
 * program that uses jansson itself must not replace the allocator again.
 */
#ifndef HANGAR_HANGAR_H
#define HANGAR_HANGAR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HANGAR_API __attribute__((visibility("default")))
#else
#define HANGAR_API
#endif

/* How a job ended; also the exit status of the command line. */
enum hangar_status {
    HANGAR_STATUS_DONE = 0,         /* done and checked */
    HANGAR_STATUS_FAILED = 1,       /* failed */
    HANGAR_STATUS_USAGE = 2,        /* wrong usage or configuration */
    HANGAR_STATUS_DEGRADED = 3,     /* done, but an optional part failed: a sink, a removal */
    HANGAR_STATUS_CORRUPT = 4,      /* corrupt or tampered data */
    HANGAR_STATUS_NOT_FOUND = 5,    /* no such backup, pipeline, plugin */
    HANGAR_STATUS_BUSY = 6,         /* another run holds the pipeline */
    HANGAR_STATUS_STALE = 7,        /* no good backup within the allowed age */
    HANGAR_STATUS_AUTH = 8,         /* login refused, or a secret that cannot be read */
    HANGAR_STATUS_INTERRUPTED = 130 /* cancelled */
};

/* The name of a status in documents: "done", "not_found"; static. */
HANGAR_API const char *hangar_status_name(enum hangar_status status);

/* An open configuration. */
struct hangar;

/* A line of the log.  `level` is 0 error, 1 warning, 2 info, 3 debug.  `event`
 * is a stable name ("backup.done") or NULL, `run` is the id of the run or NULL. */
struct hangar_log_line {
    uint32_t struct_size;
    uint32_t level;
    int64_t time_ms;
    const char *event;
    const char *run;
    const char *message;
    int64_t duration_ms; /* of the phase or job that ended with this event; -1: none did */
};

/* The progress of a job; reported four times a second. */
struct hangar_progress {
    uint32_t struct_size;
    uint32_t source_count;
    const char *job; /* "backup", "restore", "verify" */
    const char *pipeline;
    const char *step; /* "preparing", "copying", "finishing", or the activity of a plugin */
    int64_t elapsed_ms;
    uint64_t plain_bytes;    /* so far read from the sources or written to them */
    uint64_t stored_bytes;   /* so far written to one sink or read from it */
    uint64_t expected_bytes; /* plain_bytes at the end of the job; 0: unknown */
    uint64_t objects_done;
    uint64_t objects_total; /* 0: unknown */
    const struct hangar_progress_source {
        const char *name;
        uint64_t plain_bytes;
        uint64_t expected_bytes;
        int done;
    } *sources;
};

struct hangar_settings {
    uint32_t struct_size;    /* sizeof(struct hangar_settings) */
    uint32_t log_level;      /* the most detailed level to report, 0 to 3 */
    const char *config_file; /* NULL: ./backup.yaml, then /etc/hangar/backup.yaml */
    const char *plugin_dir;  /* NULL: the installed one */
    const char *state_dir;   /* NULL: $STATE_DIRECTORY, then ~/.local/state/hangar */
    /* The library calls them from its threads, one call at a time.  Their
     * arguments are valid until they return.  May be NULL. */
    void (*on_log)(void *arg, const struct hangar_log_line *line);
    void (*on_progress)(void *arg, const struct hangar_progress *progress);
    void *arg;
};

/* The version of the library, "0.1.0". */
HANGAR_API const char *hangar_version(void);

/*
 * Reads and checks the configuration and loads its plugins.  It makes no
 * connections.  *out is set also after a failure, for hangar_error, and must be
 * closed; it is NULL only when memory ran out.
 *
 * With config_file "" no configuration is read: the handle can only run
 * hangar_plugins.
 */
HANGAR_API enum hangar_status hangar_open(const struct hangar_settings *settings,
                                          struct hangar **out);
HANGAR_API void hangar_close(struct hangar *hangar);

/* Why the last job on this handle did not end with DONE: one or more lines, each
 * a complete message.  "" after DONE.  Valid until the next call on the handle. */
HANGAR_API const char *hangar_error(const struct hangar *hangar);

/* Cancels the running job, which ends soon with HANGAR_STATUS_INTERRUPTED.  Safe in a signal
 * handler.  It does not wake a callback of the caller that waits. */
HANGAR_API void hangar_cancel(struct hangar *hangar);

/* Frees a document; `json` may be NULL. */
HANGAR_API void hangar_free(char *json);

/* Checks everything that a backup needs: plugins, servers, client tools, sinks.
 * `hangar.check/1` */
HANGAR_API enum hangar_status hangar_check(struct hangar *hangar, char **json);

/* The names of the pipelines in the order of the file, NULL-terminated; valid
 * until hangar_close. */
HANGAR_API const char *const *hangar_pipelines(const struct hangar *hangar);

/* Runs a pipeline once.  `hangar.backup/1` */
HANGAR_API enum hangar_status hangar_backup(struct hangar *hangar, const char *pipeline,
                                            char **json);

/* The same with a request. */
struct hangar_backup_request {
    uint32_t struct_size;
    const char *pipeline;
    /* The caller tries again so long after a failure that can pass by itself, if no more than
     * `retry_within_ms` have passed then since the start: the document has "retry", and no alert
     * begins.  0: it does not. */
    int64_t retry_after_ms, retry_within_ms;
    /* The names of the sources to back up, NULL-terminated; NULL or empty: all.  A backup without
     * some sources is "partial": `latest`, the health and the rules of retention do not count
     * it. */
    const char *const *only;
    /* At most 16 words or KEY=VALUE, NULL-terminated, each of at most 128 letters, digits and
     * . _ : / @ + = -, with a letter or digit first; NULL: none */
    const char *const *tags;
};
HANGAR_API enum hangar_status
hangar_backup_with(struct hangar *hangar, const struct hangar_backup_request *request, char **json);

/* Lists the backups in the sinks, the newest first.  A NULL pipeline or sink means
 * all.  `hangar.list/1` */
HANGAR_API enum hangar_status hangar_list(struct hangar *hangar, const char *pipeline,
                                          const char *sink, char **json);

/* The same, of the backups that have a tag. */
struct hangar_list_request {
    uint32_t struct_size;
    const char *pipeline, *sink; /* NULL: all */
    const char *tag;             /* NULL: also those without a tag */
};
HANGAR_API enum hangar_status
hangar_list_with(struct hangar *hangar, const struct hangar_list_request *request, char **json);

/* Selects a backup. */
struct hangar_selection {
    uint32_t struct_size;
    const char *id;       /* an id, its unique beginning or end, or "latest" */
    const char *pipeline; /* NULL: the pipeline that has it, which must be the only one */
    const char *sink;     /* NULL: the first sink of the pipeline that has it whole */
};

/* Shows one backup with its manifest.  `hangar.show/1` */
HANGAR_API enum hangar_status hangar_show(struct hangar *hangar,
                                          const struct hangar_selection *which, char **json);

/* Reports for each pipeline and sink the last run, the newest backup and its age, and
 * the configuration with secrets masked.  `hangar.status/1` */
HANGAR_API enum hangar_status hangar_overview(struct hangar *hangar, char **json);

/* hangar_overview and hangar_alerts in one job that reads the sinks once, for programs that
 * repeat both.  Returns the document of hangar_overview.  A notification that fails is logged
 * and repeated by the next call. */
HANGAR_API enum hangar_status hangar_watch(struct hangar *hangar, char **json);

/* The last jobs (0: all that are remembered) of a pipeline (NULL: of all) on this machine, the
 * newest first.  Reads no sink.  `hangar.history/1` */
HANGAR_API enum hangar_status hangar_history(struct hangar *hangar, const char *pipeline,
                                             uint32_t last, char **json);

/* Compares the age of the newest good backup of a pipeline (NULL: of all), in each of
 * its sinks, with max_age.  HANGAR_STATUS_STALE: it is too old in a required sink;
 * DEGRADED: only in sinks that are not required.  `hangar.health/1` */
HANGAR_API enum hangar_status hangar_health(struct hangar *hangar, const char *pipeline,
                                            char **json);

/* Reports the jobs that the configuration schedules.  Makes no connections.
 * `hangar.plan/1` */
HANGAR_API enum hangar_status hangar_plan(struct hangar *hangar, char **json);

/* The first time after `after_ms` (milliseconds since 1970) that matches a cron schedule
 * in a time zone (NULL: of the machine); -1 when one of them is not valid.  Any thread
 * may call this. */
HANGAR_API int64_t hangar_next_time(const char *schedule, const char *zone, int64_t after_ms);

/* 1 if a time is in a window such as "sat,sun 22:00-06:00", else 0; 0 also when the
 * window or the zone is not valid.  Any thread may call this. */
HANGAR_API int hangar_in_window(const char *window, const char *zone, int64_t time_ms);

struct hangar_restore_request {
    uint32_t struct_size;
    uint32_t flags; /* HANGAR_REQUEST_... */
    struct hangar_selection backup;
    const char *const *only; /* names of sources, NULL-terminated; NULL: all */
    const char *const *set;  /* "SOURCE.OPTION=VALUE", NULL-terminated; NULL: none */
};

#define HANGAR_REQUEST_DRY_RUN 1u    /* report what the job would do, change nothing */
#define HANGAR_REQUEST_CLEAN 2u      /* replace the data of the target */
#define HANGAR_REQUEST_COMPARE 4u    /* read the restored data again and compare digests */
#define HANGAR_REQUEST_DISCONNECT 8u /* with CLEAN: end the sessions that block the swap */
#define HANGAR_REQUEST_CONTINUE                                                                    \
    32u                             /* go on after a part that the target refuses, and end with
                                      * DEGRADED; not with CLEAN */
#define HANGAR_REQUEST_NO_HOOKS 16u /* do not run before_restore and after_restore */

/* Restores a backup.  Without CLEAN a target that contains data is refused.  With CLEAN a
 * safety backup of the data is made first, and a target whose restore fails stays as it
 * was.  Every object is compared with the manifest; when that happens before a target is
 * changed, see `verify_first` in docs/configuration.md.  `hangar.restore/1` */
HANGAR_API enum hangar_status
hangar_restore(struct hangar *hangar, const struct hangar_restore_request *request, char **json);

enum hangar_verify_level {
    HANGAR_VERIFY_QUICK = 0, /* the manifest is valid, every object has its size */
    HANGAR_VERIFY_FULL = 1,  /* every byte is read, decoded and compared */
    HANGAR_VERIFY_DRILL = 2  /* and restored into throw-away servers, and compared there */
};

/* Verifies one backup, or with which->id "all" all backups, in which->sink, or in each
 * sink that has it.  `hangar.verify/1` */
HANGAR_API enum hangar_status hangar_verify(struct hangar *hangar,
                                            const struct hangar_selection *which,
                                            enum hangar_verify_level level, char **json);

/* Applies the retention rules of the sinks.  A NULL pipeline or sink means all.  With
 * HANGAR_REQUEST_DRY_RUN it only reports what it would do.  `hangar.prune/1` */
HANGAR_API enum hangar_status hangar_prune(struct hangar *hangar, const char *pipeline,
                                           const char *sink, uint32_t flags, char **json);

/* Protects a backup from retention and removal (`hold` not 0), or ends that (0), in
 * which->sink, or in each sink that has it.  `hangar.hold/1` */
HANGAR_API enum hangar_status
hangar_hold(struct hangar *hangar, const struct hangar_selection *which, int hold, char **json);
/* Removes a backup that is not held, whatever the retention rules are, from which->sink, or
 * from each sink that has it.  `hangar.remove/1` */
HANGAR_API enum hangar_status hangar_remove(struct hangar *hangar,
                                            const struct hangar_selection *which, char **json);

/* Copies a backup from which->sink to sink `to` of the same pipeline and compares every byte
 * with the manifest.  A backup that `to` has already is not changed, unless its manifest is
 * lost or damaged there: then it is repaired.  With which->id
 * "missing" it copies all backups that `to` does not have.  `hangar.copy/1` */
HANGAR_API enum hangar_status hangar_copy(struct hangar *hangar,
                                          const struct hangar_selection *which, const char *to,
                                          char **json);

/* Rebuilds what is lost or damaged of a backup, in which->sink or in each sink that has it, from
 * another sink of its pipeline, and RESTORE.txt and SHA256SUMS also from its manifest.  A file that
 * matches the manifest is never replaced.  CORRUPT: something could not be repaired.  With
 * HANGAR_REQUEST_DRY_RUN it only compares.  `hangar.repair/1` */
HANGAR_API enum hangar_status hangar_repair(struct hangar *hangar,
                                            const struct hangar_selection *which, uint32_t flags,
                                            char **json);

/* Writes all `size` bytes and returns 0; any other value ends the job with
 * HANGAR_STATUS_FAILED. */
typedef int (*hangar_write_fn)(void *arg, const void *data, size_t size);
/* Reads up to `size` bytes; returns their number, 0 at the end, -1 on failure. */
typedef long (*hangar_read_fn)(void *arg, void *data, size_t size);

/* Writes the plain bytes of one object and compares them with the manifest.  After a failure
 * the bytes that were written must not be used. */
HANGAR_API enum hangar_status hangar_cat(struct hangar *hangar,
                                         const struct hangar_selection *which, const char *object,
                                         hangar_write_fn write, void *arg);

/* Writes a backup as one tar.gz, which standard tools can unpack, and compares every
 * byte.  `hangar.export/1` */
HANGAR_API enum hangar_status hangar_export(struct hangar *hangar,
                                            const struct hangar_selection *which,
                                            hangar_write_fn write, void *arg, char **json);
/* Stores such a file in a sink (NULL: the first of the pipeline) and compares every byte.
 * `pipeline` must be that of the backup, or NULL.  `hangar.import/1` */
HANGAR_API enum hangar_status hangar_import(struct hangar *hangar, const char *pipeline,
                                            const char *sink, hangar_read_fn read, void *arg,
                                            char **json);

/* Checks for problems (a failed run, an old backup, little free space, ...) and notifies of
 * those that are new, those that are resolved and, in intervals, those that last.  With
 * HANGAR_REQUEST_DRY_RUN it notifies of nothing.  `hangar.alerts/1` */
HANGAR_API enum hangar_status hangar_alerts(struct hangar *hangar, uint32_t flags, char **json);

/* Reports a job ("backup", "verify", "drill") whose process ended without a result as failed:
 * to the notifiers, and a backup also in the history and the counters.  `why` is the error text.
 * For programs that run each job in a process of its own. */
HANGAR_API enum hangar_status hangar_report_crash(struct hangar *hangar, const char *job,
                                                  const char *pipeline, const char *why,
                                                  char **json);

/* Sends a test message through a notifier (NULL: through all).  `hangar.notify/1` */
HANGAR_API enum hangar_status hangar_notify(struct hangar *hangar, const char *notifier,
                                            char **json);

/* Lists the plugins that are installed (`name` NULL), or shows one with its options.
 * `hangar.plugins/1` */
HANGAR_API enum hangar_status hangar_plugins(struct hangar *hangar, const char *name, char **json);

/* A commented sample configuration; static. */
HANGAR_API const char *hangar_sample_config(void);

#ifdef __cplusplus
}
#endif
#endif
