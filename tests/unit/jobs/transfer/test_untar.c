/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * untar: reads the files of an archive; a changed or truncated archive is detected.
 */
#include "jobs/transfer/untar.h"

#include <archive.h>
#include <archive_entry.h>

#include "suite.h"

/* A stream that returns an archive in pieces. */
struct stream {
    const unsigned char *data;
    size_t size, at, piece;
    size_t fail_at; /* 0: never */
};

static long read_stream(void *arg, void *data, size_t size)
{
    struct stream *s = arg;
    size_t n = s->size - s->at;
    n = n < size ? n : size;
    n = s->piece && s->piece < n ? s->piece : n;
    if (s->fail_at && s->at >= s->fail_at) {
        return -1;
    }
    memcpy(data, s->data + s->at, n);
    s->at += n;
    return (long)n;
}

static unsigned char good[65536];
static size_t good_size;

static void untar_add(struct archive *a, const char *name, const char *data, size_t size)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, data ? AE_IFREG : AE_IFDIR);
    archive_entry_set_perm(entry, 0600);
    archive_entry_set_size(entry, (la_int64_t)size);
    ck_assert_int_eq(archive_write_header(a, entry), ARCHIVE_OK);
    if (data) {
        ck_assert_int_eq(archive_write_data(a, data, size), (la_ssize_t)size);
    }
    archive_entry_free(entry);
}

static void untar_setup(void)
{
    struct archive *a = archive_write_new();
    archive_write_set_format_pax_restricted(a);
    archive_write_add_filter_gzip(a);
    archive_write_set_bytes_in_last_block(a, 1);
    ck_assert_int_eq(archive_write_open_memory(a, good, sizeof(good), &good_size), ARCHIVE_OK);
    untar_add(a, "./top/", NULL, 0);
    untar_add(a, "./top/a", "some text\n", 10);
    untar_add(a, "top/empty", "", 0);
    untar_add(a, "top/b", "more of it", 10);
    ck_assert_int_eq(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
}

static const char expected[] = "top/;top/a=some text\n;top/empty=;top/b=more of it;";

/* Reads the files of an archive until its end or an error, which is returned. */
static enum hangar_rc untar_read_all(struct stream *s, char *out, size_t size, struct hg_error *err)
{
    struct hg_untar *u = NULL;
    size_t n = 0;
    out[0] = '\0';
    enum hangar_rc rc = hg_untar_open(read_stream, s, &u, err);
    while (rc == HANGAR_OK) {
        struct hg_untar_member member;
        rc = hg_untar_next(u, &member, err);
        if (rc != HANGAR_OK) {
            break;
        }
        n +=
            (size_t)snprintf(out + n, size - n, "%.100s%s", member.name, member.folder ? "/" : "=");
        size_t got = member.folder ? 0 : 1;
        while (rc == HANGAR_OK && got > 0 && n + 200 < size) {
            char data[64];
            rc = hg_untar_read(u, data, sizeof(data), &got, err);
            n += rc == HANGAR_OK ? (size_t)snprintf(out + n, size - n, "%.*s", (int)got, data) : 0;
        }
        n += (size_t)snprintf(out + n, size - n, ";");
        if (n + 400 > size) {
            break; /* a flipped bit in a size: more than is compared */
        }
    }
    hg_untar_close(u);
    return rc;
}

START_TEST(files_and_folders_are_read_in_order)
{
    for (size_t piece = 1; piece < 300; piece += 13) {
        struct stream s = {.data = good, .size = good_size, .piece = piece};
        struct hg_error err = {0};
        char text[4096];
        ck_assert_int_eq(untar_read_all(&s, text, sizeof(text), &err), HANGAR_EOF);
        ck_assert_str_eq(text, expected);
        ck_assert_uint_eq(s.at, good_size);
    }
}
END_TEST

START_TEST(any_truncation_is_detected)
{
    for (size_t n = 0; n < good_size; n++) {
        struct stream s = {.data = good, .size = n};
        struct hg_error err = {0};
        char text[4096];
        if (untar_read_all(&s, text, sizeof(text), &err) != HANGAR_CORRUPT) {
            ck_abort_msg("cut to %zu of %zu bytes: %s", n, good_size, err.text);
        }
        ck_assert(err.text[0]);
    }
}
END_TEST

/* The import compares the contents of files; this test checks the structure. */
START_TEST(any_flipped_bit_is_detected_or_read_within_bounds)
{
    size_t refused = 0;
    for (size_t bit = 0; bit < good_size * 8; bit++) {
        good[bit / 8] = (unsigned char)(good[bit / 8] ^ 1u << bit % 8);
        struct stream s = {.data = good, .size = good_size};
        struct hg_error err = {0};
        char text[4096];
        enum hangar_rc rc = untar_read_all(&s, text, sizeof(text), &err);
        if (rc != HANGAR_EOF && rc != HANGAR_CORRUPT && rc != HANGAR_OK) {
            ck_abort_msg("bit %zu: %d %s", bit, (int)rc, err.text);
        }
        refused += rc == HANGAR_CORRUPT;
        good[bit / 8] = (unsigned char)(good[bit / 8] ^ 1u << bit % 8);
    }
    ck_assert_uint_gt(refused, good_size * 4);
}
END_TEST

START_TEST(data_after_the_end_is_detected)
{
    for (int byte = 0; byte < 256; byte++) {
        good[good_size] = (unsigned char)byte;
        struct stream s = {.data = good, .size = good_size + 1};
        struct hg_error err = {0};
        char text[4096];
        ck_assert_int_eq(untar_read_all(&s, text, sizeof(text), &err), HANGAR_CORRUPT);
        ck_assert_str_eq(text, expected);
        ck_assert_str_eq(err.text, "the archive is damaged: data follows the end of the gzip");
    }
}
END_TEST

START_TEST(a_sender_that_fails_is_not_reported_as_damage)
{
    for (size_t at = 1; at < good_size; at += 7) {
        struct stream s = {.data = good, .size = good_size, .piece = 1, .fail_at = at};
        struct hg_error err = {0};
        char text[4096];
        ck_assert_int_eq(untar_read_all(&s, text, sizeof(text), &err), HANGAR_IO);
        ck_assert_str_eq(err.text, "cannot read the archive: its sender failed");
    }
}
END_TEST

START_TEST(random_bytes_are_not_an_archive)
{
    unsigned char noise[4096];
    unsigned seed = 1;
    for (int round = 0; round < 500; round++) {
        for (size_t i = 0; i < sizeof(noise); i++) {
            seed = seed * 1103515245u + 12345u;
            noise[i] = (unsigned char)(seed >> 16);
        }
        if (round % 2) { /* with the magic bytes of gzip */
            memcpy(noise, "\x1f\x8b\x08\x00", 4);
        }
        struct stream s = {.data = noise, .size = sizeof(noise)};
        struct hg_error err = {0};
        char text[4096];
        ck_assert_int_eq(untar_read_all(&s, text, sizeof(text), &err), HANGAR_CORRUPT);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        files_and_folders_are_read_in_order,
        any_truncation_is_detected,
        any_flipped_bit_is_detected_or_read_within_bounds,
        data_after_the_end_is_detected,
        a_sender_that_fails_is_not_reported_as_damage,
        random_bytes_are_not_an_archive,
    };
    return SUITE_RUN("untar", tests, untar_setup, NULL);
}
