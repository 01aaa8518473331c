/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fake_values: attribute sets, texts and pages of listings, which tests make
 * and plugins fill.  A page checks the order and the size that a sink promises; a violation
 * ends the test.
 */
#include "fake_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/attrs.h"
#include "base/trust.h"
#include "base/vec.h"

#define PAGE_LIMIT 1000

struct hangar_text {
    struct hg_str text;
};

struct fake_page {
    struct hangar_page page; /* the first member, as the sink gets a pointer to it */
    char *prefix;
    struct hangar_entry *items; /* owns the names */
    size_t count, capacity;
    char *last; /* the last name ever added, also before fake_page_clear */
};

struct hangar_attrs *fake_attrs_new(void)
{
    struct hangar_attrs *attrs = hg_attrs_new();
    if (!attrs) {
        fake_die("out of memory");
    }
    return attrs;
}

void fake_attrs_free(struct hangar_attrs *attrs)
{
    if (attrs && attrs->problem) {
        fake_die("the plugin set a wrong attribute: %s", attrs->problem);
    }
    hg_attrs_free(attrs);
}

const char *fake_attr(const struct hangar_attrs *attrs, const char *name)
{
    const char *value = hg_attrs_get(attrs, name);
    return value ? value : "";
}

struct hangar_text *fake_text_new(void)
{
    struct hangar_text *text = calloc(1, sizeof(*text));
    if (!text) {
        fake_die("out of memory");
    }
    return text;
}

const char *fake_text(const struct hangar_text *text)
{
    return hg_str_text(&text->text);
}

void fake_text_free(struct hangar_text *text)
{
    if (!text) {
        return;
    }
    hg_str_free(&text->text);
    free(text);
}

static void HANGAR_PRINTF(2, 3) host_text(struct hangar_text *text, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    hg_str_addv(&text->text, fmt, args);
    va_end(args);
}

static struct fake_page *page_of(const struct hangar_page *page)
{
    return page->core;
}

struct hangar_page *fake_page_new(const char *prefix, char delimiter)
{
    struct fake_page *own = calloc(1, sizeof(*own));
    char *copy = hg_format("%s", prefix);
    if (!own || !copy) {
        fake_die("out of memory");
    }
    own->prefix = copy;
    own->page = (struct hangar_page){
        .struct_size = sizeof(own->page), .delimiter = delimiter, .prefix = copy, .core = own};
    return &own->page;
}

static enum hangar_rc fake_host_check_file(struct hangar_ctx *ctx, const char *path, char *why,
                                           size_t size)
{
    (void)ctx;
    struct hg_error err = {0};
    enum hangar_rc rc = hg_trust_program(path, &err);
    if (rc != HANGAR_OK) {
        snprintf(why, size, "%s", err.text);
    }
    return rc;
}

static enum hangar_rc host_page_add(struct hangar_page *page, const struct hangar_entry *entry)
{
    struct fake_page *own = page_of(page);
    if (own->count == PAGE_LIMIT) {
        fake_die("the sink adds more than %d entries to a page", PAGE_LIMIT);
    }
    if (own->last && strcmp(own->last, entry->name) >= 0) {
        fake_die("the sink lists %s behind %s", entry->name, own->last);
    }
    if (!hg_starts_with(entry->name, own->prefix)) {
        fake_die("the sink lists %s for the prefix %s", entry->name, own->prefix);
    }
    char *name = hg_format("%s", entry->name);
    char *last = hg_format("%s", entry->name);
    if (!HG_VEC_RESERVE(own) || !name || !last) {
        fake_die("out of memory");
    }
    free(own->last);
    own->last = last;
    own->items[own->count] = *entry;
    own->items[own->count++].name = name;
    return HANGAR_OK;
}

size_t fake_page_count(const struct hangar_page *page)
{
    return page_of(page)->count;
}

const struct hangar_entry *fake_page_entry(const struct hangar_page *page, size_t index)
{
    if (index >= page_of(page)->count) {
        fake_die("the test asks for entry %zu of a page of %zu", index, page_of(page)->count);
    }
    return &page_of(page)->items[index];
}

const char *fake_page_name(const struct hangar_page *page, size_t index)
{
    return fake_page_entry(page, index)->name;
}

uint64_t fake_page_size(const struct hangar_page *page, size_t index)
{
    return fake_page_entry(page, index)->size;
}

void fake_page_clear(struct hangar_page *page)
{
    struct fake_page *own = page_of(page);
    for (size_t i = 0; i < own->count; i++) {
        free((char *)own->items[i].name);
    }
    own->count = 0;
}

void fake_page_free(struct hangar_page *page)
{
    if (!page) {
        return;
    }
    struct fake_page *own = page_of(page);
    fake_page_clear(page);
    free(own->items);
    free(own->prefix);
    free(own->last);
    free(own);
}

void fake_values_init(struct hangar_host *host)
{
    host->attr_set = hg_attrs_set;
    host->attr_setf = hg_attrs_setf;
    host->attr_get = hg_attrs_get;
    host->text = host_text;
    host->page_add = host_page_add;
    host->check_file = fake_host_check_file;
}
