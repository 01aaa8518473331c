/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * drill: throw-away clusters: closed to other users, not run by root, gone when
 * they are stopped or their starter dies; a failed start reports why.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fake_host.h"
#include "testing.h"

/* An instance with options, a list that ends with NULL. */
struct instance {
    struct fake_host *fake;
    const struct hangar_source *fn;
    void *inst;
    struct hangar_attrs *facts, *overrides;
};

static void open_instance(struct instance *in, const char *const *settings)
{
    in->fake = fake_host_open("postgres");
    for (; *settings; settings++) {
        const char *value = strchr(*settings, '=') + 1;
        char name[64] = "";
        memcpy(name, *settings, (size_t)(value - *settings) - 1);
        fake_host_set(in->fake, name, value);
    }
    testing_expect(in->fake, fake_host_create(in->fake, &in->inst), HANGAR_OK, "create");
    in->fn = fake_host_plugin(in->fake)->source;
    in->facts = fake_attrs_new();
    in->overrides = fake_attrs_new();
}

static void close_instance(struct instance *in)
{
    fake_host_close(in->fake);
    fake_attrs_free(in->facts);
    fake_attrs_free(in->overrides);
}

static void set_fact(struct instance *in, const char *name, const char *value)
{
    fake_host_table(in->fake)->attr_set(in->facts, name, value);
}

static enum hangar_rc start_scratch(struct instance *in, const char *dir)
{
    return in->fn->scratch_start(in->inst, dir, in->facts, in->overrides);
}

/* A path that is short enough for a socket and that another user may pass through. */
static const char *passable_dir(void)
{
    const char *dir = testing_dir();
    chmod(getenv("TMPDIR"), 0711);
    return dir;
}

/* Inspects the server in `dir`. */
static enum hangar_rc inspect_cluster(const char *dir, char tables[32])
{
    struct instance in;
    char host[300];
    snprintf(host, sizeof(host), "host=%s", dir);
    open_instance(&in, (const char *[]){host, "user=postgres", "database=postgres",
                                        "connect_timeout=1s", NULL});
    enum hangar_rc rc = in.fn->inspect(in.inst, in.facts);
    snprintf(tables, 32, "%s", fake_attr(in.facts, "tables"));
    close_instance(&in);
    return rc;
}

/* No code is compiled, whatever a database sets: a unit of systemd may forbid executable memory. */
static void expect_no_compiler(const char *dir)
{
    char command[500], answer[32] = "";
    snprintf(command, sizeof(command),
             "PGOPTIONS='-c jit=on' psql -qAtX -h '%s' -p 5432 -U postgres -d postgres "
             "-c 'SHOW jit' -c 'SELECT pg_jit_available()'",
             dir);
    FILE *psql = popen(command, "re");
    ck_assert_uint_gt(fread(answer, 1, sizeof(answer) - 1, psql), 0);
    ck_assert_int_eq(pclose(psql), 0);
    ck_assert_str_eq(answer, "on\nf\n");
}

START_TEST(cluster_is_closed_to_others_and_gone_after_stop)
{
    struct instance in;
    const char *dir = passable_dir();
    open_instance(&in, (const char *[]){"database=shop", "password=secret", NULL});
    set_fact(&in, "server_version_num", "100000");
    set_fact(&in, "databases", "1");
    testing_expect(in.fake, start_scratch(&in, dir), HANGAR_OK, "scratch_start");
    struct stat st;
    ck_assert_int_eq(stat(testing_path(dir, "run"), &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0700);
    ck_assert(geteuid() != 0 || st.st_uid != 0);
    ck_assert_str_eq(fake_attr(in.overrides, "host"), dir);
    /* a server that asks for a password gets none of the caller's: not PGPASSWORD, not ~/.pgpass */
    ck_assert_str_eq(fake_attr(in.overrides, "password"), "unused");
    ck_assert_str_eq(fake_attr(in.overrides, "passfile"), "/dev/null");
    char tables[32];
    ck_assert_int_eq(inspect_cluster(dir, tables), HANGAR_OK);
    ck_assert_str_eq(tables, "0");
    expect_no_compiler(dir);
    in.fn->scratch_stop(in.inst);
    in.fn->scratch_stop(in.inst);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_ne(inspect_cluster(dir, tables), HANGAR_OK);
    close_instance(&in);
}
END_TEST

START_TEST(destroy_stops_the_cluster)
{
    struct instance in;
    const char *dir = passable_dir();
    open_instance(&in, (const char *[]){"database=shop", NULL});
    testing_expect(in.fake, start_scratch(&in, dir), HANGAR_OK, "scratch_start");
    close_instance(&in);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    char tables[32];
    ck_assert_int_ne(inspect_cluster(dir, tables), HANGAR_OK);
}
END_TEST

static void write_program(const char *dir, const char *name, const char *text)
{
    const char *path = testing_path(dir, name);
    testing_write_file(path, text, strlen(text));
    chmod(path, 0755);
}

START_TEST(failed_start_reports_why_and_leaves_nothing)
{
    static const struct {
        const char *initdb, *postgres, *error;
    } cases[] = {
        {"#!/bin/sh\necho no such luck\nexit 1\n", "#!/bin/sh\n",
         "throw-away PostgreSQL server: initdb failed"},
        {"#!/bin/sh\nexit 0\n", "#!/bin/sh\necho no such luck\nexit 1\n",
         "throw-away PostgreSQL server: postgres failed"},
        {NULL, NULL, "cannot find initdb and postgres"},
    };
    const char *bin = passable_dir();
    chmod(bin, 0755);
    if (cases[_i].initdb) {
        write_program(bin, "initdb", cases[_i].initdb);
        write_program(bin, "postgres", cases[_i].postgres);
    }
    char setting[300];
    snprintf(setting, sizeof(setting), "bin_dir=%s", bin);
    struct instance in;
    open_instance(&in, (const char *[]){"database=shop", setting, NULL});
    ck_assert_int_ne(start_scratch(&in, passable_dir()), HANGAR_OK);
    const char *error = fake_host_error(in.fake);
    ck_assert_msg(strstr(error, cases[_i].error), "%s", error);
    ck_assert_msg(!cases[_i].initdb || strstr(error, "no such luck"), "%s", error);
    in.fn->scratch_stop(in.inst);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    close_instance(&in);
}
END_TEST

START_TEST(drill_that_leaves_out_databases_or_is_too_old_is_refused)
{
    static const struct {
        const char *fact, *value, *error;
    } cases[] = {{"databases", "2", "leave the others out"},
                 {"server_version_num", "990000", "99"}};
    struct instance in;
    open_instance(&in, (const char *[]){"database=shop", NULL});
    set_fact(&in, cases[_i].fact, cases[_i].value);
    ck_assert_int_ne(start_scratch(&in, passable_dir()), HANGAR_OK);
    ck_assert_msg(strstr(fake_host_error(in.fake), cases[_i].error), "%s",
                  fake_host_error(in.fake));
    close_instance(&in);
}
END_TEST

START_TEST(cancel_ends_the_start)
{
    struct instance in;
    open_instance(&in, (const char *[]){"database=shop", NULL});
    fake_host_cancel(in.fake);
    ck_assert_int_eq(start_scratch(&in, passable_dir()), HANGAR_CANCELLED);
    in.fn->scratch_stop(in.inst);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    close_instance(&in);
}
END_TEST

START_TEST(cluster_dies_with_its_starter)
{
    int channel[2];
    char tables[32], up = 0;
    ck_assert_int_eq(pipe(channel), 0);
    const char *dir = passable_dir();
    pid_t starter = fork();
    if (starter == 0) {
        struct instance in;
        open_instance(&in, (const char *[]){"database=shop", NULL});
        up = start_scratch(&in, dir) == HANGAR_OK;
        if (write(channel[1], &up, 1) == 1) {
            pause();
        }
        _exit(1);
    }
    ck_assert_int_eq(read(channel[0], &up, 1), 1);
    ck_assert_int_eq(up, 1);
    ck_assert_int_eq(inspect_cluster(dir, tables), HANGAR_OK);
    kill(starter, SIGKILL);
    waitpid(starter, NULL, 0);
    for (int tries = 0; inspect_cluster(dir, tables) == HANGAR_OK; tries++) {
        ck_assert_int_lt(tries, 1000);
        usleep(20000);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("postgres_drill");
    TCase *scratch = tcase_create("scratch");
    tcase_set_timeout(scratch, 240);
    tcase_add_test(scratch, cluster_is_closed_to_others_and_gone_after_stop);
    tcase_add_test(scratch, destroy_stops_the_cluster);
    tcase_add_loop_test(scratch, failed_start_reports_why_and_leaves_nothing, 0, 3);
    tcase_add_loop_test(scratch, drill_that_leaves_out_databases_or_is_too_old_is_refused, 0, 2);
    tcase_add_test(scratch, cancel_ends_the_start);
    tcase_add_test(scratch, cluster_dies_with_its_starter);
    suite_add_tcase(suite, scratch);
    return testing_main(suite);
}
