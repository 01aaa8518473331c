/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * commit: a run with a valid lease commits a whole backup, its files in the right order.  A
 * run without one commits nothing.
 */
#include "inventory/place.h"
#include "jobs/backup/run.h"
#include "memory_sink.h"
#include "sample.h"
#include "suite.h"

#ifdef HAVE_SCARCE
#include "scarce.h"
#endif

#define KEY "0123456789abcdef0123456789abcdef"
#define BACKUP "nightly/" SAMPLE_ID "/"

static struct hangar handle;
static struct hg_pipeline_config pipeline = {.name = (char[]){"nightly"}};
static const struct hg_instance_config config = {.name = (char[]){"local"}};
static const struct hg_plugin source_plugin;
static struct hangar_ctx sources[2];
static struct hg_signing signing;
static struct memory_sink memory;
static struct hangar_sink real; /* the memory sink's own functions */
static struct hg_run *run;
static struct hg_run_sink *sink;
static struct hg_error err;

static void commit_write_log(void *arg, const struct hg_log_record *record)
{
    (void)arg, (void)record;
}

/* Removes the final files from the manifest. */
static void reset_manifest(void)
{
    struct hg_manifest *m = &run->result.manifest;
    while (m->file_count > 0) {
        free(m->files[--m->file_count].name);
    }
}

/* The steps at the end of a run. */
static enum hangar_rc commit_run(void)
{
    struct hg_final_files files = {0};
    enum hangar_rc rc = hg_run_finish_manifest(run, &files, &err);
    if (rc == HANGAR_OK) {
        rc = hg_run_commit(run, &files, &err);
    }
    hg_final_files_free(&files);
    return rc;
}

/* The objects are of zeros: their content does not matter here. */
static void commit_store_objects(void)
{
    const struct hg_manifest *m = &run->result.manifest;
    for (size_t s = 0; s < m->source_count; s++) {
        for (size_t i = 0; i < m->sources[s].count; i++) {
            const struct hg_manifest_object *o = &m->sources[s].objects[i];
            void *zeros = calloc(1, o->stored_bytes + 1);
            char name[600];
            snprintf(name, sizeof(name), BACKUP "%s", o->stored);
            memory_sink_set(&memory, name, zeros, o->stored_bytes);
            free(zeros);
        }
    }
}

/* A run whose one sink has all objects. */
static void commit_setup(void)
{
    struct hg_job_settings settings = {.log = &handle.log, .temp_base = "/tmp"};
    hg_log_init(&handle.log);
    handle.log.write = commit_write_log;
    static char origin[] = "db1", host[] = "host1";
    handle.identity.origin = origin;
    handle.identity.host = host;
    run = calloc(1, sizeof(*run));
    run->h = &handle;
    run->request.pipeline = &pipeline;
    struct hg_job *job = &run->open.session.job;
    ck_assert_int_eq(hg_job_begin(job, &settings, NULL), HANGAR_OK);
    memory_sink_init(&memory);
    real = memory.plugin.sink;
    sink = &run->sinks[run->sink_count++];
    sink->config = &config;
    sink->place = (struct hg_place){.h = &handle, .pipeline = "nightly", .id = SAMPLE_ID};
    ck_assert_int_eq(memory_sink_open(&memory, job, "local", &sink->place.sink), HANGAR_OK);
    struct hg_manifest *m = &run->result.manifest;
    sample_manifest(m);
    for (size_t i = 0; i < 2; i++) {
        sources[i].plugin = &source_plugin;
        run->open.sources[run->open.source_count++] = &sources[i];
        m->sources[i].time_ms = 1768442400000 + 7 * (int64_t)i;
    }
    m->sources[0].objects[1].stored_bytes = 7; /* instead of 41 GB */
    reset_manifest();
    commit_store_objects();
    hg_error_clear(&err);
    ck_assert_msg(hg_place_take(&sink->place, &err) == HANGAR_OK, "%s", err.text);
}

static void commit_teardown(void)
{
    hg_place_release(&sink->place);
    hg_manifest_free(&run->result.manifest);
    hg_signing_fini(&signing);
    hg_instance_close(sink->place.sink);
    memory_sink_free(&memory);
    hg_job_end(&run->open.session.job);
    free(run);
    hg_log_fini(&handle.log);
}

static bool commit_is_stored(const char *name)
{
    return memory_sink_find(&memory, name) != NULL;
}

START_TEST(the_manifest_is_stored_last_and_its_signature_just_before)
{
    ck_assert_int_eq(hg_signing_add(&signing, KEY, &err), HANGAR_OK);
    run->open.session.signing = &signing;
    ck_assert_msg(commit_run() == HANGAR_OK, "%s", err.text);
    ck_assert(sink->place.committed);
    ck_assert_int_eq(run->result.manifest.skew_ms, 7);
    const char *events = hg_str_text(&memory.events), *last = events;
    static const char *const order[] = {
        "put nightly/origin.json\n",  "put " BACKUP "RESTORE.txt\n",
        "put " BACKUP "SHA256SUMS\n", "put " BACKUP "manifest.json.sig\n",
        "list " BACKUP "\n",          "put " BACKUP "manifest.json\n"};
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        const char *at = strstr(events, order[i]);
        ck_assert_msg(at && at >= last, "%s is not in its place:\n%s", order[i], events);
        last = at;
    }
    ck_assert_uint_eq(strlen(last), strlen(order[5]));
}
END_TEST

/* Also in a sink without disks: the core lists what it has stored. */
START_TEST(a_sink_that_has_lost_an_object_gets_no_manifest)
{
    char name[600];
    snprintf(name, sizeof(name), BACKUP "%s", run->result.manifest.sources[0].objects[0].stored);
    real.remove(sink->place.sink, name);
    ck_assert_int_eq(commit_run(), HANGAR_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "is missing"));
    ck_assert(!sink->place.committed);
    ck_assert(!commit_is_stored(BACKUP "manifest.json"));
}
END_TEST

START_TEST(an_interrupted_run_commits_nothing)
{
    hg_job_cancel(&run->open.session.job);
    ck_assert_int_eq(commit_run(), HANGAR_CANCELLED);
    ck_assert_str_eq(err.text, "interrupted");
    ck_assert(!sink->place.committed);
    ck_assert(!commit_is_stored(BACKUP "RESTORE.txt"));
    ck_assert(!commit_is_stored(BACKUP "manifest.json"));
}
END_TEST

static const char lease_lost[] =
    "sink local: the lease was not renewed for 30 min, and another host "
    "may have removed the files of this run; "
    "hint: run the job again";

START_TEST(a_run_without_a_lease_commits_nothing)
{
    sink->place.lease.renewed_ms = hg_lease_now() - HG_LEASE_MS / 2;
    ck_assert_int_eq(commit_run(), HANGAR_IO);
    ck_assert_str_eq(err.text, lease_lost);
    ck_assert(!sink->place.committed);
    ck_assert(!commit_is_stored(BACKUP "RESTORE.txt"));
    ck_assert(!commit_is_stored(BACKUP "manifest.json"));
}
END_TEST

/* The machine is suspended while the manifest is stored. */
static enum hangar_rc commit_asleep(struct hangar_put *put, struct hangar_entry *entry)
{
    enum hangar_rc rc = real.put_commit(put, entry);
    if (commit_is_stored(BACKUP "manifest.json")) {
        sink->place.lease.renewed_ms -= HG_LEASE_MS / 2;
    }
    return rc;
}

START_TEST(a_lease_that_is_lost_during_the_last_write_fails_the_commit)
{
    memory.plugin.sink.put_commit = commit_asleep;
    ck_assert_int_eq(commit_run(), HANGAR_IO);
    ck_assert_str_eq(err.text, lease_lost);
    ck_assert(!sink->place.committed);
}
END_TEST

#ifdef HAVE_SCARCE
/* The sink itself does not run out of memory. */
static enum hangar_rc plenty_open(void *inst, const char *name, uint64_t size_hint, uint32_t flags,
                                  struct hangar_put **out)
{
    size_t paused = scarce_pause();
    enum hangar_rc rc = real.put_open(inst, name, size_hint, flags, out);
    scarce_resume(paused);
    return rc;
}

static enum hangar_rc plenty_write(struct hangar_put *put, const void *data, size_t size)
{
    size_t paused = scarce_pause();
    enum hangar_rc rc = real.put_write(put, data, size);
    scarce_resume(paused);
    return rc;
}

static enum hangar_rc plenty_commit(struct hangar_put *put, struct hangar_entry *entry)
{
    size_t paused = scarce_pause();
    enum hangar_rc rc = real.put_commit(put, entry);
    scarce_resume(paused);
    return rc;
}

static enum hangar_rc plenty_list(void *inst, struct hangar_page *page)
{
    size_t paused = scarce_pause();
    enum hangar_rc rc = real.list(inst, page);
    scarce_resume(paused);
    return rc;
}

static enum hangar_rc rc;
static size_t failures, successes;

static void commit_under_test(void *arg)
{
    (void)arg;
    rc = commit_run();
}

static void check_commit(void *arg)
{
    struct memory_object *manifest = memory_sink_find(&memory, BACKUP "manifest.json");
    struct hg_manifest back = {0};
    (void)arg;
    ck_assert_msg(rc == HANGAR_OK || rc == HANGAR_NO_MEMORY, "%d %s", (int)rc, err.text);
    ck_assert_int_eq(rc == HANGAR_OK, sink->place.committed);
    ck_assert_int_eq(rc == HANGAR_OK, manifest != NULL);
    failures += rc != HANGAR_OK;
    successes += rc == HANGAR_OK;
    if (manifest) {
        ck_assert_int_eq(
            hg_manifest_read(hg_str_text(&manifest->data), manifest->data.len, &back, &err),
            HANGAR_OK);
    }
    hg_manifest_free(&back);
    /* the next attempt begins with the objects only */
    while (memory.count > 0) {
        real.remove(sink->place.sink, memory.objects[0].name);
    }
    commit_store_objects();
    sink->place.committed = false;
    hg_error_clear(&sink->error);
    hg_error_clear(&err);
    reset_manifest();
}

START_TEST(without_memory_a_backup_is_committed_whole_or_not_at_all)
{
    memory.plugin.sink.put_open = plenty_open;
    memory.plugin.sink.put_write = plenty_write;
    memory.plugin.sink.put_commit = plenty_commit;
    memory.plugin.sink.list = plenty_list;
    commit_under_test(NULL); /* a failure during the first use of OpenSSL would be permanent */
    check_commit(NULL);
    ck_assert_uint_gt(scarce_each(commit_under_test, NULL, check_commit), 100);
    ck_assert_uint_gt(failures, 100);
    ck_assert_uint_gt(successes, 1);
}
END_TEST
#endif

int main(void)
{
    const TTest *const tests[] = {
        the_manifest_is_stored_last_and_its_signature_just_before,
        a_sink_that_has_lost_an_object_gets_no_manifest,
        an_interrupted_run_commits_nothing,
        a_run_without_a_lease_commits_nothing,
        a_lease_that_is_lost_during_the_last_write_fails_the_commit,
#ifdef HAVE_SCARCE
        without_memory_a_backup_is_committed_whole_or_not_at_all,
#endif
    };
    return SUITE_RUN("jobs/backup/commit", tests, commit_setup, commit_teardown);
}
