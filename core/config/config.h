/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * config: the model of backup.yaml: its instances, pipelines and settings.  The options of
 * instances are read by options.h, which needs the tables of the plugins.
 */
#ifndef HG_CONFIG_CONFIG_H
#define HG_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "config/retention_rules.h"

#define HG_CHAIN_MAX 8        /* transforms of a pipeline */
#define HG_SIGNING_KEY_MIN 16 /* bytes of a signing key, at least */

struct hg_yaml;

enum hg_kind { HG_SOURCE, HG_TRANSFORM, HG_SINK, HG_NOTIFIER, HG_KINDS };

/* "source", "sources". */
const char *hg_kind_name(enum hg_kind kind);
const char *hg_kind_section(enum hg_kind kind);

/* retention: of a sink. */
struct hg_retention {
    bool given;
    struct hg_policy policy;
    char *timezone;          /* a name of tzdata; NULL: the machine's */
    struct hg_zone *zone;    /* that one */
    int64_t delete_grace_ms; /* between a manifest's removal and that of its objects */
};

/* Whether a restore compares all stored bytes with the manifest before it changes a target. */
enum hg_verify_first { HG_VERIFY_FIRST_AUTO, HG_VERIFY_FIRST_ALWAYS, HG_VERIFY_FIRST_NEVER };

struct hg_instance_config {
    enum hg_kind kind;
    char *name;
    char *plugin;                      /* NULL when it is missing or invalid, which was reported */
    size_t line, column;               /* of its name */
    size_t plugin_line, plugin_column; /* of the value of `plugin:` */
    const struct hg_yaml *options;     /* the config's tree; NULL: none given */
    int64_t rate_limit;                /* of sources and sinks: bytes a second; 0: none */
    const struct hg_yaml *scratch;     /* sources: options of a server for drills; NULL: none */
    bool required;                     /* sinks; default true */
    int64_t max_lag_ms;                /* sinks: how long it may make the others wait */
    enum hg_verify_first verify_first; /* sinks; AUTO: only if the sink is local */
    struct hg_retention retention;     /* sinks */
    char **events;                     /* notifiers: patterns of event names; NULL: not given */
};

/* The times at which a command of the user runs. */
enum hg_hook { HG_BEFORE_BACKUP, HG_AFTER_BACKUP, HG_BEFORE_RESTORE, HG_AFTER_RESTORE, HG_HOOKS };

/* "before_backup" */
const char *hg_hook_name(enum hg_hook hook);

#define HG_HOOK_TIMEOUT_MS 60000 /* when no timeout is given */

struct hg_hook_config {
    char **argv; /* NULL: none */
    int64_t timeout_ms;
};

struct hg_pipeline_config {
    char *name;
    size_t line, column;
    size_t *sources, *transforms, *sinks; /* indexes into config->instances */
    size_t source_count, transform_count, sink_count;
    bool notifiers_given; /* otherwise all notifiers are used */
    size_t *notifiers;
    size_t notifier_count;
    struct hg_hook_config hooks[HG_HOOKS];
    /* When the daemon runs each job; NULL: never. */
    char *schedule, *verify, *drill;
    char *timezone;          /* of these and the windows; NULL: the machine's */
    char **windows;          /* times in which a job may begin, NULL-terminated; NULL: any */
    int64_t jitter_ms;       /* a random delay before a job, at most */
    bool catch_up;           /* runs jobs late that were due while the daemon was stopped */
    int64_t retry_times;     /* so often the daemon tries a failed backup again; 0: never */
    int64_t retry_after_ms;  /* between two tries */
    int64_t max_duration_ms; /* a longer job is an alert; 0: no limit */
    int64_t max_age_ms;      /* of the newest good backup; 0: any, -1: not given */
};

/* The I/O priority of backups and verifications. */
enum hg_ionice { HG_IONICE_NONE, HG_IONICE_BEST_EFFORT, HG_IONICE_IDLE };

/* alerts: the limits. */
struct hg_alert_config {
    int64_t repeat_ms;        /* a lasting alert is sent again after this; default 12 h */
    int64_t max_drill_age_ms; /* where drills are scheduled; default 35 days */
    int64_t min_free_bytes;   /* in each sink; default 0 */
    int64_t size_change;      /* percent of difference from the usual size; default 50, 0: any */
};

/* Owns everything that it points to, including the tree. */
struct hg_config {
    char *path; /* as given or found: what messages show */
    char *dir;  /* absolute folder of it */
    struct hg_yaml *root;
    const struct hg_yaml *signing; /* the map under `signing:`; NULL: backups are not signed */
    char *origin;                  /* of the backups; NULL: the name of this host */
    char **plugin_path;            /* absolute, NULL-terminated */
    int64_t memory_bytes;          /* default 128 MiB, at least 32 MiB */
    int64_t workers;               /* 0: auto */
    int64_t stall_timeout_ms;      /* default 10 min */
    int64_t drill_timeout_ms;      /* of a whole drill; default 24 h */
    char *temp_dir;                /* NULL: $TMPDIR, else /var/tmp */
    int64_t nice;                  /* of backups and verifications, 0 to 19 */
    enum hg_ionice ionice;
    int64_t jobs;            /* that the daemon runs at once; default 2 */
    int64_t stop_timeout_ms; /* for those to end when it stops; default 40 s */
    char *listen;            /* where the daemon answers HTTP; NULL: nowhere */
    char *http_host;         /* a name of this machine in requests to it; NULL: none */
    struct hg_alert_config alerts;
    struct hg_instance_config *instances;
    size_t instance_count, instance_capacity;
    struct hg_pipeline_config *pipelines;
    size_t pipeline_count, pipeline_capacity;
};

void hg_config_free(struct hg_config *config);

/* The age that the newest good backup may have: as given, else 25 hours, or an hour more
 * than the schedule lets pass between two days.  0: any. */
int64_t hg_pipeline_max_age_ms(const struct hg_pipeline_config *pipeline);

/* Index of an instance, or -1. */
long hg_config_find(const struct hg_config *config, enum hg_kind kind, const char *name);

#endif
