/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * untar: see untar.h.
 *
 * Two readers of libarchive form a chain: the first decodes gzip, the second reads tar.  So
 * data after the end of each can be detected; one reader for both would skip it.  libarchive's
 * flags for safe unpacking (ARCHIVE_EXTRACT_SECURE_...) protect files that libarchive writes
 * itself; here it writes none.
 */
#include "jobs/transfer/untar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"

#define CHUNK 65536
#define PADDING_MAX (1u << 20) /* zeros that fill the last record of the tar */

struct hg_untar {
    hangar_read_fn read;
    void *arg;
    struct archive *gzip, *tar;
    struct archive_entry *entry;
    bool read_failed;     /* the caller could not read */
    uint64_t input_bytes; /* read from the caller */
    uint64_t plain;       /* bytes decoded from gzip */
    uint64_t nonzero_end; /* the end of the last byte of these that is not zero */
    unsigned char in[CHUNK], out[CHUNK];
};

const char *hg_untar_shown(const char *name, char out[HG_UNTAR_SHOWN])
{
    hg_log_escape(name, out, HG_UNTAR_SHOWN);
    return out;
}

/* ---- the two streams ---- */

static la_ssize_t untar_read_input(struct archive *archive, void *arg, const void **data)
{
    struct hg_untar *u = arg;
    long n = u->read(u->arg, u->in, sizeof(u->in));
    if (n < 0 || n > (long)sizeof(u->in)) {
        u->read_failed = true;
        archive_set_error(archive, EIO, "it cannot be read");
        return -1;
    }
    u->input_bytes += (uint64_t)n;
    *data = u->in;
    return n;
}

static la_ssize_t untar_read_plain(struct archive *archive, void *arg, const void **data)
{
    struct hg_untar *u = arg;
    la_ssize_t n = archive_read_data(u->gzip, u->out, sizeof(u->out));
    if (n < 0) {
        const char *why = archive_error_string(u->gzip);
        archive_set_error(archive, EIO, "%s", why ? why : "it ends too early");
        return -1;
    }
    for (size_t i = (size_t)n; i > 0; i--) {
        if (u->out[i - 1]) {
            u->nonzero_end = u->plain + i;
            break;
        }
    }
    u->plain += (uint64_t)n;
    *data = u->out;
    return n;
}

static enum hangar_rc untar_damaged(const struct hg_untar *u, struct archive *archive,
                                    struct hg_error *err)
{
    const char *why = archive ? archive_error_string(archive) : NULL;
    if (u->read_failed) {
        return hg_fail(err, HANGAR_IO, 0, "cannot read the archive: its sender failed");
    }
    if (archive && archive_errno(archive) == ENOMEM) {
        return hg_no_memory_for(err, "cannot read the archive");
    }
    char shown[HG_UNTAR_SHOWN];
    return hg_fail(err, HANGAR_CORRUPT, 0, "the archive is damaged: %s",
                   hg_untar_shown(why ? why : "it ends too early", shown));
}

static enum hangar_rc untar_open_gzip(struct hg_untar *u, struct hg_error *err)
{
    if (archive_read_support_filter_gzip(u->gzip) != ARCHIVE_OK ||
        archive_read_support_format_raw(u->gzip) != ARCHIVE_OK) {
        return untar_damaged(u, u->gzip, err);
    }
    int rc = archive_read_open(u->gzip, u, NULL, untar_read_input, NULL);
    struct archive_entry *whole;
    rc = rc == ARCHIVE_OK ? archive_read_next_header(u->gzip, &whole) : rc;
    if (u->read_failed) {
        return untar_damaged(u, u->gzip, err);
    }
    /* the filters are one gzip and the stream of the caller */
    if (rc != ARCHIVE_OK || archive_filter_count(u->gzip) != 2 ||
        archive_filter_code(u->gzip, 0) != ARCHIVE_FILTER_GZIP) {
        return hg_fail(err, HANGAR_CORRUPT, 0,
                       "not an archive of `hangar export`: it is not in gzip format");
    }
    return HANGAR_OK;
}

enum hangar_rc hg_untar_open(hangar_read_fn read, void *arg, struct hg_untar **out,
                             struct hg_error *err)
{
    struct hg_untar *u = calloc(1, sizeof(*u));
    if (!u) {
        return hg_no_memory(err);
    }
    u->read = read;
    u->arg = arg;
    u->gzip = archive_read_new();
    u->tar = archive_read_new();
    enum hangar_rc rc = u->gzip && u->tar ? untar_open_gzip(u, err) : hg_no_memory(err);
    if (rc == HANGAR_OK &&
        (archive_read_support_format_tar(u->tar) != ARCHIVE_OK ||
         archive_read_open(u->tar, u, NULL, untar_read_plain, NULL) != ARCHIVE_OK)) {
        rc = untar_damaged(u, u->tar, err);
    }
    if (rc != HANGAR_OK) {
        hg_untar_close(u);
        return rc;
    }
    *out = u;
    return HANGAR_OK;
}

void hg_untar_close(struct hg_untar *u)
{
    if (!u) {
        return;
    }
    archive_read_free(u->tar);
    archive_read_free(u->gzip);
    free(u);
}

uint64_t hg_untar_bytes(const struct hg_untar *u)
{
    return u->input_bytes;
}

/* ---- members ---- */

/* After the last member only zeros may follow, then the end of the gzip. */
static enum hangar_rc untar_check_end(struct hg_untar *u, struct hg_error *err)
{
    uint64_t end = (uint64_t)archive_filter_bytes(u->tar, -1), start = u->plain;
    const void *unused;
    la_ssize_t n;
    do {
        n = untar_read_plain(u->tar, u, &unused);
    } while (n > 0 && u->plain - start <= PADDING_MAX);
    if (n < 0) {
        return untar_damaged(u, u->gzip, err);
    }
    if (n > 0 || u->nonzero_end > end) {
        return hg_fail(err, HANGAR_CORRUPT, 0, "the archive is damaged: data follows its end");
    }
    uint64_t gzip_end = (uint64_t)archive_filter_bytes(u->gzip, -1);
    la_ssize_t more = gzip_end == u->input_bytes ? untar_read_input(u->gzip, u, &unused) : 1;
    if (more < 0) {
        return untar_damaged(u, u->gzip, err);
    }
    return more == 0 ? HANGAR_EOF
                     : hg_fail(err, HANGAR_CORRUPT, 0,
                               "the archive is damaged: data follows the end of the gzip");
}

static const char *untar_refused_kind(struct archive_entry *entry)
{
    if (archive_entry_hardlink(entry)) {
        return "a hard link";
    }
    if (archive_entry_sparse_count(entry) > 0) {
        return "a sparse file";
    }
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
    case AE_IFDIR:
        return archive_entry_size_is_set(entry) && archive_entry_size(entry) >= 0
                   ? NULL
                   : "without a size";
    case AE_IFLNK:
        return "a symbolic link";
    default:
        return "a device or another special file";
    }
}

static enum hangar_rc untar_read_name(struct archive_entry *entry, struct hg_untar_member *member,
                                      struct hg_error *err)
{
    const char *name = archive_entry_pathname(entry);
    if (!name) {
        return hg_fail(err, HANGAR_CORRUPT, 0, "the archive has a member with an unreadable name");
    }
    /* `tar -c ./FOLDER` writes "./" before each name */
    name += name[0] == '.' && name[1] == '/' ? 2 : 0;
    size_t n = strlen(name);
    n -= n > 0 && member->folder && name[n - 1] == '/';
    if (n >= sizeof(member->name)) {
        return hg_fail(err, HANGAR_CORRUPT, 0, "the archive has a member with a name of %zu bytes",
                       n);
    }
    memcpy(member->name, name, n);
    member->name[n] = '\0';
    return HANGAR_OK;
}

enum hangar_rc hg_untar_next(struct hg_untar *u, struct hg_untar_member *member,
                             struct hg_error *err)
{
    int rc = archive_read_next_header(u->tar, &u->entry);
    if (rc == ARCHIVE_EOF) {
        return untar_check_end(u, err);
    }
    if (rc != ARCHIVE_OK) {
        return untar_damaged(u, u->tar, err);
    }
    member->folder = archive_entry_filetype(u->entry) == AE_IFDIR;
    enum hangar_rc named = untar_read_name(u->entry, member, err);
    if (named != HANGAR_OK) {
        return named;
    }
    const char *kind = untar_refused_kind(u->entry);
    if (kind) {
        char shown[HG_UNTAR_SHOWN];
        return hg_fail(err, HANGAR_CORRUPT, 0,
                       "the archive contains %s, which is %s; only files are accepted",
                       hg_untar_shown(member->name, shown), kind);
    }
    member->size = member->folder ? 0 : (uint64_t)archive_entry_size(u->entry);
    return HANGAR_OK;
}

enum hangar_rc hg_untar_read(struct hg_untar *u, void *buffer, size_t size, size_t *got,
                             struct hg_error *err)
{
    la_ssize_t n = archive_read_data(u->tar, buffer, size);
    if (n < 0) {
        return untar_damaged(u, u->tar, err);
    }
    *got = (size_t)n;
    return HANGAR_OK;
}
