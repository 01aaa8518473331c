/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * hangar/plugin.h: the plugin ABI.  It is the only header a plugin includes,
 * and it is meant to be enough to write one from, read top to bottom.  It
 * knows nothing of the core's insides and includes no other header of hangar.
 *
 * A plugin is one shared object, hangar-NAME.so, that exports one symbol:
 *
 *     static const struct hangar_plugin plugin = {
 *         HANGAR_PLUGIN_HEADER,
 *         .name = "storage-tape",
 *         .version = "1.0.0",
 *         .summary = "stores backups on tape",
 *         .license = "Apache-2.0",
 *         .options = options,
 *         .create = tape_create,
 *         .destroy = tape_destroy,
 *         .sink = &sink,
 *     };
 *     HANGAR_PLUGIN(plugin)
 *
 * It has no undefined symbols but those of libc and of the libraries it links
 * itself: everything it needs from hangar arrives in a function table, the
 * host (see struct hangar_host).  Link it with -z defs; hangar loads it with
 * RTLD_NOW | RTLD_LOCAL.
 *
 *
 * The life of an instance
 *
 * Each entry under `sources:`, `transforms:`, `sinks:` or `notifiers:` in the
 * configuration is one instance.  There may be many instances of one plugin in
 * one process, so a plugin keeps no state outside them: no globals but const.
 *
 *     create ──► (the functions of its role)* ──► destroy
 *                        ▲
 *                cancel ─┘  at any time after create, from another thread
 *
 *
 * Errors
 *
 * A function that can fail returns enum hangar_rc, and writes its results
 * through pointers only when that is HANGAR_OK (or HANGAR_EOF where stated).
 * Where an error happens, say it once:
 *
 *     return host->fail(ctx, HANGAR_IO, errno, "cannot write %s", path);
 *
 * The text is lower case, without a full stop, of the form "cannot <verb>
 * <object>"; the core appends ": <strerror>" when the error number is not 0,
 * and adds where in the run it happened.  What the user can do about it follows
 * after "; hint: ".  Never put a secret into it.  A plugin does not print,
 * exit, abort, longjmp over the border, or install signal handlers.
 *
 *
 * Ownership
 *
 * Nothing allocated on one side is freed on the other.  A handle that a plugin
 * returns is the plugin's; the core gives it back exactly once, to the
 * function named here.  Buffers are the caller's.  Strings that the core
 * passes live until the call returns, and those from option getters until
 * destroy.  Strings a plugin returns live as long as stated at the function.
 *
 *
 * Threads
 *
 * Each instance says how far the core may go (enum hangar_threads); the core
 * takes the locks.  A call may come from any thread, and the calls for one
 * handle never overlap.  `cancel` is the exception: it may overlap everything,
 * must not block, and makes a call that waits return HANGAR_CANCELLED soon.
 * A plugin may have threads of its own; they must have ended when destroy
 * returns, and must leave signals to the core (block them all).
 *
 *
 * Compatibility
 *
 * Structs and tables only ever grow at their end, and each begins with its
 * size, so that either side may be older.  The core copies min(its own size,
 * the plugin's) bytes of each table into a zeroed one of its own: a function
 * the plugin does not know is NULL.  A plugin checks `host->struct_size`
 * before it uses a host function newer than the header's minor version it
 * requires.  A plugin built with any released header keeps working.
 *
 * A function marked [may be NULL] can be left out; what the core then does is
 * said there.  All others of a role that the plugin has are required.
 *
 * Units: sizes are bytes, durations milliseconds, and times are milliseconds
 * since 1970-01-01T00:00:00Z, unless a name says otherwise.
 */
#ifndef HANGAR_PLUGIN_H
#define HANGAR_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HANGAR_ABI_MAJOR 1
#define HANGAR_ABI_MINOR 0

#if defined(__GNUC__)
#define HANGAR_EXPORT __attribute__((visibility("default")))
#define HANGAR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define HANGAR_EXPORT
#define HANGAR_PRINTF(fmt, args)
#endif

/* What a call came to.  The numbers never change. */
enum hangar_rc {
    HANGAR_OK = 0,
    HANGAR_EOF = 1,          /* no more; only where a function says so */
    HANGAR_RETRY = 2,        /* failed for a passing reason: the same may succeed later */
    HANGAR_CONFIG = 3,       /* the configuration or the request is wrong */
    HANGAR_AUTH = 4,         /* refused: wrong or missing credentials or rights */
    HANGAR_NOT_FOUND = 5,    /* the thing named is not there */
    HANGAR_EXISTS = 6,       /* the thing named is there already, or not empty */
    HANGAR_NO_SPACE = 7,     /* disk, quota or store is full */
    HANGAR_IO = 8,           /* reading or writing failed: disk, network, server */
    HANGAR_CORRUPT = 9,      /* data is not what was stored */
    HANGAR_CANCELLED = 10,   /* because of cancel, and for no other reason */
    HANGAR_UNSUPPORTED = 11, /* this plugin, server or version cannot do that */
    HANGAR_NO_MEMORY = 12,   /* out of memory, or of the memory budget */
    HANGAR_INTERNAL = 13     /* a bug, in the plugin or in the core */
};

enum hangar_log_level {
    HANGAR_LOG_ERROR =
        0, /* the job failed; the core logs what fail() recorded, a plugin rarely needs this */
    HANGAR_LOG_WARN = 1, /* the user should act, or should know when judging the result */
    HANGAR_LOG_INFO = 2, /* one line per phase of a job */
    HANGAR_LOG_DEBUG = 3 /* for people who work on the plugin */
};

/* How the core may call an instance. */
enum hangar_threads {
    HANGAR_SERIAL_PLUGIN = 0,   /* one call at a time over all instances of the plugin */
    HANGAR_SERIAL_INSTANCE = 1, /* one call at a time for this instance and its handles */
    HANGAR_PARALLEL_HANDLES = 2 /* any number: calls overlap unless they are for the same handle */
};

/* Opaque: the core's side of an instance.  Given to create, passed to the host. */
struct hangar_ctx;

/*
 * A small ordered set of names and values (text), owned by the core: facts of
 * a server, attributes of an object, the place of a recovery point.  It goes
 * into the manifest and comes back on restore.  Names match [a-z0-9_.-]{1,64};
 * a value has at most 16 KiB and no NUL; a set has at most 256 entries.  Never
 * put a secret, nor anything whose size grows with the data, into one.
 */
struct hangar_attrs;

/* A text the core collects; see host->text. */
struct hangar_text;

/* A byte queue on disk; see host->spool_open. */
struct hangar_spool;

/* A page of a listing and an entry of it; defined with the sink. */
struct hangar_page;
struct hangar_entry;

/* ------------------------------------------------------------------------ *
 * Options
 * ------------------------------------------------------------------------ */

/*
 * A plugin declares its options; the core checks the configuration against
 * them, with file, line and column; fills in defaults; resolves secrets; and
 * makes help, man page and JSON schema from them.  A plugin reads its options
 * through the host's getters, and can read only what it declared.
 */
enum hangar_option_type {
    HANGAR_OPT_STRING = 0,
    HANGAR_OPT_INT = 1,      /* decimal */
    HANGAR_OPT_BOOL = 2,     /* true or false */
    HANGAR_OPT_SIZE = 3,     /* bytes: 4096, 64KiB, 1.5GiB, 10MB */
    HANGAR_OPT_DURATION = 4, /* ms: 500ms, 30s, 5m, 25h, 7d */
    HANGAR_OPT_ENUM = 5,     /* one of choices */
    HANGAR_OPT_PATH = 6,     /* made absolute against the folder of the configuration file */
    HANGAR_OPT_LIST = 7      /* of strings; a single string stands for a list of one */
};

#define HANGAR_OPT_REQUIRED 1u /* must be given; no default */
#define HANGAR_OPT_SECRET                                                                          \
    2u /* STRING only: never shown; also NAME_file, NAME_command, NAME_credential */

struct hangar_option {
    const char *name;           /* [a-z][a-z0-9_]*; NULL ends the table */
    uint32_t type;              /* enum hangar_option_type */
    uint32_t flags;             /* HANGAR_OPT_... */
    const char *default_value;  /* as it would stand in the configuration; NULL: not set */
    int64_t min, max;           /* of INT, SIZE (bytes), DURATION (ms); both 0: no limit */
    const char *const *choices; /* of ENUM, NULL-terminated */
    const char *help;           /* a sentence or two, for people */
};

/* ------------------------------------------------------------------------ *
 * The host: what the core does for a plugin
 * ------------------------------------------------------------------------ */

/*
 * All functions may be called from any thread between create and the return
 * of destroy, unless a line says otherwise.  `ctx` is what create was given.
 */
struct hangar_host {
    uint32_t struct_size;
    uint32_t abi_minor; /* of the core; the major is the plugin's own, or it is not loaded */

    /* Writes a line to the log; no newline, no secrets. */
    void (*log)(struct hangar_ctx *ctx, enum hangar_log_level level, const char *fmt, ...)
        HANGAR_PRINTF(3, 4);

    /* Records why the current call fails, and returns rc.  `error_number` is an
     * errno whose text is appended, or 0.  Call it on the thread on which the
     * core called the plugin, just before returning; of several calls the
     * first counts, as the others are its consequences. */
    enum hangar_rc (*fail)(struct hangar_ctx *ctx, enum hangar_rc rc, int error_number,
                           const char *fmt, ...) HANGAR_PRINTF(4, 5);

    /* The same for an option with an impossible value (in create, check): the
     * core adds file, line and column.  Returns HANGAR_CONFIG. */
    enum hangar_rc (*fail_option)(struct hangar_ctx *ctx, const char *option, const char *fmt, ...)
        HANGAR_PRINTF(3, 4);

    /* Tells how far a job without visible bytes has come ("building indexes",
     * 3 of 7).  total 0: unknown.  Counts as a sign of life. */
    void (*progress)(struct hangar_ctx *ctx, const char *what, uint64_t done, uint64_t total);

    /* A sign of life from a call that takes long and moves no bytes.  A run in
     * which nothing moves and nobody is alive for `stall_timeout` is ended. */
    void (*alive)(struct hangar_ctx *ctx, const char *what);

    /* Nonzero once the job is being cancelled. */
    int (*cancelled)(struct hangar_ctx *ctx);

    /* Sleeps; HANGAR_CANCELLED as soon as the job is cancelled. */
    enum hangar_rc (*sleep)(struct hangar_ctx *ctx, uint32_t ms);

    /* Options.  The text, number or truth of option `name`, its default when it
     * was not given; NULL or 0 when there is no default either.  opt_list gives
     * entry `index` of a LIST, NULL past its end.  opt_given: was it written in
     * the configuration (or by --set)? */
    const char *(*opt_string)(struct hangar_ctx *ctx, const char *name); /* STRING ENUM PATH */
    int64_t (*opt_int)(struct hangar_ctx *ctx, const char *name);        /* INT SIZE DURATION */
    int (*opt_bool)(struct hangar_ctx *ctx, const char *name);
    const char *(*opt_list)(struct hangar_ctx *ctx, const char *name, size_t index);
    int (*opt_given)(struct hangar_ctx *ctx, const char *name);

    /* The name of the instance in the configuration, `app_db`. */
    const char *(*instance_name)(struct hangar_ctx *ctx);

    /* A private directory (mode 0700) for the rest of the instance's life,
     * removed after destroy with all that is in it.  `quota_bytes` is what it
     * may come to hold: refused with HANGAR_NO_SPACE when the disk lacks that,
     * and the run is ended when the directory outgrows it.  A later call may
     * raise the quota and gives the same path, which lives until destroy. */
    enum hangar_rc (*temp_dir)(struct hangar_ctx *ctx, uint64_t quota_bytes, const char **path);

    /* A byte queue on disk (mode 0600, unlinked at once) of at most max_bytes.
     * write appends all or fails (NO_SPACE past max_bytes); read takes from the
     * front and gives *got == 0 when it is empty just now.  One thread at a
     * time per spool. */
    enum hangar_rc (*spool_open)(struct hangar_ctx *ctx, uint64_t max_bytes,
                                 struct hangar_spool **out);
    enum hangar_rc (*spool_write)(struct hangar_spool *spool, const void *data, size_t size);
    enum hangar_rc (*spool_read)(struct hangar_spool *spool, void *data, size_t size, size_t *got);
    void (*spool_close)(struct hangar_spool *spool);

    /* The job's memory budget.  Asks for up to `want` bytes and gives what can
     * be had, at least `least`, or 0: then do with less or wait.  Never blocks.
     * Buffers over 1 MiB are taken from here before they are allocated, and
     * given back after they are freed. */
    size_t (*budget_take)(struct hangar_ctx *ctx, size_t want, size_t least);
    void (*budget_give)(struct hangar_ctx *ctx, size_t bytes);

    /* Attributes.  attr_set copies, replaces, and ignores a NULL value;
     * attr_get gives NULL for a name that is not there, and its result lives
     * as long as the set is not changed. */
    void (*attr_set)(struct hangar_attrs *attrs, const char *name, const char *value);
    void (*attr_setf)(struct hangar_attrs *attrs, const char *name, const char *fmt, ...)
        HANGAR_PRINTF(3, 4);
    const char *(*attr_get)(const struct hangar_attrs *attrs, const char *name);

    /* Appends to a text. */
    void (*text)(struct hangar_text *text, const char *fmt, ...) HANGAR_PRINTF(2, 3);

    /* Adds an entry to a page of sink->list. */
    enum hangar_rc (*page_add)(struct hangar_page *page, const struct hangar_entry *entry);
};

/* ------------------------------------------------------------------------ *
 * Source: produces objects on backup, consumes them on restore
 * ------------------------------------------------------------------------ */

/*
 * An object is one named stream of bytes.  The plugin fills this on backup
 * (next); the core fills all of it on restore.
 *
 * `name` is relative and unique in its source: [A-Za-z0-9._/=-]+, at most 400
 * bytes, no empty, "." or ".." component.  It carries no suffix of a transform.
 * On restore, all objects of phase n are written, in parallel, before any of
 * phase n + 1.
 */
struct hangar_object_info {
    uint32_t struct_size;
    uint32_t phase;
    const char *name;                 /* lives until the object is closed */
    uint64_t size_hint;               /* expected plain bytes, 0: unknown; on restore: exact */
    uint32_t flags;                   /* HANGAR_OBJECT_... */
    const struct hangar_attrs *attrs; /* what close set on backup; NULL on backup */
    const char *decode;               /* restore_commands only: the shell command that writes
                         * the plain bytes to its output, run in the folder of the backup */
};

#define HANGAR_OBJECT_REREADABLE 1u /* `rewind` works for it */

/* What a restore is asked to do. */
struct hangar_restore {
    uint32_t struct_size;
    uint32_t flags;                           /* HANGAR_RESTORE_... */
    const struct hangar_attrs *facts;         /* of the backup: what `end` and `begin` set */
    const struct hangar_object_info *objects; /* all of this source, by phase, then name */
    size_t object_count;
    struct hangar_text *plan; /* what will be done, a line per step, for people */
    int *target_empty;        /* with CLEAN: restore_prepare sets it to 1 when the target holds
                               * nothing that would be lost; see "Replacing live data" */
};

#define HANGAR_RESTORE_DRY_RUN 1u /* look at everything, change nothing, write the plan */
#define HANGAR_RESTORE_CLEAN 2u   /* replace live data; without it a target with data is refused */
#define HANGAR_RESTORE_COMPARE 4u /* read the target again and compare it with the backup */
#define HANGAR_RESTORE_DISCONNECT 8u /* with CLEAN: end the sessions that are in the way */

/* A handle of the plugin: an object being read or written. */
struct hangar_object;

/*
 * Backup
 *
 *     prepare ──► begin ──► ( next ──► read* ──► close )* ──► end
 *        │          │                                          ▲
 *        └──────────┴──────── on failure of anything ──────────┘
 *
 * `prepare` connects, checks, lists and locks; it may wait.  When every source
 * of the pipeline is prepared, all `begin` at once: begin is short and fixes
 * the recovery point, the instant the data is of.  Then the core pulls objects
 * with jobs() threads; each calls next, read until the end, close, and again.
 *
 *
 * Restore
 *
 *     restore_prepare ──► for each phase n:
 *                             ( restore_open ──► restore_write* ──► restore_close )*
 *                             restore_phase_end(n)
 *                         ──► restore_end
 *
 * The core has compared every stored byte with the manifest before
 * restore_prepare is called without DRY_RUN, and compares the plain bytes
 * again on the way.  Sources are loaded side by side; when all of them are in,
 * their restore_end are called one after the other.
 *
 *
 * Replacing live data (HANGAR_RESTORE_CLEAN)
 *
 * The target stays as it is, for everybody who uses it, until restore_end: what
 * is restored is loaded beside it, and restore_end puts it in its place in one
 * step that happens wholly or not at all.  When anything fails before, also by
 * the death of the process, the target is as it was; a later restore removes
 * what the dead one left beside it, and nothing else.  A plugin that cannot
 * promise this answers restore_prepare with HANGAR_UNSUPPORTED.
 *
 * restore_prepare with CLEAN and DRY_RUN comes first.  Unless each target says
 * in *target_empty that it holds nothing, the core then takes a safety backup of
 * those that do, with another instance that has the same options (prepare_safety,
 * begin and so on), before it calls restore_prepare without DRY_RUN.
 */
struct hangar_source {
    uint32_t struct_size;
    uint32_t flags; /* HANGAR_SOURCE_... */

    /* Would a backup work?  Connects, looks at rights, versions and client
     * tools, changes nothing, and sets facts worth showing ("server", "size",
     * ...).  What would not stop a backup but should be known is logged as WARN. */
    enum hangar_rc (*check)(void *inst, struct hangar_attrs *facts);

    /* How many objects the core should hold at once, 1 to 64.  [may be NULL: 1] */
    uint32_t (*jobs)(void *inst);

    enum hangar_rc (*prepare)(void *inst);

    /* Fixes the recovery point: the instant in *time_ms by the source's clock,
     * and its place in `point` (an LSN, a replication offset). */
    enum hangar_rc (*begin)(void *inst, int64_t *time_ms, struct hangar_attrs *point);

    /* The next object, or HANGAR_EOF.  It may wait for objects that other
     * threads hold to be closed (a summary comes last), and for nothing else
     * that needs the core.  info is zeroed but for struct_size. */
    enum hangar_rc (*next)(void *inst, struct hangar_object_info *info, struct hangar_object **out);

    /* Reads 1 to `size` bytes; *got == 0 is the end.  Blocks until there is
     * something; need not fill the buffer, but should when it can. */
    enum hangar_rc (*read)(struct hangar_object *object, void *buffer, size_t size, size_t *got);

    /* Ends an object and frees it.  With `attrs`, after read gave the end: says
     * whether the object is whole, and sets what restore needs to know.  With
     * attrs NULL the object is abandoned: the result is ignored. */
    enum hangar_rc (*close)(struct hangar_object *object, struct hangar_attrs *attrs);

    /* Starts an object again from its first byte after read failed with
     * HANGAR_RETRY.  [may be NULL: such a failure ends the run] */
    enum hangar_rc (*rewind)(struct hangar_object *object);

    /* Ends the job, with all objects closed, and gives back everything that
     * prepare and begin took.  With `facts`: says whether the whole is
     * complete (exit status of tools, end markers, counts) and sets facts for
     * the manifest.  With facts NULL the job failed; the result is ignored. */
    enum hangar_rc (*end)(void *inst, struct hangar_attrs *facts);

    /* Connects to the target and refuses what cannot work: a target with data
     * (HANGAR_EXISTS; with CLEAN what is in the way now and may be gone later,
     * as sessions in it), missing tools or rights.  With HANGAR_RESTORE_DRY_RUN
     * nothing changes, and restore_end follows at once.  `how` and all in it
     * live until restore_end has returned.
     * [may be NULL, with the next five: the source cannot be restored] */
    enum hangar_rc (*restore_prepare)(void *inst, const struct hangar_restore *how);

    enum hangar_rc (*restore_open)(void *inst, const struct hangar_object_info *info,
                                   struct hangar_object **out);

    /* Consumes all `size` bytes, or fails. */
    enum hangar_rc (*restore_write)(struct hangar_object *object, const void *data, size_t size);

    /* Ends an object and frees it.  With `complete`, all bytes were written and
     * were those of the backup; without, it failed: the result is ignored. */
    enum hangar_rc (*restore_close)(struct hangar_object *object, int complete);

    /* All objects of `phase` are in.  Called for each phase that has objects.
     * [may be NULL: nothing to do] */
    enum hangar_rc (*restore_phase_end)(void *inst, uint32_t phase);

    /* Ends the restore.  With `report`: finishes, checks counts, and sets what
     * was done ("tables", "rows", "keys"); "left_behind" says what should have
     * been removed after a restore that is done, and could not.  With NULL it
     * failed: whatever can be undone is undone, and the result is ignored. */
    enum hangar_rc (*restore_end)(void *inst, struct hangar_attrs *report);

    /* Writes the commands with which a person restores these objects with
     * stock tools only, for RESTORE.txt: shell lines and "# " comments, run in
     * the folder of the backup.  Called after a successful `end`.  No secrets.
     * [may be NULL: RESTORE.txt says how to get the plain bytes] */
    enum hangar_rc (*restore_commands)(void *inst, const struct hangar_attrs *facts,
                                       const struct hangar_object_info *objects,
                                       size_t object_count, struct hangar_text *out);

    /* Drills.  scratch_start starts a throw-away server of the kind the backup
     * (whose facts are given) needs, with everything it writes under `dir` and
     * reachable from this machine's user only, and sets in `overrides` the
     * options with which an instance of this plugin reaches it.  It is called on a
     * thread that lives until scratch_stop has returned; when hangar is root, any
     * user may pass through the folders above `dir`.  scratch_stop
     * stops it and leaves nothing running; it is called even when start failed.
     * inspect reads a target and sets facts comparable with those of a backup.
     * [may be NULL, each: no drill for this source] */
    enum hangar_rc (*scratch_start)(void *inst, const char *dir, const struct hangar_attrs *facts,
                                    struct hangar_attrs *overrides);
    void (*scratch_stop)(void *inst);
    enum hangar_rc (*inspect)(void *inst, struct hangar_attrs *facts);

    /* Like prepare, for a safety backup: of all that a restore with CLEAN would
     * replace, also of what the options leave out of ordinary backups, and
     * without what is not there.  [may be NULL: prepare is called] */
    enum hangar_rc (*prepare_safety)(void *inst);
};

/* The origin must not wait for slow consumers: when memory is short the core
 * takes the object's bytes to a spool on disk instead of waiting. */
#define HANGAR_SOURCE_URGENT 1u

/* ------------------------------------------------------------------------ *
 * Transform: encodes bytes on backup, decodes them on restore
 * ------------------------------------------------------------------------ */

enum hangar_direction { HANGAR_ENCODE = 0, HANGAR_DECODE = 1 };

/* A handle of the plugin: one object's bytes on their way through it. */
struct hangar_stream;

/* Bytes for process: it advances in/in_size and out/out_size by what it used,
 * as deflate() does. */
struct hangar_io {
    const unsigned char *in;
    size_t in_size;
    unsigned char *out;
    size_t out_size;
};

/*
 * Every transform has the stream form.  The block form, where it exists, is
 * used for encoding instead, on many blocks at once: the concatenation of the
 * outputs, in order, must be one valid stream that the stream form decodes.
 * The bytes therefore do not depend on the number of threads.
 */
struct hangar_transform {
    uint32_t struct_size;
    uint32_t flags;             /* 0 */
    const char *suffix;         /* of the file name: ".gz" */
    const char *decode_command; /* the stock tool as a filter: "gunzip -c" */

    /* Starts on one object.  On decoding, `attrs` holds what close or
     * block_close set when it was encoded; on encoding it is NULL. */
    enum hangar_rc (*open)(void *inst, enum hangar_direction direction,
                           const struct hangar_attrs *attrs, struct hangar_stream **out);

    /* Consumes input and produces output until one of them is used up.  With
     * `last` no input follows behind io->in; call it until HANGAR_EOF, which
     * says that everything is written.  Decoding: input behind the end of the
     * encoded data, or an end before the data is complete, is HANGAR_CORRUPT.
     * A call that is given input and room for output makes progress. */
    enum hangar_rc (*process)(struct hangar_stream *stream, struct hangar_io *io, int last);

    /* Ends and frees the stream; with `attrs` (encoding, after HANGAR_EOF) sets
     * what decoding needs to know.  attrs NULL: nothing to tell, or abandoned. */
    enum hangar_rc (*close)(struct hangar_stream *stream, struct hangar_attrs *attrs);

    /* The block form.  [may be NULL, all of them: the stream form is used]
     *
     * encode_bound: the most bytes that encode_block makes of `size` bytes.
     * block_open: state shared by all blocks of one object.
     * encode_block: encodes block number `index` (from 0) wholly into `out`;
     * called from many threads and in any order.  The block with `last` may be
     * empty; for an object of no bytes it is the only one.
     * block_close: after all blocks; like close. */
    size_t (*encode_bound)(void *inst, size_t size);
    enum hangar_rc (*block_open)(void *inst, struct hangar_stream **out);
    enum hangar_rc (*encode_block)(struct hangar_stream *stream, uint64_t index, int last,
                                   const void *in, size_t in_size, void *out, size_t out_capacity,
                                   size_t *out_size);
    enum hangar_rc (*block_close)(struct hangar_stream *stream, struct hangar_attrs *attrs);

    /* Parallel decoding, where blocks say their own size: block_size reads the
     * first bytes of an encoded block and gives its encoded and plain size;
     * decode_block decodes one.  [may be NULL, both: decoded in order by
     * process.  The core of ABI 1.0 always does that] */
    enum hangar_rc (*block_size)(void *inst, const void *head, size_t head_size, uint64_t *encoded,
                                 uint64_t *plain);
    enum hangar_rc (*decode_block)(struct hangar_stream *stream, const void *in, size_t in_size,
                                   void *out, size_t out_capacity, size_t *out_size);
};

/* ------------------------------------------------------------------------ *
 * Sink: stores named objects
 * ------------------------------------------------------------------------ */

/* Handles of the plugin: an object being stored, an object being read. */
struct hangar_put;
struct hangar_get;

/* What a sink tells about a stored object. */
struct hangar_entry {
    uint32_t struct_size;
    uint32_t flags;   /* HANGAR_ENTRY_... */
    const char *name; /* lives until the call that it is given to returns; NULL from stat */
    uint64_t size;    /* bytes */
    int64_t time_ms;  /* last change by the store's clock, 0: unknown */
    char etag[128];   /* changes when the content does; "": unknown */
};

#define HANGAR_ENTRY_PREFIX                                                                        \
    1u /* not an object: a common prefix up to the delimiter, ending in it */

/* One page of a listing.  A sink reads prefix, delimiter and cursor, adds
 * entries with host->page_add, at most 1000, in ascending byte order of their
 * names, and sets cursor for the next page, or "" when there is none. */
struct hangar_page {
    uint32_t struct_size;
    char delimiter;        /* '/', or 0: none, list everything below */
    const char *prefix;    /* "" or a name's beginning */
    char cursor[1024];     /* in: where to go on, "" at first; out: of the next page, "": no more */
    int64_t store_time_ms; /* out: the store's clock now, 0: unknown */
    void *core;            /* the core's own */
};

struct hangar_space {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t free_bytes;  /* that hangar may still fill; UINT64_MAX: no limit known */
    uint64_t total_bytes; /* UINT64_MAX: unknown */
};

#define HANGAR_PUT_CREATE_ONLY 1u /* commit fails with HANGAR_EXISTS when the name is taken */

/*
 * Storing
 *
 *     put_open ──► put_write* ──┬──► put_commit     the object exists, whole
 *                               └──► put_abort      nothing exists
 *
 * Exactly one of commit and abort ends a put; both free the handle.  Until
 * commit returns HANGAR_OK the object must not be visible to get_open, stat or
 * list, neither in this process nor in any other: a backup that was cut short
 * must leave no object that looks whole.  An object of the same name is
 * replaced at commit, atomically, unless the put asked for CREATE_ONLY: then
 * commit fails with HANGAR_EXISTS and the old object stays.  What commit says
 * is stored survives a loss of power.
 *
 * Names are as for objects (see struct hangar_object_info), with at most 500 bytes.
 *
 * Reading
 *
 *     get_open ──► get_read* ──► get_close
 */
struct hangar_sink {
    uint32_t struct_size;
    uint32_t flags; /* 0 */

    /* Would storing and reading work?  Tries it, leaves nothing behind, and
     * sets what the store can do ("create_only" yes or no, "free", ...). */
    enum hangar_rc (*probe)(void *inst, struct hangar_attrs *capabilities);

    /* How many puts may be open at once.  [may be NULL: 64] */
    uint32_t (*max_open_puts)(void *inst);

    /* `size_hint` is the expected size in bytes, or 0 when nobody knows. */
    enum hangar_rc (*put_open)(void *inst, const char *name, uint64_t size_hint, uint32_t flags,
                               struct hangar_put **out);

    /* Appends all `size` bytes, or fails: there is no short write.  The buffer
     * is the core's and may be reused as soon as this returns. */
    enum hangar_rc (*put_write)(struct hangar_put *put, const void *data, size_t size);

    /* Fills `entry` (but for its name) with what is stored now. */
    enum hangar_rc (*put_commit)(struct hangar_put *put, struct hangar_entry *entry);
    void (*put_abort)(struct hangar_put *put);

    /* HANGAR_NOT_FOUND when there is no such object. */
    enum hangar_rc (*get_open)(void *inst, const char *name, uint64_t offset,
                               struct hangar_get **out);
    /* 1 to `size` bytes; *got == 0 is the end. */
    enum hangar_rc (*get_read)(struct hangar_get *get, void *buffer, size_t size, size_t *got);
    void (*get_close)(struct hangar_get *get);

    enum hangar_rc (*stat)(void *inst, const char *name, struct hangar_entry *entry);

    enum hangar_rc (*list)(void *inst, struct hangar_page *page);

    /* Removing what is not there is HANGAR_OK.  HANGAR_EXISTS says that the store
     * keeps the object, by a lock such as retain sets: it is still there, and
     * nothing went wrong; the core tries again some other day.  A sink with folders
     * removes those that become empty. */
    enum hangar_rc (*remove)(void *inst, const char *name);

    /* Removes many; results[i] is what became of names[i].
     * [may be NULL: remove is called for each] */
    enum hangar_rc (*remove_many)(void *inst, const char *const *names, size_t count,
                                  enum hangar_rc *results);

    /* [may be NULL: unlimited] */
    enum hangar_rc (*space)(void *inst, struct hangar_space *space);

    /* Keeps an object from being removed or replaced until then, where the
     * store can enforce that; never shortens.  HANGAR_UNSUPPORTED when this store
     * cannot, or its owner did not ask for it.  [may be NULL: it cannot] */
    enum hangar_rc (*retain)(void *inst, const char *name, int64_t until_ms);
};

/* ------------------------------------------------------------------------ *
 * Notifier: tells somebody
 * ------------------------------------------------------------------------ */

struct hangar_event {
    uint32_t struct_size;
    uint32_t level;       /* enum hangar_log_level */
    const char *kind;     /* "backup.done", "backup.failed", "restore.done", ... */
    const char *pipeline; /* each of these may be NULL */
    const char *run_id;
    const char *backup_id;
    const char *summary; /* one line for people */
    const char *json;    /* the whole event, one JSON document */
    int64_t time_ms;
    int64_t duration_ms; /* -1: none */
};

/* It can never fail a run: what it returns is logged, tried again and counted. */
struct hangar_notifier {
    uint32_t struct_size;
    uint32_t flags; /* 0 */
    enum hangar_rc (*notify)(void *inst, const struct hangar_event *event);
};

/* ------------------------------------------------------------------------ *
 * The descriptor
 * ------------------------------------------------------------------------ */

struct hangar_plugin {
    /* These four never move. */
    uint32_t struct_size;
    uint32_t abi_major;
    uint32_t abi_minor;
    uint32_t option_size;

    const char *name;                    /* [a-z][a-z0-9-]*, the NAME of hangar-NAME.so */
    const char *version;                 /* of the plugin */
    const char *summary;                 /* one line, without a full stop */
    const char *license;                 /* SPDX */
    const struct hangar_option *options; /* ends with a NULL name; NULL: none */

    /* Makes an instance: reads options, checks how they fit together,
     * allocates.  It does not connect to anything: `hangar check` and a typing
     * error must be fast.  `host` and `ctx` live until destroy has returned. */
    enum hangar_rc (*create)(const struct hangar_host *host, struct hangar_ctx *ctx, void **out);
    void (*destroy)(void *inst);

    /* Ends what this instance waits for, now and later; see "Threads".
     * [may be NULL: waits end by their own timeouts, or see host->cancelled] */
    void (*cancel)(void *inst);

    /* enum hangar_threads.  [may be NULL: HANGAR_SERIAL_INSTANCE] */
    uint32_t (*threads)(void *inst);

    /* Where the instance leads, for prompts, logs and plans, without secrets:
     * "PostgreSQL database shop on db1:5432", "directory /srv/backups".  Lives
     * until destroy.  [may be NULL: the plugin's name is shown] */
    const char *(*describe)(void *inst);

    /* The roles it has; NULL: not that role.  At least one. */
    const struct hangar_source *source;
    const struct hangar_transform *transform;
    const struct hangar_sink *sink;
    const struct hangar_notifier *notifier;
};

/* The initialiser of the four fields that never move. */
#define HANGAR_PLUGIN_HEADER                                                                       \
    .struct_size = sizeof(struct hangar_plugin), .abi_major = HANGAR_ABI_MAJOR,                    \
    .abi_minor = HANGAR_ABI_MINOR, .option_size = sizeof(struct hangar_option)

/* Defines the one exported function.  Stands last in the plugin's file. */
#define HANGAR_PLUGIN(descriptor)                                                                  \
    HANGAR_EXPORT const struct hangar_plugin *hangar_plugin_entry(void);                           \
    HANGAR_EXPORT const struct hangar_plugin *hangar_plugin_entry(void)                            \
    {                                                                                              \
        return &(descriptor);                                                                      \
    }

#ifdef __cplusplus
}
#endif
#endif
