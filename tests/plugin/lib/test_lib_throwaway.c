/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_lib_throwaway: the processes of throw-away servers: what they see, what they can reach, how
 * they end, and what is reported of one that fails.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "lib_fixture.h"
#include "testing.h"
#include "throwaway.h"

static struct throwaway throwaway;
static const char *const users[] = {"no-such-user-here", "nobody", NULL};

static enum hangar_rc prepare_in(const char *dir, bool required)
{
    const struct throwaway_request wish = {
        .what = "store", .dir = dir, .users = users, .required = required};
    return throwaway_prepare(&throwaway, fake_host_table(fake), fake_host_ctx(fake), &wish);
}

static const char *prepare_throwaway(void)
{
    const char *dir = testing_dir();
    testing_expect(fake, prepare_in(dir, true), HANGAR_OK, "prepare");
    return dir;
}

static enum hangar_rc run_throwaway(const char *command, int most_ms)
{
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)(uintptr_t)command, NULL};
    fake_host_clear(fake);
    return throwaway_run(&throwaway, "/bin/sh", argv, SIGKILL, most_ms);
}

/* What the last program has printed, for the caller to free. */
static char *lib_throwaway_printed(const char *dir)
{
    size_t size;
    char *log = (char *)testing_read_file(testing_path(dir, "log"), &size);
    log = realloc(log, size + 1);
    log[size] = '\0';
    return log;
}

START_TEST(a_process_has_two_variables_its_folder_and_no_other_descriptor)
{
    const char *dir = prepare_throwaway();
    setenv("SECRET", "of hangar", 1);
    testing_expect(fake,
                   run_throwaway("cat; env | sort; pwd; for i in 3 4 5 6 7 8 9; do "
                                 "(: >&$i) 2>/dev/null && echo open $i; done; echo err >&2",
                                 30000),
                   HANGAR_OK, "run");
    char *log = lib_throwaway_printed(dir), expected[500];
    snprintf(expected, sizeof(expected), "LC_ALL=C\nPATH=/usr/bin:/bin\nPWD=%s/run\n%s/run\nerr\n",
             dir, dir);
    ck_assert_str_eq(log, expected);
    struct stat st;
    ck_assert_int_eq(stat(testing_path(dir, "run"), &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0700);
    ck_assert(geteuid() != 0 || st.st_uid != 0);
    free(log);
    throwaway_close_files(&throwaway);
    throwaway_close_files(&throwaway);
    throwaway_stop(&throwaway, SIGKILL);
}
END_TEST

/* ---- a process with threads ---- */

static atomic_bool churning;

static void *end_at_once(void *arg)
{
    return arg;
}

/* Starts threads all the time, so that a fork meets the C library while it makes one. */
static void *lib_throwaway_churn(void *arg)
{
    while (atomic_load(&churning)) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, end_at_once, NULL) == 0) {
            pthread_join(thread, NULL);
        }
    }
    return arg;
}

START_TEST(a_process_starts_whatever_the_threads_of_hangar_do)
{
    pthread_t threads[2];
    prepare_throwaway();
    atomic_store(&churning, true);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, lib_throwaway_churn, NULL), 0);
    }
    for (size_t i = 0; i < 100; i++) {
        testing_expect(fake, run_throwaway("true", 60000), HANGAR_OK, "run");
    }
    atomic_store(&churning, false);
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    throwaway_close_files(&throwaway);
}
END_TEST

/* ---- isolation ---- */

static int listen_on_loopback(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(fd, 5), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

START_TEST(a_process_reaches_nothing_of_the_machine)
{
    static const struct {
        const char *attack; /* it has status 0 when it succeeds */
        bool control;       /* without isolation it does, for any user */
    } cases[] = {
        {"cat $KEY", true}, /* a file that all may read */
        {"ls /home /root /srv /var /run /sys /proc | grep -q .", true},
        {"cat /proc/$PARENT/cmdline", true}, /* another process */
        {"kill -0 $PARENT", true},
        {"bash -c \": </dev/tcp/127.0.0.1/$PORT\"", true}, /* the network of this machine */
        {"(: >/usr/bin/hangar-was-here)", false},          /* its programs */
        {"(: >/hangar-was-here)", false},
        {"(: </dev/tty)", false}, /* the terminal, where a command could be typed */
        {"mount -t tmpfs none /tmp", false},
        {"ls /etc/shadow /etc/hostname /etc/fstab | grep -q .", false},
    };
    const char *dir = testing_dir(), *key = testing_path(dir, "key");
    int port, listener = listen_on_loopback(&port);
    testing_write_file(key, "secret", 6);
    ck_assert_int_eq(chmod(key, 0644), 0);
    testing_expect(fake, prepare_in(dir, true), HANGAR_OK, "prepare");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char command[600];
        snprintf(command, sizeof(command),
                 "KEY='%s'; PARENT=%d; PORT=%d; (%s) 2>&1 && echo got in; true", key, (int)getpid(),
                 port, cases[i].attack);
        if (cases[i].control) {
            char control[700];
            snprintf(control, sizeof(control), "{ %s; } | grep -q 'got in'", command);
            ck_assert_msg(system(control) == 0, "fails without isolation, too: %s", command);
        }
        testing_expect(fake, run_throwaway(command, 30000), HANGAR_OK, command);
    }
    char *log = lib_throwaway_printed(dir);
    ck_assert_msg(log[0] != '\0' && !strstr(log, "got in"), "%s", log);
    free(log);
    close(listener);
    throwaway_close_files(&throwaway);
}
END_TEST

START_TEST(everything_that_a_process_started_ends_with_it)
{
    static const char find[] = "pgrep -f 'sleep 9876543[2]' >/dev/null"; /* not itself */
    prepare_throwaway();
    /* in a session of its own, without its parent, and deaf */
    testing_expect(fake,
                   run_throwaway("(trap '' TERM HUP; setsid sleep 98765432 &) & sleep 0.2", 30000),
                   HANGAR_OK, "run");
    ck_assert_int_ne(system(find), 0);
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)"setsid sleep 98765432 & wait", NULL};
    testing_expect(fake, throwaway_start(&throwaway, "/bin/sh", argv, SIGTERM), HANGAR_OK, "start");
    for (int tries = 0; system(find) != 0; tries++) {
        ck_assert_int_lt(tries, 1000);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    throwaway_stop(&throwaway, SIGTERM);
    ck_assert_int_ne(system(find), 0);
    throwaway_close_files(&throwaway);
}
END_TEST

START_TEST(a_process_cannot_take_the_machine_down)
{
    /* stopped children, so that each counts; all of them end with the first process */
    static const char bomb[] = "import os, signal, sys\n"
                               "for n in range(4000):\n"
                               "    try:\n"
                               "        if os.fork() == 0: signal.pause()\n"
                               "    except BlockingIOError: sys.exit(0 if n > 50 else 'few')\n"
                               "sys.exit('no limit')\n";
    static const char hog[] = "import mmap, os, sys\n"
                              "size = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')\n"
                              "flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS\n"
                              "mmap.mmap(-1, size // 8, flags)\n"
                              "try: mmap.mmap(-1, size // 100 * 80, flags)\n"
                              "except OSError: sys.exit(0)\n"
                              "sys.exit('no limit')\n";
    const char *const attacks[] = {bomb, hog};
    prepare_throwaway();
    for (size_t i = 0; i < 2; i++) {
        char *argv[] = {(char *)"python3", (char *)"-c", (char *)(uintptr_t)attacks[i], NULL};
        fake_host_clear(fake);
        testing_expect(fake, throwaway_run(&throwaway, "/usr/bin/python3", argv, SIGKILL, 60000),
                       HANGAR_OK, attacks[i]);
    }
    throwaway_close_files(&throwaway);
}
END_TEST

/* From now on this process cannot make namespaces, as in most containers. */
static void forbid_namespaces(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWNS, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {.len = sizeof(rules) / sizeof(rules[0]), .filter = rules};
    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
}

START_TEST(without_namespaces_a_server_is_refused_unless_that_is_accepted)
{
    const char *dir = testing_dir();
    chmod(getenv("TMPDIR"), 0711); /* without a sandbox the user must pass through */
    forbid_namespaces();
    ck_assert_int_eq(prepare_in(dir, true), HANGAR_UNSUPPORTED);
    assert_error_has("cannot isolate a throw-away store server");
    assert_error_has("cannot create namespaces; hint: allow user namespaces");
    assert_error_has("drill_isolation: preferred");
    throwaway_close_files(&throwaway);
    fake_host_clear(fake);
    testing_expect(fake, prepare_in(dir, false), HANGAR_OK, "prepare");
    testing_expect(fake, run_throwaway("pwd", 30000), HANGAR_OK, "run");
    char *log = lib_throwaway_printed(dir);
    ck_assert_msg(strstr(log, "/run\n"), "%s", log);
    free(log);
    throwaway_close_files(&throwaway);
}
END_TEST

/* ---- the socket ---- */

static bool lib_throwaway_connects(void *arg)
{
    const char *dir = arg;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return good;
}

START_TEST(a_server_cannot_lead_hangar_to_another_socket)
{
    static const char server[] =
        "import os, socket, time\n"
        "s = socket.socket(socket.AF_UNIX); s.bind('s'); s.listen(9)\n"
        "while not os.path.exists('go'): time.sleep(0.01)\n"
        "os.unlink('s'); os.symlink('/nowhere/else', 's'); open('gone', 'w')\n"
        "time.sleep(100)\n";
    char *argv[] = {(char *)"python3", (char *)"-c", (char *)(uintptr_t)server, NULL};
    const char *dir = prepare_throwaway();
    testing_expect(fake, throwaway_start(&throwaway, "/usr/bin/python3", argv, SIGKILL), HANGAR_OK,
                   "start");
    testing_expect(
        fake,
        throwaway_wait(&throwaway, "s", lib_throwaway_connects, (void *)(uintptr_t)dir, 30000),
        HANGAR_OK, "wait");
    testing_write_file(testing_path(dir, "run/go"), "", 0);
    while (access(testing_path(dir, "run/gone"), F_OK) != 0) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    ck_assert(lib_throwaway_connects((void *)(uintptr_t)dir));
    throwaway_stop(&throwaway, SIGKILL);
    ck_assert(!lib_throwaway_connects((void *)(uintptr_t)dir));
    throwaway_close_files(&throwaway);
}
END_TEST

/* ---- failures ---- */

START_TEST(a_failed_process_is_reported_with_its_reason)
{
    static const struct {
        const char *command, *error;
        enum hangar_rc rc;
    } cases[] = {
        {"exit 1", "throw-away store server: sh failed: it printed no reason", HANGAR_IO},
        {"echo one; printf 'no\\tluck \\r\\n'; exit 1",
         "cannot start a throw-away store server: sh failed: no luck", HANGAR_IO},
        {"echo 'x FATAL:  too bad'; echo 'initdb: removing data directory'; exit 1",
         "sh failed: FATAL:  too bad", HANGAR_IO},
        {"echo 'a: error: cannot write b: No space left on device'; echo removing; exit 1",
         "failed: error: cannot write b: No space left on device; hint: free space",
         HANGAR_NO_SPACE},
        {"exit 127", "cannot run /bin/sh in ", HANGAR_IO},
    };
    prepare_throwaway();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        testing_expect(fake, run_throwaway(cases[i].command, 30000), cases[i].rc, cases[i].command);
        assert_error_has(cases[i].error);
    }
    char *argv[] = {(char *)"none", NULL};
    fake_host_clear(fake);
    ck_assert_int_eq(throwaway_run(&throwaway, "/nowhere/none", argv, SIGKILL, 30000), HANGAR_IO);
    assert_error_has("cannot run /nowhere/none in ");
    throwaway_close_files(&throwaway);
    prepare_throwaway();
    signal(SIGCHLD, SIG_IGN); /* the kernel reaps it */
    testing_expect(fake, run_throwaway("true", 30000), HANGAR_IO, "lost");
    assert_error_has("throw-away store server: sh failed: it printed no reason");
    throwaway_close_files(&throwaway);
}
END_TEST

static bool is_up(void *arg)
{
    int *looks = arg;
    return --*looks == 0;
}

START_TEST(the_wait_for_a_server_ends_when_it_exits_or_at_the_limit)
{
    char *argv[] = {(char *)"sleep", (char *)"100", NULL};
    int looks = 2;
    prepare_throwaway();
    ck_assert_int_eq(throwaway_start(&throwaway, "/bin/sleep", argv, SIGKILL), HANGAR_OK);
    ck_assert_int_eq(throwaway_wait(&throwaway, NULL, is_up, &looks, 30000), HANGAR_OK);
    looks = -1;
    ck_assert_int_eq(throwaway_wait(&throwaway, NULL, is_up, &looks, 20), HANGAR_IO);
    assert_error_has("throw-away store server: /bin/sleep did not answer within 0 s");
    throwaway_stop(&throwaway, SIGTERM);
    ck_assert_int_eq(throwaway.pid, 0);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    fake_host_clear(fake);
    argv[1] = (char *)"no number";
    looks = -1;
    ck_assert_int_eq(throwaway_start(&throwaway, "/bin/sleep", argv, SIGKILL), HANGAR_OK);
    ck_assert_int_eq(throwaway_wait(&throwaway, "s", is_up, &looks, 30000), HANGAR_IO);
    assert_error_has("throw-away store server: sleep failed: ");
    ck_assert_int_eq(throwaway.pid, 0);
    testing_expect(fake, run_throwaway("exec sleep 100", 20), HANGAR_IO, "late");
    assert_error_has("throw-away store server: /bin/sh did not exit within 0 s");
    throwaway_stop(&throwaway, SIGKILL);
    throwaway_close_files(&throwaway);
}
END_TEST

START_TEST(a_failure_to_prepare_a_server_is_reported)
{
    static const char *const no_users[] = {"no-such-user-here", "root", NULL};
    const char *dir = testing_dir(), *none = testing_path(dir, "none");
    char path[200], deep[200];
    struct throwaway t = {0};
    throwaway_close_files(&t);
    if (geteuid() == 0) {
        const struct throwaway_request wish = {.what = "store", .dir = dir, .users = no_users};
        ck_assert_int_eq(throwaway_prepare(&t, fake_host_table(fake), fake_host_ctx(fake), &wish),
                         HANGAR_AUTH);
        assert_error_has(
            "cannot start a throw-away store server as root: no unprivileged user to run it as");
        throwaway_close_files(&t);
        fake_host_clear(fake);
    }
    ck_assert_int_eq(prepare_in(none, true), HANGAR_IO);
    assert_error_has("/none/log: No such file");
    throwaway_close_files(&throwaway);
    fake_host_clear(fake);
    memset(deep, 'd', sizeof(deep));
    deep[120] = '\0';
    ck_assert_int_eq(throwaway_socket(fake_host_table(fake), fake_host_ctx(fake), "/var", "s", path,
                                      sizeof(path)),
                     HANGAR_OK);
    ck_assert_str_eq(path, "/var/run/s");
    ck_assert_int_eq(
        throwaway_socket(fake_host_table(fake), fake_host_ctx(fake), deep, "s", path, sizeof(path)),
        HANGAR_CONFIG);
    assert_error_has(": the path is too long; hint: set limits.temp_dir");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_process_has_two_variables_its_folder_and_no_other_descriptor,
        a_process_starts_whatever_the_threads_of_hangar_do,
        a_process_reaches_nothing_of_the_machine,
        everything_that_a_process_started_ends_with_it,
        a_process_cannot_take_the_machine_down,
        without_namespaces_a_server_is_refused_unless_that_is_accepted,
        a_server_cannot_lead_hangar_to_another_socket,
        a_failed_process_is_reported_with_its_reason,
        the_wait_for_a_server_ends_when_it_exits_or_at_the_limit,
        a_failure_to_prepare_a_server_is_reported,
    };
    return lib_fixture_main("plugins/lib: throw-away servers", tests,
                            sizeof(tests) / sizeof(tests[0]));
}
