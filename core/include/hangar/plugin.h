/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * hangar/plugin.h: the plugin ABI.  It is the only header a plugin includes,
 * and it is sufficient to write one: read it from top to bottom.  It includes
 * no other header of hangar.
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
 * The shared object has no undefined symbols except those of libc and of the
 * libraries that it links itself.  The functions of hangar are in a table that
 * create receives, the host (see struct hangar_host).  Link the object with
 * -z defs; hangar loads it with RTLD_NOW | RTLD_LOCAL.
 *
 *
 * The life of an instance
 *
 * Each entry under `sources:`, `transforms:`, `sinks:` or `notifiers:` in the
 * configuration is one instance.  One process may have many instances of one
 * plugin, so a plugin keeps all state in its instances: all globals are const.
 *
 *     create ──► (the functions of its role)* ──► destroy
 *                        ▲
 *                cancel ─┘  at any time after create, from another thread
 *
 *
 * Errors
 *
 * A function that can fail returns enum hangar_rc.  It writes its results
 * through pointers only when it returns HANGAR_OK (or HANGAR_EOF where stated).
 * Record an error once, where it happens:
 *
 *     return host->fail(ctx, HANGAR_IO, errno, "cannot write %s", path);
 *
 * The text is lower case, without a full stop, of the form "cannot <verb>
 * <object>".  The core appends ": <strerror>" when the error number is not 0,
 * and adds the names of the instance and the job.  When the user can correct the
 * cause, the text ends with "; hint: " and what to do.  It must not contain a
 * secret.  A plugin must not print, exit, abort, install signal handlers, or
 * leave its functions by longjmp.
 *
 *
 * Ownership
 *
 * Memory is freed by the side that allocated it.  A handle that a plugin returns
 * belongs to the plugin; the core passes it exactly once to the function that
 * ends it.  Buffers belong to the caller.  Strings that the core passes live
 * until the call returns; those of the option getters live until destroy.
 * Strings that a plugin returns live as long as the function states.
 *
 *
 * Threads
 *
 * Each instance declares which calls may overlap (enum hangar_threads); the core
 * holds the locks.  The core may call from any thread.  Calls for one handle
 * never overlap.  `cancel` is the exception: it may overlap every call, must not
 * block, and makes calls that wait return HANGAR_CANCELLED soon.  A plugin may
 * start threads.  They must block all signals, and must have ended when destroy
 * returns.
 *
 *
 * Compatibility
 *
 * Structs and tables grow only at their end, and each begins with its size, so
 * that either side may be older.  The core copies the smaller of both sizes from
 * each table into a zeroed table of its own: a function that the plugin's header
 * did not have is NULL.  A plugin checks `host->struct_size` before it calls a
 * host function that is newer than the minor version that it requires.  A plugin
 * that was built with any released header keeps working.
 *
 * A function marked [may be NULL] is optional; the mark states what the core does
 * without it.  All other functions of a role are required.
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

/* The result of a call.  The numbers never change. */
enum hangar_rc {
    HANGAR_OK = 0,
    HANGAR_EOF = 1,          /* the end; only where a function states it */
    HANGAR_RETRY = 2,        /* failed for a temporary reason: the same call may succeed later */
    HANGAR_CONFIG = 3,       /* the configuration or the request is wrong */
    HANGAR_AUTH = 4,         /* refused: wrong or missing credentials or rights */
    HANGAR_NOT_FOUND = 5,    /* the named thing does not exist */
    HANGAR_EXISTS = 6,       /* the named thing exists already, or is not empty */
    HANGAR_NO_SPACE = 7,     /* disk, quota or store is full */
    HANGAR_IO = 8,           /* reading or writing failed: disk, network, server */
    HANGAR_CORRUPT = 9,      /* the data is not the data that was stored */
    HANGAR_CANCELLED = 10,   /* because of cancel, and for no other reason */
    HANGAR_UNSUPPORTED = 11, /* this plugin, server or version cannot do it */
    HANGAR_NO_MEMORY = 12,   /* out of memory, or of the memory budget */
    HANGAR_INTERNAL = 13     /* a bug, in the plugin or in the core */
};

enum hangar_log_level {
    HANGAR_LOG_ERROR = 0, /* the job failed; rarely needed, as the core logs what fail() recorded */
    HANGAR_LOG_WARN = 1,  /* the user should act, or should consider it with the result */
    HANGAR_LOG_INFO = 2,  /* one line per phase of a job */
    HANGAR_LOG_DEBUG = 3  /* for developers of the plugin */
};

/* How the core may call an instance. */
enum hangar_threads {
    HANGAR_SERIAL_PLUGIN = 0,   /* one call at a time over all instances of the plugin */
    HANGAR_SERIAL_INSTANCE = 1, /* one call at a time for this instance and its handles */
    HANGAR_PARALLEL_HANDLES = 2 /* any number: calls overlap unless they are for the same handle */
};

/* Opaque: the core's side of an instance.  create receives it, and passes it to the host's
 * functions. */
struct hangar_ctx;

/*
 * A small ordered set of names and values (text), owned by the core: facts of
 * a server, attributes of an object, the position of a recovery point.  The core
 * stores it in the manifest and passes it to the plugin on restore.  Names match
 * [a-z0-9_.-]{1,64}; a value has at most 16 KiB and no NUL; a set has at most 256
 * entries.  It must not contain secrets, nor values that grow with the data.
 */
struct hangar_attrs;

/* A text that the core collects; see host->text. */
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
 * A plugin declares its options.  The core checks the configuration against the
 * declarations, reports problems with file, line and column, adds defaults, reads
 * secrets, and generates help, man page and JSON schema.  A plugin reads the
 * values with the host's getters, and can read only options that it declared.
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
    const char *default_value;  /* as written in the configuration; NULL: not set */
    int64_t min, max;           /* of INT, SIZE (bytes), DURATION (ms); both 0: no limit */
    const char *const *choices; /* of ENUM, NULL-terminated */
    const char *help;           /* one or two sentences for users */
};

/* ------------------------------------------------------------------------ *
 * The host: the functions of the core for plugins
 * ------------------------------------------------------------------------ */

/*
 * All functions may be called from any thread, from the call of create until
 * destroy returns, unless stated otherwise.  `ctx` is the one of create.
 */
struct hangar_host {
    uint32_t struct_size;
    uint32_t abi_minor; /* of the core; a plugin of another major version is not loaded */

    /* Writes a line to the log.  The text has no newline and no secrets. */
    void (*log)(struct hangar_ctx *ctx, enum hangar_log_level level, const char *fmt, ...)
        HANGAR_PRINTF(3, 4);

    /* Records the error of the current call, and returns rc.  `error_number` is
     * an errno whose text is appended, or 0.  To be called in the thread in which
     * the core called the plugin, just before the plugin returns.  Only the first
     * error of a call is recorded: later ones are its consequences. */
    enum hangar_rc (*fail)(struct hangar_ctx *ctx, enum hangar_rc rc, int error_number,
                           const char *fmt, ...) HANGAR_PRINTF(4, 5);

    /* The same for an option with an invalid value (in create or check): the core
     * adds file, line and column.  Returns HANGAR_CONFIG. */
    enum hangar_rc (*fail_option)(struct hangar_ctx *ctx, const char *option, const char *fmt, ...)
        HANGAR_PRINTF(3, 4);

    /* Reports the progress of work that moves no bytes ("building indexes", 3 of
     * 7).  total 0: unknown.  Counts as a sign of life. */
    void (*progress)(struct hangar_ctx *ctx, const char *what, uint64_t done, uint64_t total);

    /* A sign of life of a long call that moves no bytes.  The core ends a job in
     * which no bytes move and no sign of life is given for `stall_timeout`. */
    void (*alive)(struct hangar_ctx *ctx, const char *what);

    /* Nonzero when the job or this instance is cancelled. */
    int (*cancelled)(struct hangar_ctx *ctx);

    /* Sleeps; returns HANGAR_CANCELLED as soon as the job is cancelled. */
    enum hangar_rc (*sleep)(struct hangar_ctx *ctx, uint32_t ms);

    /* Options.  The value of option `name`, or its default when it is not given;
     * NULL or 0 when there is no default.  opt_list returns entry `index` of a
     * LIST, NULL past its end.  opt_given: is the option set in the configuration
     * or by --set? */
    const char *(*opt_string)(struct hangar_ctx *ctx, const char *name); /* STRING ENUM PATH */
    int64_t (*opt_int)(struct hangar_ctx *ctx, const char *name);        /* INT SIZE DURATION */
    int (*opt_bool)(struct hangar_ctx *ctx, const char *name);
    const char *(*opt_list)(struct hangar_ctx *ctx, const char *name, size_t index);
    int (*opt_given)(struct hangar_ctx *ctx, const char *name);

    /* The name of the instance in the configuration, `app_db`. */
    const char *(*instance_name)(struct hangar_ctx *ctx);

    /* A private directory (mode 0700) for temporary files.  The core removes it
     * with its files after destroy.  `quota_bytes` is the limit of its size: the
     * call fails with HANGAR_NO_SPACE when the disk has less free, and the core
     * ends the job when the directory grows beyond it.  A later call returns the
     * same path and may raise the quota.  The path lives until destroy. */
    enum hangar_rc (*temp_dir)(struct hangar_ctx *ctx, uint64_t quota_bytes, const char **path);

    /* A byte queue on disk (mode 0600, unlinked at once) of at most max_bytes.
     * write appends all bytes or fails (NO_SPACE beyond max_bytes).  read removes
     * bytes from the front; *got == 0: the queue is empty.  For one thread at a
     * time per spool. */
    enum hangar_rc (*spool_open)(struct hangar_ctx *ctx, uint64_t max_bytes,
                                 struct hangar_spool **out);
    enum hangar_rc (*spool_write)(struct hangar_spool *spool, const void *data, size_t size);
    enum hangar_rc (*spool_read)(struct hangar_spool *spool, void *data, size_t size, size_t *got);
    void (*spool_close)(struct hangar_spool *spool);

    /* The memory budget of the job.  Reserves `want` bytes, or what is left when
     * that is at least `least`, and returns the bytes reserved; 0: use less, or
     * try later.  Never blocks.  Reserve buffers over 1 MiB before they are
     * allocated, and return the bytes after they are freed. */
    size_t (*budget_take)(struct hangar_ctx *ctx, size_t want, size_t least);
    void (*budget_give)(struct hangar_ctx *ctx, size_t bytes);

    /* Attributes.  attr_set copies the value and replaces an earlier one; a NULL
     * value is ignored.  attr_get returns NULL for an unknown name; its result
     * lives until the set is changed. */
    void (*attr_set)(struct hangar_attrs *attrs, const char *name, const char *value);
    void (*attr_setf)(struct hangar_attrs *attrs, const char *name, const char *fmt, ...)
        HANGAR_PRINTF(3, 4);
    const char *(*attr_get)(const struct hangar_attrs *attrs, const char *name);

    /* Appends to a text. */
    void (*text)(struct hangar_text *text, const char *fmt, ...) HANGAR_PRINTF(2, 3);

    /* Adds an entry to a page of sink->list; HANGAR_INTERNAL after 1000 entries. */
    enum hangar_rc (*page_add)(struct hangar_page *page, const struct hangar_entry *entry);

    /* Newer than 0.1.  Asks whether another user could change a program, or a file that names
     * programs: HANGAR_CONFIG, with the reason and a hint in `why`; a plugin must not run it.
     * A name without a slash, which is searched in PATH, is not checked, nor is a file that
     * cannot be opened. */
    enum hangar_rc (*check_file)(struct hangar_ctx *ctx, const char *path, char *why, size_t size);
};

/* ------------------------------------------------------------------------ *
 * Source: produces objects on backup, consumes them on restore
 * ------------------------------------------------------------------------ */

/*
 * An object is one named stream of bytes.  The plugin sets these fields on backup
 * (in next); the core sets all of them on restore.
 *
 * `name` is relative and unique in its source: [A-Za-z0-9._/=-]+, at most 400
 * bytes, no empty, "." or ".." component.  It has no suffix of a transform.  On
 * restore, all objects of phase n are written, in parallel, before those of phase
 * n + 1.
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

/* The request of a restore. */
struct hangar_restore {
    uint32_t struct_size;
    uint32_t flags;                           /* HANGAR_RESTORE_... */
    const struct hangar_attrs *facts;         /* of the backup: set by `end` and `begin` */
    const struct hangar_object_info *objects; /* all of this source, by phase, then name */
    size_t object_count;
    struct hangar_text *plan; /* the steps for the user, a line each */
    int *target_empty;        /* with CLEAN: restore_prepare sets it to 1 when the target has
                               * no data that would be lost; see "Replacing live data" */
};

#define HANGAR_RESTORE_DRY_RUN 1u /* check everything, change nothing, write the plan */
#define HANGAR_RESTORE_CLEAN 2u   /* replace live data; without it a target with data is refused */
#define HANGAR_RESTORE_COMPARE 4u /* read the target again and compare it with the backup */
#define HANGAR_RESTORE_DISCONNECT 8u /* with CLEAN: end the sessions that are in the way */
#define HANGAR_RESTORE_CONTINUE                                                                    \
    16u /* go on after a part that the target refuses, where possible;
                                      * see restore_end.  Never with CLEAN */

/* A handle of the plugin: an object being read or written. */
struct hangar_object;

/*
 * Backup
 *
 *     prepare ──► begin ──► ( next ──► read* ──► close )* ──► end
 *        │          │                                          ▲
 *        └──────────┴──────── on failure of anything ──────────┘
 *
 * `prepare` connects, checks, lists and locks; it may wait.  When all sources of
 * the pipeline are prepared, the core calls `begin` of all of them at the same
 * time.  begin is short and sets the recovery point, the time of the data.  Then
 * the core reads the objects in jobs() threads: each calls next, read until the
 * end, close, and again next.
 *
 *
 * Restore
 *
 *     restore_prepare ──► for each phase n:
 *                             ( restore_open ──► restore_write* ──► restore_close )*
 *                             restore_phase_end(n)
 *                         ──► restore_end
 *
 * The core compares the stored and the plain bytes of each object with the
 * manifest while it restores them.  With some sinks it has compared all stored
 * bytes before it calls restore_prepare without DRY_RUN.  restore_close gets
 * complete = 1 only if all bytes of the object are right.  All sources are
 * restored at the same time.  When all objects are written, the core calls their
 * restore_end, one source after the other.
 *
 *
 * Replacing live data (HANGAR_RESTORE_CLEAN)
 *
 * The target stays unchanged for all its users until restore_end.  The plugin
 * loads the data beside the target, and restore_end replaces the target in one
 * atomic step.  When anything fails before, even when the process dies, the target
 * is unchanged.  A later restore removes the data that a dead restore left beside
 * the target, and nothing else.  A plugin that cannot guarantee this returns
 * HANGAR_UNSUPPORTED from restore_prepare.
 *
 * The core first calls restore_prepare with CLEAN and DRY_RUN.  Then it makes a
 * safety backup of all targets that did not set *target_empty, with another
 * instance that has the same options (prepare_safety, begin and so on).  Then it
 * calls restore_prepare without DRY_RUN.
 */
struct hangar_source {
    uint32_t struct_size;
    uint32_t flags; /* HANGAR_SOURCE_... */

    /* Checks whether a backup would work: connections, rights, versions and
     * client tools.  Changes nothing, and sets facts to show ("server", "size",
     * ...).  Problems that would not prevent a backup are logged as WARN.
     * A source whose server may hold more than this source reads sets two facts
     * for the core: "server_id" is equal for all sources of the same server, and
     * "others" has a line "NAME<tab>BYTES<newline>" for each thing that it does
     * not read (BYTES may be empty).  Users see what no source names. */
    enum hangar_rc (*check)(void *inst, struct hangar_attrs *facts);

    /* The number of objects that the core may have open at once, 1 to 64.
     * [may be NULL: 1] */
    uint32_t (*jobs)(void *inst);

    enum hangar_rc (*prepare)(void *inst);

    /* Sets the recovery point: its time in *time_ms by the source's clock, and
     * its position in `point` (an LSN, a replication offset). */
    enum hangar_rc (*begin)(void *inst, int64_t *time_ms, struct hangar_attrs *point);

    /* Opens the next object, or returns HANGAR_EOF.  It may wait until objects of
     * other threads are closed (a summary comes last), and for nothing else that
     * depends on the core.  info is zeroed except for struct_size. */
    enum hangar_rc (*next)(void *inst, struct hangar_object_info *info, struct hangar_object **out);

    /* Reads 1 to `size` bytes; *got == 0 is the end.  Blocks until there are
     * bytes; should fill the buffer when it can. */
    enum hangar_rc (*read)(struct hangar_object *object, void *buffer, size_t size, size_t *got);

    /* Ends an object and frees it.  With `attrs`, after the end was read: fails
     * unless the object is whole, and sets attributes for the restore.  With attrs
     * NULL the object is abandoned, and the result is ignored. */
    enum hangar_rc (*close)(struct hangar_object *object, struct hangar_attrs *attrs);

    /* Restarts an object at its first byte after read failed with HANGAR_RETRY.
     * [may be NULL: such a failure ends the run] */
    enum hangar_rc (*rewind)(struct hangar_object *object);

    /* Ends the job after all objects are closed, and releases everything that
     * prepare and begin acquired.  With `facts`: fails unless the whole is complete
     * (exit status of tools, end markers, counts), and sets facts for the manifest.
     * With facts NULL the job has failed, and the result is ignored. */
    enum hangar_rc (*end)(void *inst, struct hangar_attrs *facts);

    /* Connects to the target and refuses a restore that cannot work, because of
     * missing tools or rights, or data in the target (HANGAR_EXISTS; with CLEAN
     * because of obstacles that may be gone later, such as sessions).  With
     * HANGAR_RESTORE_DRY_RUN nothing changes, and restore_end follows at once.
     * `how` and all that it points to live until restore_end has returned.
     * [may be NULL, with the next five: the source cannot be restored] */
    enum hangar_rc (*restore_prepare)(void *inst, const struct hangar_restore *how);

    enum hangar_rc (*restore_open)(void *inst, const struct hangar_object_info *info,
                                   struct hangar_object **out);

    /* Writes all `size` bytes, or fails. */
    enum hangar_rc (*restore_write)(struct hangar_object *object, const void *data, size_t size);

    /* Ends an object and frees it.  With `complete`, all bytes were written and
     * match the backup.  Without, the object failed, and the result is ignored. */
    enum hangar_rc (*restore_close)(struct hangar_object *object, int complete);

    /* All objects of `phase` are written.  Called for each phase that has objects.
     * [may be NULL: nothing to do] */
    enum hangar_rc (*restore_phase_end)(void *inst, uint32_t phase);

    /* Ends the restore.  With `report`: finishes it, checks counts, and sets the
     * figures ("tables", "rows", "keys"); "left_behind" names objects that could
     * not be removed after a successful restore.  With CONTINUE, "failed" is the
     * number of parts that the target refused, and "failed.1" and so on name each
     * with the reason.  With NULL the restore has failed:
     * the plugin undoes what it can, and the result is ignored. */
    enum hangar_rc (*restore_end)(void *inst, struct hangar_attrs *report);

    /* Appends to `out` the commands that restore these objects with stock tools
     * only, for RESTORE.txt: shell lines and "# " comments, to be run in the folder
     * of the backup.  Called after a successful `end`.  No secrets.
     * [may be NULL: RESTORE.txt states how to get the plain bytes] */
    enum hangar_rc (*restore_commands)(void *inst, const struct hangar_attrs *facts,
                                       const struct hangar_object_info *objects,
                                       size_t object_count, struct hangar_text *out);

    /* Drills.  scratch_start starts a throw-away server of the kind the backup
     * (whose facts are given) needs.  The server writes only below `dir` and accepts
     * only this machine's user.  scratch_start sets in `overrides` the options with
     * which an instance of this plugin connects to it.  It is called in a thread
     * that lives until scratch_stop has returned.  When hangar runs as root, all
     * users may search the folders above `dir`.  scratch_stop stops the server and
     * all its processes; it is called even when scratch_start failed.  inspect reads
     * a target and sets facts that can be compared with those of a backup.
     * [may be NULL, each: no drill for this source] */
    enum hangar_rc (*scratch_start)(void *inst, const char *dir, const struct hangar_attrs *facts,
                                    struct hangar_attrs *overrides);
    void (*scratch_stop)(void *inst);
    enum hangar_rc (*inspect)(void *inst, struct hangar_attrs *facts);

    /* Like prepare, for a safety backup.  It includes all data that a restore with
     * CLEAN would replace, also data that the options exclude from ordinary
     * backups, and skips what does not exist.  [may be NULL: prepare is called] */
    enum hangar_rc (*prepare_safety)(void *inst);
};

/* The server must not wait for slow sinks: when memory is short, the core reads the
 * bytes into a spool on disk instead of waiting. */
#define HANGAR_SOURCE_URGENT 1u

/* ------------------------------------------------------------------------ *
 * Transform: encodes bytes on backup, decodes them on restore
 * ------------------------------------------------------------------------ */

enum hangar_direction { HANGAR_ENCODE = 0, HANGAR_DECODE = 1 };

/* A handle of the plugin: the bytes of one object that pass through it. */
struct hangar_stream;

/* Bytes for process, which advances in/in_size and out/out_size by the bytes used,
 * as deflate() does. */
struct hangar_io {
    const unsigned char *in;
    size_t in_size;
    unsigned char *out;
    size_t out_size;
};

/*
 * Every transform has the stream form.  If it also has the block form, the core
 * uses that for encoding, on many blocks at once.  The concatenation of the
 * outputs, in order, must be one valid stream that the stream form decodes.  So
 * the bytes do not depend on the number of threads.
 */
struct hangar_transform {
    uint32_t struct_size;
    uint32_t flags;             /* 0 */
    const char *suffix;         /* of the file name: ".gz" */
    const char *decode_command; /* the stock tool as a filter: "gunzip -c" */

    /* Begins an object.  For decoding, `attrs` are those that close or block_close
     * set when the object was encoded; for encoding it is NULL. */
    enum hangar_rc (*open)(void *inst, enum hangar_direction direction,
                           const struct hangar_attrs *attrs, struct hangar_stream **out);

    /* Reads input and writes output until one of them is used up.  With `last`, no
     * input follows after io->in: the core then calls it until HANGAR_EOF, which
     * means that all output is written.  Decoding: input after the end of the
     * encoded data, and an end before the data is complete, is HANGAR_CORRUPT.  A
     * call with input and room for output must make progress. */
    enum hangar_rc (*process)(struct hangar_stream *stream, struct hangar_io *io, int last);

    /* Ends and frees the stream.  With `attrs` (encoding, after HANGAR_EOF) sets
     * the attributes that decoding needs.  attrs NULL: decoding, or abandoned. */
    enum hangar_rc (*close)(struct hangar_stream *stream, struct hangar_attrs *attrs);

    /* The block form.  [may be NULL, all of them: the stream form is used]
     *
     * encode_bound: the largest output of encode_block for `size` bytes.
     * block_open: state shared by all blocks of one object.
     * encode_block: encodes block number `index` (from 0) completely into `out`;
     * called from many threads and in any order.  The block with `last` may be
     * empty; for an empty object it is the only one.
     * block_close: called after all blocks; like close. */
    size_t (*encode_bound)(void *inst, size_t size);
    enum hangar_rc (*block_open)(void *inst, struct hangar_stream **out);
    enum hangar_rc (*encode_block)(struct hangar_stream *stream, uint64_t index, int last,
                                   const void *in, size_t in_size, void *out, size_t out_capacity,
                                   size_t *out_size);
    enum hangar_rc (*block_close)(struct hangar_stream *stream, struct hangar_attrs *attrs);

    /* Parallel decoding, for formats whose blocks contain their size: block_size
     * reads the first bytes of an encoded block and sets its encoded and plain
     * size; decode_block decodes a block.  [may be NULL, both: process decodes in
     * order.  The core of ABI 1.0 always does that] */
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

/* A stored object in a listing. */
struct hangar_entry {
    uint32_t struct_size;
    uint32_t flags;   /* HANGAR_ENTRY_... */
    const char *name; /* lives until the call to page_add returns; NULL from stat */
    uint64_t size;    /* bytes */
    int64_t time_ms;  /* last change by the store's clock, 0: unknown */
    char etag[128];   /* changes when the content does; "": unknown */
};

#define HANGAR_ENTRY_PREFIX                                                                        \
    1u /* not an object: a common prefix up to the delimiter, ending in it */
#define HANGAR_ENTRY_UNREADABLE                                                                    \
    2u /* with HANGAR_ENTRY_PREFIX, also without a delimiter: what is below this prefix, or a part \
          of it, could not be read.  A sink that leaves that out lets backups disappear; a sink    \
          that fails instead lets one bad folder hide all others. */

/* One page of a listing.  A sink reads prefix, delimiter and cursor.  It adds at most
 * 1000 entries with host->page_add, in ascending byte order of their names, and sets
 * cursor for the next page, or to "" when this is the last one. */
struct hangar_page {
    uint32_t struct_size;
    char delimiter;        /* '/', or 0: list all objects below the prefix */
    const char *prefix;    /* "" or the beginning of names */
    char cursor[1024];     /* in: the page to list, "": the first; out: the next page, "": none */
    int64_t store_time_ms; /* out: the store's clock now, 0: unknown */
    void *core;            /* used by the core */
};

struct hangar_space {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t free_bytes;  /* that hangar may use; UINT64_MAX: unlimited or unknown */
    uint64_t total_bytes; /* UINT64_MAX: unknown */
};

#define HANGAR_PUT_CREATE_ONLY 1u /* commit fails with HANGAR_EXISTS when the name exists */

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
 * commit fails with HANGAR_EXISTS and the old object stays.  A committed
 * object survives a power failure.
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

    /* Checks whether storing and reading work, by trying both, and removes what it
     * stored.  Sets the capabilities of the store ("create_only" yes or no, "free",
     * ...). */
    enum hangar_rc (*probe)(void *inst, struct hangar_attrs *capabilities);

    /* The number of puts that may be open at once.  [may be NULL: 64] */
    uint32_t (*max_open_puts)(void *inst);

    /* `size_hint` is the expected size in bytes; 0: unknown. */
    enum hangar_rc (*put_open)(void *inst, const char *name, uint64_t size_hint, uint32_t flags,
                               struct hangar_put **out);

    /* Appends all `size` bytes, or fails: there is no short write.  The buffer
     * belongs to the core, which reuses it after the call. */
    enum hangar_rc (*put_write)(struct hangar_put *put, const void *data, size_t size);

    /* Sets the fields of `entry`, except its name, to those of the stored object. */
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

    /* Returns HANGAR_OK when the object does not exist.  HANGAR_EXISTS means that
     * the store refuses to remove the object because of a lock, such as retain sets:
     * that is not an error, and the core tries again later.  A sink with folders
     * removes those that become empty. */
    enum hangar_rc (*remove)(void *inst, const char *name);

    /* Removes many objects; results[i] is the result of names[i].
     * [may be NULL: remove is called for each] */
    enum hangar_rc (*remove_many)(void *inst, const char *const *names, size_t count,
                                  enum hangar_rc *results);

    /* [may be NULL: unlimited] */
    enum hangar_rc (*space)(void *inst, struct hangar_space *space);

    /* Locks an object against removal and replacement until until_ms; never
     * shortens a lock.  HANGAR_UNSUPPORTED when this store cannot lock objects, or
     * the configuration does not enable it.  [may be NULL: unsupported] */
    enum hangar_rc (*retain)(void *inst, const char *name, int64_t until_ms);
};

/* ------------------------------------------------------------------------ *
 * Notifier: sends messages about jobs and alerts
 * ------------------------------------------------------------------------ */

struct hangar_event {
    uint32_t struct_size;
    uint32_t level;       /* enum hangar_log_level */
    const char *kind;     /* "backup.done", "backup.failed", "restore.done", ... */
    const char *pipeline; /* each of these may be NULL */
    const char *run_id;
    const char *backup_id;
    const char *summary; /* one line for users */
    const char *json;    /* the whole event, one JSON document */
    int64_t time_ms;
    int64_t duration_ms; /* -1: none */
};

/* A failure does not fail the job: the core logs and counts it, and tries again. */
struct hangar_notifier {
    uint32_t struct_size;
    uint32_t flags; /* 0 */
    enum hangar_rc (*notify)(void *inst, const struct hangar_event *event);
};

/* ------------------------------------------------------------------------ *
 * The descriptor
 * ------------------------------------------------------------------------ */

struct hangar_plugin {
    /* The position of these four fields never changes. */
    uint32_t struct_size;
    uint32_t abi_major;
    uint32_t abi_minor;
    uint32_t option_size;

    const char *name;                    /* [a-z][a-z0-9-]*, the NAME of hangar-NAME.so */
    const char *version;                 /* of the plugin */
    const char *summary;                 /* one line, without a full stop */
    const char *license;                 /* SPDX */
    const struct hangar_option *options; /* ends with a NULL name; NULL: none */

    /* Creates an instance: reads the options, checks that they are consistent,
     * allocates memory.  It must not connect to anything, so that mistakes in the
     * configuration are reported fast.  `host` and `ctx` live until destroy has
     * returned. */
    enum hangar_rc (*create)(const struct hangar_host *host, struct hangar_ctx *ctx, void **out);
    void (*destroy)(void *inst);

    /* Ends all waits of this instance, now and later; see "Threads".
     * [may be NULL: waits end by their own timeouts, or see host->cancelled] */
    void (*cancel)(void *inst);

    /* enum hangar_threads.  [may be NULL: HANGAR_SERIAL_INSTANCE] */
    uint32_t (*threads)(void *inst);

    /* The target of the instance, for prompts, logs and plans, without secrets:
     * "PostgreSQL database shop on db1:5432", "directory /srv/backups".  Lives
     * until destroy.  [may be NULL: the plugin's name is shown] */
    const char *(*describe)(void *inst);

    /* The roles of the plugin, at least one; NULL: it does not have the role. */
    const struct hangar_source *source;
    const struct hangar_transform *transform;
    const struct hangar_sink *sink;
    const struct hangar_notifier *notifier;
};

/* The initialiser of the first four fields. */
#define HANGAR_PLUGIN_HEADER                                                                       \
    .struct_size = sizeof(struct hangar_plugin), .abi_major = HANGAR_ABI_MAJOR,                    \
    .abi_minor = HANGAR_ABI_MINOR, .option_size = sizeof(struct hangar_option)

/* Defines the exported function.  To be placed at the end of the plugin's file. */
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
