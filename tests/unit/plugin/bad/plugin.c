/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * plugin: a plugin with all roles that does nothing, and that has one defect.  Linking
 * selects the defect, or the variable ODD, which is read when the plugin is loaded:
 * a plugin is code, and could do all of this.
 */
#include <hangar/plugin.h>

#include <stdlib.h>
#include <string.h>

#ifndef ODD_VERSION
#define ODD_VERSION "1.0.0"
#endif

#ifndef ODD_NO_ENTRY

/* One function for every place: it is never called. */
static enum hangar_rc odd_nothing(void)
{
    return HANGAR_INTERNAL;
}

#define ANY(table, member) ((__typeof__(((struct table *)0)->member))(void (*)(void))odd_nothing)

static enum hangar_rc odd_create(const struct hangar_host *host, struct hangar_ctx *ctx, void **out)
{
    (void)host;
    *out = ctx;
    return HANGAR_OK;
}

static void odd_destroy(void *inst)
{
    (void)inst;
}

static const struct hangar_option options[] = {
    {.name = "one", .type = HANGAR_OPT_STRING, .default_value = "1", .help = "an option"},
    {.name = NULL}};

/* What a later header might have: the same, and more at the end. */
struct later_option {
    struct hangar_option now;
    const char *unit;
};
static const struct later_option later_options[] = {
    {{.name = "first", .type = HANGAR_OPT_INT, .default_value = "7", .help = "a"}, "m"},
    {{.name = "second", .type = HANGAR_OPT_STRING, .help = "b"}, "s"},
    {{.name = NULL}, NULL}};
static const struct hangar_option newer_type[] = {{.name = "one", .type = HANGAR_OPT_LIST + 1},
                                                  {.name = NULL}};
static struct hangar_option endless[300];

static struct {
    struct hangar_source table;
    void *later[4];
} source = {.table = {.struct_size = sizeof(struct hangar_source),
                      .check = ANY(hangar_source, check),
                      .jobs = ANY(hangar_source, jobs),
                      .prepare = ANY(hangar_source, prepare),
                      .begin = ANY(hangar_source, begin),
                      .next = ANY(hangar_source, next),
                      .read = ANY(hangar_source, read),
                      .close = ANY(hangar_source, close),
                      .rewind = ANY(hangar_source, rewind),
                      .end = ANY(hangar_source, end),
                      .restore_prepare = ANY(hangar_source, restore_prepare),
                      .restore_open = ANY(hangar_source, restore_open),
                      .restore_write = ANY(hangar_source, restore_write),
                      .restore_close = ANY(hangar_source, restore_close),
                      .restore_end = ANY(hangar_source, restore_end),
                      .inspect = ANY(hangar_source, inspect)},
            .later = {&source, &source, &source, &source}};

static struct {
    struct hangar_transform table;
    void *later[4];
} transform = {.table = {.struct_size = sizeof(struct hangar_transform),
                         .suffix = ".odd",
                         .decode_command = "cat",
                         .open = ANY(hangar_transform, open),
                         .process = ANY(hangar_transform, process),
                         .close = ANY(hangar_transform, close),
                         .encode_bound = ANY(hangar_transform, encode_bound),
                         .block_open = ANY(hangar_transform, block_open),
                         .encode_block = ANY(hangar_transform, encode_block),
                         .block_close = ANY(hangar_transform, block_close)},
               .later = {&source, &source, &source, &source}};

static struct {
    struct hangar_sink table;
    void *later[4];
} sink = {.table = {.struct_size = sizeof(struct hangar_sink),
                    .probe = ANY(hangar_sink, probe),
                    .put_open = ANY(hangar_sink, put_open),
                    .put_write = ANY(hangar_sink, put_write),
                    .put_commit = ANY(hangar_sink, put_commit),
                    .put_abort = ANY(hangar_sink, put_abort),
                    .get_open = ANY(hangar_sink, get_open),
                    .get_read = ANY(hangar_sink, get_read),
                    .get_close = ANY(hangar_sink, get_close),
                    .stat = ANY(hangar_sink, stat),
                    .list = ANY(hangar_sink, list),
                    .remove = ANY(hangar_sink, remove),
                    .remove_many = ANY(hangar_sink, remove_many),
                    .space = ANY(hangar_sink, space),
                    .retain = ANY(hangar_sink, retain)},
          .later = {&source, &source, &source, &source}};

static struct hangar_notifier notifier = {.struct_size = sizeof(struct hangar_notifier),
                                          .notify = ANY(hangar_notifier, notify)};

static struct {
    struct hangar_plugin table;
    void *later[4];
} plugin = {.table = {HANGAR_PLUGIN_HEADER, .name = "odd", .version = ODD_VERSION,
                      .summary = "does nothing", .license = "Apache-2.0", .options = options,
                      .create = odd_create, .destroy = odd_destroy,
                      .cancel = ANY(hangar_plugin, cancel), .source = &source.table,
                      .transform = &transform.table, .sink = &sink.table, .notifier = &notifier},
            .later = {&source, &source, &source, &source}};

/* "without:TABLE.MEMBER" */
#define WITHOUT(owner, member)                                                                     \
    else if (strcmp(odd, "without:" #owner "." #member) == 0) owner.table.member = NULL

static void odd_lose(const char *odd)
{
    if (strcmp(odd, "without:notifier.notify") == 0) {
        notifier.notify = NULL;
    }
    WITHOUT(source, check);
    WITHOUT(source, prepare);
    WITHOUT(source, begin);
    WITHOUT(source, next);
    WITHOUT(source, read);
    WITHOUT(source, close);
    WITHOUT(source, end);
    WITHOUT(source, restore_open);
    WITHOUT(source, restore_write);
    WITHOUT(source, restore_close);
    WITHOUT(source, restore_end);
    WITHOUT(transform, suffix);
    WITHOUT(transform, decode_command);
    WITHOUT(transform, open);
    WITHOUT(transform, process);
    WITHOUT(transform, close);
    WITHOUT(transform, encode_bound);
    WITHOUT(transform, block_open);
    WITHOUT(transform, block_close);
    WITHOUT(sink, probe);
    WITHOUT(sink, put_open);
    WITHOUT(sink, put_write);
    WITHOUT(sink, put_commit);
    WITHOUT(sink, put_abort);
    WITHOUT(sink, get_open);
    WITHOUT(sink, get_read);
    WITHOUT(sink, get_close);
    WITHOUT(sink, stat);
    WITHOUT(sink, list);
    WITHOUT(sink, remove);
    WITHOUT(plugin, create);
    WITHOUT(plugin, destroy);
    WITHOUT(plugin, version);
    WITHOUT(plugin, summary);
    WITHOUT(plugin, license);
    WITHOUT(plugin, name);
}

/* As a later header would make it. */
static void odd_grow(void)
{
    plugin.table.struct_size = sizeof(plugin);
    plugin.table.abi_minor = HANGAR_ABI_MINOR + 7;
    plugin.table.option_size = sizeof(struct later_option);
    plugin.table.options = &later_options[0].now;
    source.table.struct_size = sizeof(source);
    transform.table.struct_size = sizeof(transform);
    sink.table.struct_size = sizeof(sink);
}

/* As an earlier header would make it: what came later is not even there. */
static void odd_shrink(void)
{
    plugin.table.struct_size = offsetof(struct hangar_plugin, notifier);
    source.table.struct_size = offsetof(struct hangar_source, restore_prepare);
    transform.table.struct_size = offsetof(struct hangar_transform, encode_bound);
    sink.table.struct_size = offsetof(struct hangar_sink, remove_many);
}

static void odd_change(const char *odd)
{
    if (strcmp(odd, "major") == 0) {
        plugin.table.abi_major = HANGAR_ABI_MAJOR + 1;
    } else if (strcmp(odd, "larger") == 0) {
        odd_grow();
    } else if (strcmp(odd, "smaller") == 0) {
        odd_shrink();
    } else if (strcmp(odd, "tiny") == 0) {
        plugin.table.struct_size = 16;
    } else if (strcmp(odd, "tiny option") == 0) {
        plugin.table.option_size = 8;
    } else if (strcmp(odd, "name") == 0) {
        plugin.table.name = "even";
    } else if (strcmp(odd, "bad name") == 0) {
        plugin.table.name = "../odd";
    } else if (strcmp(odd, "prefix") == 0) {
        plugin.table.name = "od";
    } else if (strcmp(odd, "endless") == 0) {
        plugin.table.options = endless;
    } else if (strcmp(odd, "newer type") == 0) {
        plugin.table.options = newer_type;
    } else if (strcmp(odd, "no options") == 0) {
        plugin.table.options = NULL;
    } else if (strcmp(odd, "no role") == 0) {
        plugin.table.source = NULL, plugin.table.transform = NULL, plugin.table.sink = NULL,
        plugin.table.notifier = NULL;
    } else {
        odd_lose(odd);
    }
}

HANGAR_EXPORT const struct hangar_plugin *hangar_plugin_entry(void);
HANGAR_EXPORT const struct hangar_plugin *hangar_plugin_entry(void)
{
    const char *odd = getenv("ODD");
    for (size_t i = 0; i < sizeof(endless) / sizeof(endless[0]); i++) {
        endless[i].name = "again";
    }
    if (odd && strcmp(odd, "null") == 0) {
        return NULL;
    }
    if (odd) {
        odd_change(odd);
    }
    return &plugin.table;
}

#endif

#ifdef ODD_GONE
int gone(void);
HANGAR_EXPORT int odd_gone(void);
HANGAR_EXPORT int odd_gone(void)
{
    return gone();
}
#endif

#ifdef ODD_UNDEFINED
int hangar_function_that_nobody_has(void);
HANGAR_EXPORT int odd_undefined(void);
HANGAR_EXPORT int odd_undefined(void)
{
    return hangar_function_that_nobody_has();
}
#endif

#ifdef ODD_NO_ENTRY
HANGAR_EXPORT int odd_other(void);
HANGAR_EXPORT int odd_other(void)
{
    return 0;
}
#endif
