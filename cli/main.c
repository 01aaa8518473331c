/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * main: sets up the process: memory, descriptors, locale, environment and signals; checks at the
 * end that the output was written.
 */
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "interrupt.h"
#include "run.h"

/* Without this, a file that is opened later could become standard output.  The mode of
 * opening is reversed, so that a use fails as on a closed descriptor. */
static bool main_standard_streams_exist(void)
{
    for (int fd = 0; fd < 3; fd++) {
        if (fcntl(fd, F_GETFD) != -1 || errno != EBADF) {
            continue;
        }
        if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd) {
            return false;
        }
    }
    return true;
}

static void main_on_signal(int number)
{
    int saved = errno;

    if (!cli_interrupt(number)) {
        _exit(128 + number);
    }
    errno = saved;
}

static void main_catch_signals(void)
{
    struct sigaction stop = {.sa_handler = main_on_signal}, ignore = {.sa_handler = SIG_IGN}, old;
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

    sigemptyset(&stop.sa_mask);
    sigemptyset(&ignore.sa_mask);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        /* a signal that nohup or a shell made ignored stays ignored */
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) {
            sigaction(numbers[i], &stop, NULL);
        }
    }
    sigaction(SIGPIPE, &ignore, NULL);
}

static bool main_is_set(const char *name)
{
    const char *value = getenv(name);

    return value && *value;
}

/* JOURNAL_STREAM is the device and inode of the stream, see systemd.exec(5). */
static bool main_leads_to_the_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;

    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(fd, &st) == 0 &&
           st.st_dev == device && st.st_ino == inode;
}

static int main_terminal_width(void)
{
    struct winsize size;

    if ((ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ||
         ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0) &&
        size.ws_col) {
        return size.ws_col;
    }
    const char *columns = getenv("COLUMNS"); /* a terminal that does not report its size */
    int width = columns ? atoi(columns) : 0;
    return width > 0 && width < 10000 ? width : 80;
}

static bool main_reader_has_gone(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

    return poll(&out, 1, 0) > 0 && (out.revents & POLLERR);
}

/* Output that could not be written is a failure.  When the reader of a pipe has ended, as
 * `head` does, there is no message. */
static int main_finish_output(int status)
{
    bool failed = ferror(stdout) != 0;
    bool gone = failed && main_reader_has_gone();

    errno = 0;
    if (fflush(stdout) != 0) {
        failed = true;
        gone = errno == EPIPE;
    }
    int why = errno;
    if (fclose(stdout) != 0 && !failed) {
        /* closed from the start, and nothing was printed */
        failed = errno != EBADF;
        why = errno;
    }
    if (!failed) {
        return status;
    }
    if (!gone) {
        fprintf(stderr, "hangar: cannot write to standard output%s%s\n", why ? ": " : "",
                why ? strerror(why) : "");
    }
    return status ? status : HANGAR_STATUS_FAILED;
}

/* The memory has passwords and keys.  No other process of this user may read it, also not through
 * /proc, and no core file has it.  Programs that hangar starts are readable again. */
static void main_hide_memory(void)
{
    struct rlimit core;

    prctl(PR_SET_DUMPABLE, 0);
    if (getrlimit(RLIMIT_CORE, &core) == 0) {
        core.rlim_cur = 0;
        setrlimit(RLIMIT_CORE, &core);
    }
}

/* Sinks, sessions and files of many jobs are open at once, and the usual limit of 1024 is one for
 * programs that use select().  Programs that hangar starts get the same limit. */
static void main_raise_open_files(void)
{
    const rlim_t enough = 4096;
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < enough) {
        files.rlim_cur = files.rlim_max < enough ? files.rlim_max : enough;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

int main(int argc, char **argv)
{
    const char *term = getenv("TERM");

    main_hide_memory();
    main_raise_open_files();
    if (!main_standard_streams_exist()) {
        return HANGAR_STATUS_FAILED;
    }
    /* only the character set of the locale is used, no translation and no number format */
    setlocale(LC_CTYPE, "");
    main_catch_signals();
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);

    struct cli_io io = {
        .in = STDIN_FILENO,
        .out = stdout,
        .err = stderr,
        .in_tty = isatty(STDIN_FILENO) == 1,
        .out_tty = isatty(STDOUT_FILENO) == 1,
        .err_tty = isatty(STDERR_FILENO) == 1,
        .dumb = !term || !*term || strcmp(term, "dumb") == 0,
        .no_color = main_is_set("NO_COLOR"),
        .journal = main_leads_to_the_journal(STDERR_FILENO),
        .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
        .width = main_terminal_width(),
        .now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000,
        /* NULL in a setuid program */
        .plugin_dir = secure_getenv("HANGAR_PLUGIN_DIR"),
        .state_dir = secure_getenv("HANGAR_STATE_DIR"),
    };
    int status = main_finish_output(cli_run(&io, argc, argv));

    if (status == HANGAR_STATUS_INTERRUPTED && cli_interrupted()) {
        return 128 + cli_interrupted();
    }
    return status;
}
