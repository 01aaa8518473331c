/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fake_host: loads a plugin, copies its tables as the ABI prescribes, and stores its options.
 * Misuse by the test or by the plugin ends the program with the reason, so the test fails.
 */
#include "fake_private.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/io.h"
#include "base/units.h"

#define DEFAULT_BUDGET ((size_t)128 << 20)

_Noreturn void fake_die(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("fake host: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    exit(EXIT_FAILURE);
}

char *fake_temp_template(void)
{
    const char *root = getenv("TMPDIR");
    char *path = hg_format("%s/hangar-fake-XXXXXX", root && *root ? root : "/tmp");
    if (!path) {
        fake_die("out of memory");
    }
    return path;
}

/* The shared object stays loaded: leak reports of sanitizers need its symbols,
 * and the next test of the same program would load it again anyway. */
static const struct hangar_plugin *fake_host_load_plugin(const char *plugin)
{
    char path[PATH_MAX];
    if (strchr(plugin, '/')) {
        snprintf(path, sizeof(path), "%s", plugin);
    } else {
        const char *dir = getenv("HANGAR_PLUGIN_DIR");
        if (!dir) {
            fake_die("HANGAR_PLUGIN_DIR is not set");
        }
        snprintf(path, sizeof(path), "%s/hangar-%s.so", dir, plugin);
    }
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        fake_die("%s", dlerror());
    }
    const struct hangar_plugin *(*entry)(void) = NULL;
    void *symbol = dlsym(handle, "hangar_plugin_entry");
    if (!symbol) {
        fake_die("%s exports no hangar_plugin_entry", path);
    }
    memcpy(&entry, &symbol, sizeof(entry));
    const struct hangar_plugin *found = entry();
    if (!found) {
        fake_die("%s has no descriptor", path);
    }
    return found;
}

/* Copies min(size, the table's own size) bytes into a zeroed table. */
static void copy_table(void *to, size_t size, const void *from, const char *what)
{
    uint32_t theirs = 0;
    memcpy(&theirs, from, sizeof(theirs));
    if (theirs < sizeof(uint64_t)) {
        fake_die("the %s table has an impossible struct_size of %u", what, theirs);
    }
    memset(to, 0, size);
    memcpy(to, from, theirs < size ? theirs : size);
}

#define COPY_ROLE(fake, role)                                                                      \
    do {                                                                                           \
        if ((fake)->plugin.role) {                                                                 \
            copy_table(&(fake)->role, sizeof((fake)->role), (fake)->plugin.role, #role);           \
            (fake)->plugin.role = &(fake)->role;                                                   \
        }                                                                                          \
    } while (0)

static void fake_host_copy_plugin(struct fake_host *fake, const struct hangar_plugin *found)
{
    if (found->abi_major != HANGAR_ABI_MAJOR) {
        fake_die("the plugin has ABI major %u, not %u", found->abi_major, HANGAR_ABI_MAJOR);
    }
    copy_table(&fake->plugin, sizeof(fake->plugin), found, "plugin");
    if (!fake->plugin.name || !fake->plugin.version || !fake->plugin.summary ||
        !fake->plugin.license || !fake->plugin.create || !fake->plugin.destroy) {
        fake_die("the descriptor lacks a name, version, summary, license, create or destroy");
    }
    COPY_ROLE(fake, source);
    COPY_ROLE(fake, transform);
    COPY_ROLE(fake, sink);
    COPY_ROLE(fake, notifier);
    if (!found->source && !found->transform && !found->sink && !found->notifier) {
        fake_die("the plugin has no role");
    }
}

static void copy_options(struct fake_host *fake)
{
    size_t stride = fake->plugin.option_size;
    if (stride < offsetof(struct hangar_option, help) || stride % sizeof(void *)) {
        fake_die("the plugin has an impossible option_size of %zu", stride);
    }
    const char *table = (const char *)fake->plugin.options;
    for (size_t n = 0; table; n++) {
        struct hangar_option decl = {0};
        memcpy(&decl, table + n * stride, stride < sizeof(decl) ? stride : sizeof(decl));
        if (!decl.name) {
            return;
        }
        void *grown = realloc(fake->options, (n + 1) * sizeof(*fake->options));
        if (!grown) {
            fake_die("out of memory");
        }
        fake->options = grown;
        fake->options[n] = (struct fake_option){.decl = decl};
        fake->option_count = n + 1;
    }
}

struct fake_host *fake_host_open(const char *plugin)
{
    struct fake_host *fake = calloc(1, sizeof(*fake));
    if (!fake) {
        fake_die("out of memory");
    }
    fake->ctx.fake = fake;
    fake->budget = DEFAULT_BUDGET;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&fake->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&fake->mutex, NULL);
    fake->host.struct_size = sizeof(fake->host);
    fake->host.abi_minor = HANGAR_ABI_MINOR;
    fake_services_init(&fake->host);
    fake_values_init(&fake->host);
    fake_host_copy_plugin(fake, fake_host_load_plugin(plugin));
    copy_options(fake);
    return fake;
}

void fake_host_close(struct fake_host *fake)
{
    if (!fake) {
        return;
    }
    if (fake->inst) {
        fake->plugin.destroy(fake->inst);
    }
    if (fake->temp_dir && hg_remove_tree(fake->temp_dir, NULL)) {
        fake_die("cannot remove %s", fake->temp_dir);
    }
    free(fake->temp_dir);
    for (size_t i = 0; i < fake->option_count; i++) {
        for (size_t k = 0; k < fake->options[i].count; k++) {
            free(fake->options[i].values[k]);
        }
        free(fake->options[i].values);
    }
    free(fake->options);
    hg_str_free(&fake->log);
    hg_str_free(&fake->error);
    pthread_mutex_destroy(&fake->mutex);
    pthread_cond_destroy(&fake->wake);
    free(fake);
}

const struct hangar_plugin *fake_host_plugin(struct fake_host *fake)
{
    return &fake->plugin;
}

const struct hangar_host *fake_host_table(struct fake_host *fake)
{
    return &fake->host;
}

struct hangar_ctx *fake_host_ctx(struct fake_host *fake)
{
    return &fake->ctx;
}

static struct fake_option *find_option(struct fake_host *fake, const char *name)
{
    for (size_t i = 0; i < fake->option_count; i++) {
        if (strcmp(fake->options[i].decl.name, name) == 0) {
            return &fake->options[i];
        }
    }
    fake_die("%s declares no option %s", fake->plugin.name, name);
}

const struct fake_option *fake_option(struct fake_host *fake, const char *name, unsigned types)
{
    const struct fake_option *option = find_option(fake, name);
    if (!(types & 1u << option->decl.type)) {
        fake_die("the plugin reads option %s with the getter of another type", name);
    }
    return option;
}

static bool is_choice(const struct hangar_option *decl, const char *value)
{
    for (const char *const *choice = decl->choices; choice && *choice; choice++) {
        if (strcmp(*choice, value) == 0) {
            return true;
        }
    }
    return false;
}

/* Parses a value as the core does; a value that the core would refuse ends the test. */
static void parse_value(struct fake_option *option, const char *value)
{
    const struct hangar_option *decl = &option->decl;
    bool good = true, truth = false;
    switch ((enum hangar_option_type)decl->type) {
    case HANGAR_OPT_INT:
        good = hg_parse_int(value, &option->number);
        break;
    case HANGAR_OPT_SIZE:
        good = hg_parse_size(value, &option->number);
        break;
    case HANGAR_OPT_DURATION:
        good = hg_parse_duration(value, &option->number);
        break;
    case HANGAR_OPT_BOOL:
        good = hg_parse_bool(value, &truth);
        option->number = truth;
        break;
    case HANGAR_OPT_ENUM:
        good = is_choice(decl, value);
        break;
    case HANGAR_OPT_STRING:
    case HANGAR_OPT_PATH:
    case HANGAR_OPT_LIST:
        break;
    }
    if ((decl->min || decl->max) && (option->number < decl->min || option->number > decl->max)) {
        good = false;
    }
    if (!good) {
        fake_die("the core would refuse %s: %s", decl->name, value);
    }
}

static char *absolute_path(const char *value)
{
    if (value[0] == '/') {
        return hg_format("%s", value);
    }
    char cwd[PATH_MAX];
    if (!getcwd(cwd, sizeof(cwd))) {
        fake_die("cannot read the current folder: %s", strerror(errno));
    }
    return hg_format("%s/%s", cwd, value);
}

static void add_value(struct fake_option *option, const char *value)
{
    parse_value(option, value);
    char *copy =
        option->decl.type == HANGAR_OPT_PATH ? absolute_path(value) : hg_format("%s", value);
    if (option->decl.type != HANGAR_OPT_LIST && option->count) {
        free(option->values[0]);
        option->count = 0;
    }
    char **grown = realloc(option->values, (option->count + 2) * sizeof(*grown));
    if (!grown || !copy) {
        fake_die("out of memory");
    }
    option->values = grown;
    option->values[option->count++] = copy;
    option->values[option->count] = NULL;
}

void fake_host_set(struct fake_host *fake, const char *option, const char *value)
{
    if (fake->inst) {
        fake_die("option %s is set after create", option);
    }
    struct fake_option *found = find_option(fake, option);
    add_value(found, value);
    found->given = true;
}

enum hangar_rc fake_host_create(struct fake_host *fake, void **inst)
{
    if (fake->inst) {
        fake_die("create is called twice for one host");
    }
    for (size_t i = 0; i < fake->option_count; i++) {
        struct fake_option *option = &fake->options[i];
        if (option->given) {
            continue;
        }
        if (option->decl.flags & HANGAR_OPT_REQUIRED) {
            fake_die("the test does not give the required option %s", option->decl.name);
        }
        if (option->decl.default_value && !option->count) {
            add_value(option, option->decl.default_value);
        }
    }
    enum hangar_rc rc = fake->plugin.create(&fake->host, &fake->ctx, &fake->inst);
    if (rc != HANGAR_OK) {
        fake->inst = NULL;
    }
    *inst = fake->inst;
    return rc;
}

const char *fake_host_error(struct fake_host *fake)
{
    return hg_str_text(&fake->error);
}

enum hangar_rc fake_host_error_rc(struct fake_host *fake)
{
    return fake->error_rc;
}

void fake_host_clear(struct fake_host *fake)
{
    pthread_mutex_lock(&fake->mutex);
    hg_str_free(&fake->error);
    fake->error = (struct hg_str){0};
    fake->error_rc = HANGAR_OK;
    pthread_mutex_unlock(&fake->mutex);
}

const char *fake_host_log(struct fake_host *fake)
{
    return hg_str_text(&fake->log);
}

void fake_host_cancel(struct fake_host *fake)
{
    pthread_mutex_lock(&fake->mutex);
    fake->cancelled = true;
    pthread_cond_broadcast(&fake->wake);
    pthread_mutex_unlock(&fake->mutex);
    if (fake->inst && fake->plugin.cancel) {
        fake->plugin.cancel(fake->inst);
    }
}

void fake_host_budget(struct fake_host *fake, size_t bytes)
{
    pthread_mutex_lock(&fake->mutex);
    fake->budget = bytes;
    pthread_mutex_unlock(&fake->mutex);
}

size_t fake_host_budget_used(struct fake_host *fake)
{
    pthread_mutex_lock(&fake->mutex);
    size_t used = fake->budget_used;
    pthread_mutex_unlock(&fake->mutex);
    return used;
}

void fake_host_refuse_temp_dir(struct fake_host *fake, bool refuse)
{
    pthread_mutex_lock(&fake->mutex);
    fake->refuse_temp_dir = refuse;
    pthread_mutex_unlock(&fake->mutex);
}
