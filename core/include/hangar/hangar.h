/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * hangar/hangar.h: the embedding API.  The command line, the daemon and other
 * programs do everything through it, and see nothing else of the core.
 *
 *     hangar_open ──► (any of the jobs below)* ──► hangar_close
 *
 * Results are JSON documents (text, UTF-8), the same that `hangar --json`
 * prints; docs/json.md lists their fields.  Each begins with "schema", whose
 * number changes only when a field changes its meaning or goes away.
 *
 * Ownership: a document given through `char **json` is the caller's, who frees
 * it with hangar_free.  It is set, or NULL, whatever the status; a failed job
 * still reports what it did.  `json` may be NULL.
 *
 * Threads: one job at a time per handle; several handles are independent.
 * hangar_cancel alone may be called from any thread and from signal handlers.
 * The library starts threads during a job and has ended them when it returns.
 * It blocks all signals in them, and ignores SIGPIPE only by never raising it:
 * a program that embeds it should ignore SIGPIPE, as libpq and TLS libraries
 * may write to closed sockets.
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
    HANGAR_STATUS_DONE = 0,         /* done, and checked */
    HANGAR_STATUS_FAILED = 1,       /* failed */
    HANGAR_STATUS_USAGE = 2,        /* wrong usage or configuration */
    HANGAR_STATUS_DEGRADED = 3,     /* done, but an optional part failed: a sink, tidying up */
    HANGAR_STATUS_CORRUPT = 4,      /* corrupt or tampered data */
    HANGAR_STATUS_NOT_FOUND = 5,    /* no such backup, pipeline, plugin */
    HANGAR_STATUS_BUSY = 6,         /* another run holds the pipeline */
    HANGAR_STATUS_STALE = 7,        /* no good backup within the allowed age */
    HANGAR_STATUS_AUTH = 8,         /* authentication, or a secret that cannot be read */
    HANGAR_STATUS_INTERRUPTED = 130 /* cancelled */
};

/* What documents call it: "done", "not_found"; static. */
HANGAR_API const char *hangar_status_name(enum hangar_status status);

/* An open configuration. */
struct hangar;

/* A line of the log.  `level` is 0 error, 1 warning, 2 info, 3 debug.  `event`
 * is a stable name ("backup.done") or NULL; `run` the run's id or NULL. */
struct hangar_log_line {
    uint32_t struct_size;
    uint32_t level;
    int64_t time_ms;
    const char *event;
    const char *run;
    const char *message;
    int64_t duration_ms; /* of what the event says has ended; -1: none */
};

/* How far a job is; reported four times a second. */
struct hangar_progress {
    uint32_t struct_size;
    uint32_t source_count;
    const char *job; /* "backup", "restore", "verify" */
    const char *pipeline;
    const char *step; /* "preparing", "copying", "finishing", or what a plugin says */
    int64_t elapsed_ms;
    uint64_t plain_bytes;    /* read from, or written to, the sources so far */
    uint64_t stored_bytes;   /* written to, or read from, one sink so far */
    uint64_t expected_bytes; /* of plain_bytes at the end; 0: unknown */
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
    /* Called from threads of the library, one call at a time; what they are
     * given lives until they return.  May be NULL. */
    void (*on_log)(void *arg, const struct hangar_log_line *line);
    void (*on_progress)(void *arg, const struct hangar_progress *progress);
    void *arg;
};

/* The version of the library, "0.1.0". */
HANGAR_API const char *hangar_version(void);

/*
 * Reads and checks the configuration, and loads the plugins it names; connects
 * to nothing.  *out is set also on failure (NULL only when out of memory), so
 * that hangar_error can say why; close it in any case.
 *
 * With config_file "" nothing is read: only hangar_plugins can be used.
 */
HANGAR_API enum hangar_status hangar_open(const struct hangar_settings *settings,
                                          struct hangar **out);
HANGAR_API void hangar_close(struct hangar *hangar);

/* Why the last job on this handle did not end with DONE: one or more lines, each
 * a whole message; "" when it did.  Lives until the next call on the handle. */
HANGAR_API const char *hangar_error(const struct hangar *hangar);

/* Makes a running job end soon, with HANGAR_STATUS_INTERRUPTED.  Async-signal-safe.  A callback
 * of the caller's that waits is not woken: it must look for itself. */
HANGAR_API void hangar_cancel(struct hangar *hangar);

HANGAR_API void hangar_free(char *json);

/* Everything a backup would need: plugins, servers, client tools, sinks.
 * `hangar.check/1` */
HANGAR_API enum hangar_status hangar_check(struct hangar *hangar, char **json);

/* The names of the pipelines, in the order of the file, NULL-terminated; lives
 * as long as the handle. */
HANGAR_API const char *const *hangar_pipelines(const struct hangar *hangar);

/* One run of one pipeline.  `hangar.backup/1` */
HANGAR_API enum hangar_status hangar_backup(struct hangar *hangar, const char *pipeline,
                                            char **json);

/* The backups in the sinks, newest first; each of the two may be NULL for all.
 * `hangar.list/1` */
HANGAR_API enum hangar_status hangar_list(struct hangar *hangar, const char *pipeline,
                                          const char *sink, char **json);

/* Which backup is meant. */
struct hangar_selection {
    uint32_t struct_size;
    const char *id;       /* an id, or "latest" */
    const char *pipeline; /* NULL: the only one that has it */
    const char *sink;     /* NULL: the sinks of the pipeline, in order */
};

/* One backup in full.  `hangar.show/1` */
HANGAR_API enum hangar_status hangar_show(struct hangar *hangar,
                                          const struct hangar_selection *which, char **json);

/* Per pipeline and sink: last run, newest backup, age, and the configuration in
 * force with secrets masked.  `hangar.status/1` */
HANGAR_API enum hangar_status hangar_overview(struct hangar *hangar, char **json);

/* The same document, and tells the notifiers as hangar_alerts does, of one look into the
 * sinks: for programs that want both again and again.  That notifiers cannot be told is
 * logged, and tried again the next time. */
HANGAR_API enum hangar_status hangar_watch(struct hangar *hangar, char **json);

/* Is the newest good backup of a pipeline (NULL: of each), in each of its sinks, as
 * young as max_age asks?  HANGAR_STATUS_STALE when it is not in a required sink,
 * DEGRADED when it is not in another.  `hangar.health/1` */
HANGAR_API enum hangar_status hangar_health(struct hangar *hangar, const char *pipeline,
                                            char **json);

/* What the configuration wants to be run when; connects to nothing.  `hangar.plan/1` */
HANGAR_API enum hangar_status hangar_plan(struct hangar *hangar, char **json);

/* The calendar of such plans; these need no handle, and any thread may call them.
 * The first time after `after_ms` (ms since 1970) that a schedule of cron names in a
 * time zone (NULL: the machine's); -1 when one of them cannot be read.  And whether a
 * time lies in a window such as "sat,sun 22:00-06:00"; 0 when it cannot be read. */
HANGAR_API int64_t hangar_next_time(const char *schedule, const char *zone, int64_t after_ms);
HANGAR_API int hangar_in_window(const char *window, const char *zone, int64_t time_ms);

struct hangar_restore_request {
    uint32_t struct_size;
    uint32_t flags; /* HANGAR_REQUEST_... */
    struct hangar_selection backup;
    const char *const *only; /* names of sources, NULL-terminated; NULL: all */
    const char *const *set;  /* "SOURCE.OPTION=VALUE", NULL-terminated; NULL: none */
};

#define HANGAR_REQUEST_DRY_RUN 1u    /* tell what would be done, change nothing */
#define HANGAR_REQUEST_CLEAN 2u      /* replace data that is in the target */
#define HANGAR_REQUEST_COMPARE 4u    /* read the restored data again and compare digests */
#define HANGAR_REQUEST_DISCONNECT 8u /* with CLEAN: end sessions that are in the way */
#define HANGAR_REQUEST_NO_HOOKS                                                                    \
    16u /* do not run the pipeline's commands: for a target that they are not about */

/* With CLEAN a safety backup of what will be replaced is taken first, and a target that
 * was not restored wholly is as it was.  `hangar.restore/1` */
HANGAR_API enum hangar_status
hangar_restore(struct hangar *hangar, const struct hangar_restore_request *request, char **json);

enum hangar_verify_level {
    HANGAR_VERIFY_QUICK = 0, /* manifest whole, every object there with its size */
    HANGAR_VERIFY_FULL = 1,  /* every byte read, decoded and compared */
    HANGAR_VERIFY_DRILL = 2  /* restored into throw-away servers and compared */
};

/* Verifies one backup, or with which->id "all" every one, in each sink that has
 * it unless which->sink names one.  `hangar.verify/1` */
HANGAR_API enum hangar_status hangar_verify(struct hangar *hangar,
                                            const struct hangar_selection *which,
                                            enum hangar_verify_level level, char **json);

/* Applies the retention of each sink: NULL for all pipelines, all sinks.  With
 * HANGAR_REQUEST_DRY_RUN it only tells what it would do.  `hangar.prune/1` */
HANGAR_API enum hangar_status hangar_prune(struct hangar *hangar, const char *pipeline,
                                           const char *sink, uint32_t flags, char **json);

/* Keeps a backup from retention, or lets it go again; removes one for good, whatever
 * retention says, unless it is held.  In each sink that has it, or in which->sink.
 * `hangar.hold/1`, `hangar.remove/1` */
HANGAR_API enum hangar_status
hangar_hold(struct hangar *hangar, const struct hangar_selection *which, int hold, char **json);
HANGAR_API enum hangar_status hangar_remove(struct hangar *hangar,
                                            const struct hangar_selection *which, char **json);

/* Copies a backup from the sink which->sink into another one of the same pipeline, byte
 * for byte and compared with its manifest; one that is there already is left as it is.
 * With which->id "missing" all that the other sink does not have.  `hangar.copy/1` */
HANGAR_API enum hangar_status hangar_copy(struct hangar *hangar,
                                          const struct hangar_selection *which, const char *to,
                                          char **json);

/* Takes bytes; returns 0, or nonzero to end the job (HANGAR_STATUS_FAILED). */
typedef int (*hangar_write_fn)(void *arg, const void *data, size_t size);
/* Gives 1 to size bytes, 0 at the end, -1 on failure. */
typedef long (*hangar_read_fn)(void *arg, void *data, size_t size);

/* Writes one object's plain bytes, as the source gave them; compared on the way. */
HANGAR_API enum hangar_status hangar_cat(struct hangar *hangar,
                                         const struct hangar_selection *which, const char *object,
                                         hangar_write_fn write, void *arg);

/* Writes a backup as one tar.gz that stock tools read, and takes such a file back
 * into a sink (NULL: the first of the pipeline) and pipeline (NULL: the one it
 * came from).  Both compare every byte.  `hangar.export/1`, `hangar.import/1` */
HANGAR_API enum hangar_status hangar_export(struct hangar *hangar,
                                            const struct hangar_selection *which,
                                            hangar_write_fn write, void *arg, char **json);
HANGAR_API enum hangar_status hangar_import(struct hangar *hangar, const char *pipeline,
                                            const char *sink, hangar_read_fn read, void *arg,
                                            char **json);

/* Looks for what somebody should know (a failed run, old backups, little space, ...), and
 * tells the notifiers what began and what is over since the last time, and again what
 * lasts; with HANGAR_REQUEST_DRY_RUN nobody.  `hangar.alerts/1` */
HANGAR_API enum hangar_status hangar_alerts(struct hangar *hangar, uint32_t flags, char **json);

/* Tells of a job ("backup", "verify", "drill") whose process ended without a result, as the
 * job would have told of its failure: in the history, the counters, to notifiers.  `why` is
 * a sentence.  For programs that run each job in a process of its own. */
HANGAR_API enum hangar_status hangar_report_crash(struct hangar *hangar, const char *job,
                                                  const char *pipeline, const char *why,
                                                  char **json);

/* Sends a test message through a notifier, NULL: through all.  `hangar.notify/1` */
HANGAR_API enum hangar_status hangar_notify(struct hangar *hangar, const char *notifier,
                                            char **json);

/* The plugins that can be loaded, or one with its options.  `hangar.plugins/1` */
HANGAR_API enum hangar_status hangar_plugins(struct hangar *hangar, const char *name, char **json);

/* A commented sample configuration; static. */
HANGAR_API const char *hangar_sample_config(void);

#ifdef __cplusplus
}
#endif
#endif
