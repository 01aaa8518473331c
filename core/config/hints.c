/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * hints: see hints.h.  Tables of words; it changes nothing that a file means.
 */
#include "config/hints.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hangar/plugin.h>
#include "base/units.h"
#include "config/retention_rules.h"

/* Where each key belongs, in the words of a hint.  A key that several maps have names all. */
#define RULE_PLACE(key, least, ...) {#key, "the \"retention\" of a sink"},
static const struct {
    const char *key, *place;
} hint_places[] = {{"version", "the beginning of the file, at the left edge"},
                   {"origin", "the left edge of the file, outside of all sections"},
                   {"plugin_path", "the left edge of the file, outside of all sections"},
                   {"limits", "the left edge of the file: it is a section of its own"},
                   {"signing", "the left edge of the file: it is a section of its own"},
                   {"pipelines", "the left edge of the file: it is a section of its own"},
                   {"alerts", "the left edge of the file: it is a section of its own"},
                   {"http", "the left edge of the file: it is a section of its own"},
                   {"sources", "the left edge of the file, and to a pipeline"},
                   {"transforms", "the left edge of the file, and to a pipeline"},
                   {"sinks", "the left edge of the file, and to a pipeline"},
                   {"notifiers", "the left edge of the file, and to a pipeline"},
                   {"memory", "the section \"limits\""},
                   {"workers", "the section \"limits\""},
                   {"stall_timeout", "the section \"limits\""},
                   {"drill_timeout", "the section \"limits\""},
                   {"temp_dir", "the section \"limits\""},
                   {"nice", "the section \"limits\""},
                   {"ionice", "the section \"limits\""},
                   {"jobs", "the section \"limits\""},
                   {"stop_timeout", "the section \"limits\""},
                   {"repeat", "the section \"alerts\""},
                   {"max_drill_age", "the section \"alerts\""},
                   {"size_change", "the section \"alerts\""},
                   {"min_free", "the section \"alerts\", or to the \"options\" of a sink"},
                   {"listen", "the section \"http\""},
                   {"plugin", "a source, transform, sink or notifier"},
                   {"options", "a source, transform, sink or notifier, beside its \"plugin\""},
                   {"rate_limit", "a source or sink, beside its \"plugin\""},
                   {"scratch", "a source, beside its \"plugin\""},
                   {"required", "a sink, beside its \"plugin\""},
                   {"max_lag", "a sink, beside its \"plugin\""},
                   {"verify_first", "a sink, beside its \"plugin\""},
                   {"retention", "a sink, beside its \"plugin\""},
                   {"events", "a notifier, beside its \"plugin\""},
                   {"hooks", "a pipeline"},
                   {"before_backup", "the \"hooks\" of a pipeline"},
                   {"after_backup", "the \"hooks\" of a pipeline"},
                   {"before_restore", "the \"hooks\" of a pipeline"},
                   {"after_restore", "the \"hooks\" of a pipeline"},
                   {"schedule", "a pipeline"},
                   {"verify", "a pipeline"},
                   {"drill", "a pipeline"},
                   {"timezone", "a pipeline, or to the \"retention\" of a sink"},
                   {"windows", "a pipeline"},
                   {"jitter", "a pipeline"},
                   {"catch_up", "a pipeline"},
                   {"max_duration", "a pipeline"},
                   {"max_age", "a pipeline"},
                   {"retry", "a pipeline"},
                   {"times", "the \"retry\" of a pipeline"},
                   {"after", "the \"retry\" of a pipeline"},
                   {"delete_grace", "the \"retention\" of a sink"},
                   HG_RETENTION_RULES(RULE_PLACE)};
#undef RULE_PLACE

/* The words of other programs, and hangar's words for the same.  A word with several meanings
 * is listed once for each; the meaning that is a key of the map counts. */
struct hint_word {
    const char *word, *key;
};
static const struct hint_word hint_words[] = {
    {"cron", "schedule"},
    {"crontab", "schedule"},
    {"cron_schedule", "schedule"},
    {"every", "schedule"},
    {"interval", "schedule"},
    {"frequency", "schedule"},
    {"when", "schedule"},
    {"at", "schedule"},
    {"run_at", "schedule"},
    {"tz", "timezone"},
    {"time_zone", "timezone"},
    {"zone", "timezone"},
    {"window", "windows"},
    {"random_delay", "jitter"},
    {"timeout", "max_duration"},
    {"timeout", "stall_timeout"},
    {"test_restore", "drill"},
    {"check", "verify"},
    {"inputs", "sources"},
    {"from", "sources"},
    {"databases", "sources"},
    {"compress", "transforms"},
    {"compression", "transforms"},
    {"filters", "transforms"},
    {"outputs", "sinks"},
    {"to", "sinks"},
    {"destination", "sinks"},
    {"destinations", "sinks"},
    {"target", "sinks"},
    {"targets", "sinks"},
    {"storage", "sinks"},
    {"storages", "sinks"},
    {"repositories", "sinks"},
    {"stores", "sinks"},
    {"notify", "notifiers"},
    {"notifications", "notifiers"},
    {"backups", "pipelines"},
    {"jobs", "pipelines"},
    {"pre_backup", "before_backup"},
    {"post_backup", "after_backup"},
    {"pre_restore", "before_restore"},
    {"post_restore", "after_restore"},
    {"keep", "keep_last"},
    {"last", "keep_last"},
    {"count", "keep_last"},
    {"keep_count", "keep_last"},
    {"days", "keep_days"},
    {"max_age", "keep_days"},
    {"hourly", "keep_hourly"},
    {"daily", "keep_daily"},
    {"weekly", "keep_weekly"},
    {"monthly", "keep_monthly"},
    {"yearly", "keep_yearly"},
    {"prune", "retention"},
    {"expire", "retention"},
    {"keep_within", "keep_days"},
    {"type", "plugin"},
    {"kind", "plugin"},
    {"driver", "plugin"},
    {"config", "options"},
    {"settings", "options"},
    {"params", "options"},
    {"parameters", "options"},
    {"optional", "required"},
    {"bandwidth", "rate_limit"},
    {"threads", "workers"},
    {"parallel", "workers"},
    {"tmpdir", "temp_dir"},
    {"tmp_dir", "temp_dir"},
    {"ram", "memory"},
    {"on", "events"},
    {"server", "host"},
    {"hostname", "host"},
    {"address", "host"},
    {"endpoint", "url"},
    {"uri", "url"},
    {"dbname", "database"},
    {"db", "database"},
    {"username", "user"},
    {"login", "user"},
    {"directory", "path"},
    {"dir", "path"},
    {"folder", "path"},
    {"location", "path"},
    {"retain", "retention"},
};

/* Such words that are too common to lead to another map than the one with the key. */
static const struct hint_word hint_words_there[] = {
    {"count", "times"},    {"attempts", "times"},    {"max_attempts", "times"},
    {"tries", "times"},    {"retries", "times"},     {"max", "times"},
    {"delay", "after"},    {"wait", "after"},        {"every", "after"},
    {"interval", "after"}, {"pause", "after"},       {"backoff", "after"},
    {"retries", "retry"},  {"port", "listen"},       {"bind", "listen"},
    {"address", "listen"}, {"keep", "retention"},    {"file", "key_file"},
    {"path", "key_file"},  {"key_path", "key_file"},
};

/* How a key is written whose value is a map. */
static const struct {
    const char *key, *example;
} hint_maps[] = {{"retention", "retention: { keep_days: 7 }"},
                 {"retry", "retry: { times: 3, after: 10m }"},
                 {"hooks", "hooks: { before_backup: [./program, argument] }"},
                 {"http", "http: { listen: '127.0.0.1:9848' }"},
                 {"signing", "signing: { key_file: ./signing.key }"},
                 {"limits", "limits: { memory: 256MiB }"},
                 {"alerts", "alerts: { max_drill_age: 30d }"},
                 {"sources", "sources: { app: { plugin: NAME } }"},
                 {"transforms", "transforms: { pack: { plugin: NAME } }"},
                 {"sinks", "sinks: { local: { plugin: NAME } }"},
                 {"pipelines", "pipelines: { nightly: { sources: [app], sinks: [local] } }"}};

#define HINT_COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *hint_place_of(const char *key)
{
    for (size_t i = 0; i < HINT_COUNT(hint_places); i++) {
        if (strcmp(hint_places[i].key, key) == 0) {
            return hint_places[i].place;
        }
    }
    return NULL;
}

bool hg_hint_is_key(const char *key)
{
    return hint_place_of(key) != NULL;
}

static bool hint_is_known(const char *key, const char *const *known)
{
    while (*known && strcmp(*known, key) != 0) {
        known++;
    }
    return *known != NULL;
}

/* The key of hangar for a word of other programs: a key of this map, else of any map; NULL: there
 * is none. */
static const char *hint_for_word(const char *word, const char *const *known)
{
    const char *elsewhere = NULL;
    for (size_t i = 0; i < HINT_COUNT(hint_words_there); i++) {
        if (strcmp(hint_words_there[i].word, word) == 0 &&
            hint_is_known(hint_words_there[i].key, known)) {
            return hint_words_there[i].key;
        }
    }
    for (size_t i = 0; i < HINT_COUNT(hint_words); i++) {
        if (strcmp(hint_words[i].word, word) == 0) {
            if (hint_is_known(hint_words[i].key, known)) {
                return hint_words[i].key;
            }
            elsewhere = elsewhere ? elsewhere : hint_words[i].key;
        }
    }
    return elsewhere;
}

char *hg_hint_for_key(const char *key, const char *const *known)
{
    const char *word = hint_for_word(key, known);
    const char *place = hint_place_of(key);
    if (word && hint_is_known(word, known)) {
        return hg_format("did you mean \"%s\"?", word);
    }
    if (place) {
        return hg_format("\"%s\" belongs to %s", key, place);
    }
    const char *meant = hg_did_you_mean(key, known);
    if (meant) {
        return hg_format("did you mean \"%s\"?", meant);
    }
    place = word ? hint_place_of(word) : NULL;
    if (place) {
        return hg_format("did you mean \"%s\"? It belongs to %s", word, place);
    }
    return NULL;
}

const char *hg_hint_for_map(const char *key)
{
    for (size_t i = 0; i < HINT_COUNT(hint_maps); i++) {
        if (strcmp(hint_maps[i].key, key) == 0) {
            return hint_maps[i].example;
        }
    }
    return NULL;
}

/* ---- values ---- */

/* "2:30", "02:30:00" */
static bool hint_is_time(const char *text, int *hour, int *minute)
{
    int n = 0, second;
    if (sscanf(text, "%2d:%2d%n", hour, minute, &n) != 2) {
        return false;
    }
    if (text[n] == ':') {
        int more = 0;
        n += sscanf(text + n, ":%2d%n", &second, &more) == 1 ? more : 0;
    }
    return text[n] == '\0' && *hour >= 0 && *hour < 24 && *minute >= 0 && *minute < 60;
}

void hg_hint_for_schedule(const char *text, struct hg_str *out)
{
    static const char *const words[][2] = {{"hourly", "@hourly"},    {"daily", "@daily"},
                                           {"nightly", "0 2 * * *"}, {"every day", "@daily"},
                                           {"weekly", "@weekly"},    {"monthly", "@monthly"},
                                           {"yearly", "@yearly"},    {"annually", "@yearly"}};
    int hour, minute;
    size_t fields = 0;
    for (size_t i = 0; i < HINT_COUNT(words); i++) {
        if (strcasecmp(words[i][0], text) == 0) {
            hg_str_addf(out, "; hint: write \"%s\"", words[i][1]);
            return;
        }
    }
    if (hint_is_time(text, &hour, &minute)) {
        hg_str_addf(out, "; hint: write \"%d %d * * *\" for %02d:%02d each day", minute, hour, hour,
                    minute);
        return;
    }
    for (const char *at = text + strspn(text, " \t"); *at != '\0'; at += strspn(at, " \t")) {
        fields++;
        at += strcspn(at, " \t");
    }
    if (fields != 5) {
        hg_str_add(out, "; hint: a schedule is \"minute hour day month weekday\", such as "
                        "\"0 2 * * *\", or @daily");
    }
}

/* The digits at the beginning, with a fraction if `fraction`; `*unit` is what follows, without
 * blanks before it. */
static size_t hint_number(const char *text, bool fraction, const char **unit)
{
    size_t n = strspn(text, "0123456789");
    if (fraction && n > 0 && text[n] == '.' && isdigit((unsigned char)text[n + 1])) {
        n += 1 + strspn(text + n + 1, "0123456789");
    }
    *unit = text + n + strspn(text + n, " ");
    return n;
}

static const char *hint_size_unit(const char *unit)
{
    static const char *const units[][3] = {
        {"k", "KiB", "kB"}, {"m", "MiB", "MB"}, {"g", "GiB", "GB"}, {"t", "TiB", "TB"}};
    for (size_t i = 0; i < HINT_COUNT(units); i++) {
        if (tolower((unsigned char)unit[0]) != units[i][0][0]) {
            continue;
        }
        if (strcasecmp(unit + 1, "b") == 0) {
            return units[i][2];
        }
        if (unit[1] == '\0' || strcasecmp(unit + 1, "ib") == 0) {
            return units[i][1];
        }
    }
    return NULL;
}

static const char *hint_duration_unit(const char *unit)
{
    static const struct {
        const char *word, *unit;
    } units[] = {{"second", "s"}, {"sec", "s"}, {"minute", "m"}, {"min", "m"}, {"hour", "h"},
                 {"hr", "h"},     {"day", "d"}, {"week", "w"},   {"s", "s"},   {"m", "m"},
                 {"h", "h"},      {"d", "d"},   {"w", "w"}};
    for (size_t i = 0; i < HINT_COUNT(units); i++) {
        size_t n = strlen(units[i].word);
        if (strncasecmp(unit, units[i].word, n) == 0 &&
            (unit[n] == '\0' || (n > 1 && strcasecmp(unit + n, "s") == 0))) {
            return units[i].unit;
        }
    }
    return NULL;
}

static const char *hint_truth(const char *text)
{
    static const char *const words[][2] = {
        {"yes", "true"}, {"on", "true"},   {"y", "true"},  {"1", "true"},  {"true", "true"},
        {"no", "false"}, {"off", "false"}, {"n", "false"}, {"0", "false"}, {"false", "false"}};
    for (size_t i = 0; i < HINT_COUNT(words); i++) {
        if (strcasecmp(words[i][0], text) == 0) {
            return words[i][1];
        }
    }
    return NULL;
}

void hg_hint_for_value(uint32_t type, const char *text, struct hg_str *out)
{
    enum { MOST_DIGITS = 12 };
    const char *unit;
    size_t n = hint_number(text, type != HANGAR_OPT_INT, &unit);
    const char *meant = NULL;
    if (type == HANGAR_OPT_BOOL) {
        meant = hint_truth(text);
        if (meant) {
            hg_str_addf(out, "; hint: write %s", meant);
        }
        return;
    }
    bool number = n > 0 && n <= MOST_DIGITS && *unit != '\0';
    if (type == HANGAR_OPT_INT) {
        static const char *const units[] = {"%", "x", "times", NULL};
        if (number && (hint_size_unit(unit) || hint_duration_unit(unit) ||
                       hint_is_known(unit, units) || strncasecmp(unit, "month", 5) == 0 ||
                       strncasecmp(unit, "year", 4) == 0 || strcasecmp(unit, "y") == 0)) {
            hg_str_addf(out, "; hint: write %.*s, without a unit", (int)n, text);
        }
        return;
    }
    meant = !number                       ? NULL
            : type == HANGAR_OPT_SIZE     ? hint_size_unit(unit)
            : type == HANGAR_OPT_DURATION ? hint_duration_unit(unit)
                                          : NULL;
    char *write = meant ? hg_format("%.*s%s", (int)n, text, meant) : NULL;
    int64_t unused;
    bool valid = write && (type == HANGAR_OPT_SIZE ? hg_parse_size(write, &unused)
                                                   : hg_parse_duration(write, &unused));
    if (valid) {
        hg_str_addf(out, "; hint: write %s", write);
    } else if (type == HANGAR_OPT_SIZE) {
        hg_str_add(out, "; hint: write it as 64KiB, 1.5GiB or 10MB");
    } else if (type == HANGAR_OPT_DURATION) {
        hg_str_add(out, "; hint: write it as 500ms, 30s, 5m or 7d");
    }
    free(write);
}

/* ---- syntax ---- */

void hg_hint_for_syntax(const char *problem, size_t line, size_t column, struct hg_str *out)
{
    static const struct {
        const char *problem, *hint;
    } hints[] = {
        {"mapping values are not allowed in this context",
         "check the indentation, and quote texts that contain \": \""},
        {"could not find expected ':'",
         "check that each key is followed by \":\" and a space, and that each quote is closed"},
        {"did not find expected ',' or ']'",
         "close the list with \"]\", and quote texts that contain \",\", brackets or braces"},
        {"did not find expected ',' or '}'",
         "close the map with \"}\", and quote texts that contain \",\", brackets or braces"},
        {"found unexpected end of stream", "a quote is not closed"},
        {"found character that cannot start any token",
         "quote a text that begins with @, % or a backquote"},
        {"found unknown escape character", "write \\\\ for a backslash, or use single quotes"},
        {"block sequence entries are not allowed in this context",
         "begin a list in the line below its key"},
    };
    if (strcmp(problem, "did not find expected key") == 0) {
        hg_str_addf(out,
                    "; hint: check the indentation: the keys of the map of line %zu begin in "
                    "column %zu",
                    line, column);
    } else if (strcmp(problem, "did not find expected '-' indicator") == 0) {
        hg_str_addf(out,
                    "; hint: check the indentation: the entries of the list of line %zu begin "
                    "with \"-\" in column %zu",
                    line, column);
    }
    for (size_t i = 0; i < HINT_COUNT(hints); i++) {
        if (strcmp(hints[i].problem, problem) == 0) {
            hg_str_addf(out, "; hint: %s", hints[i].hint);
        }
    }
}
