/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * main: what belongs to the process: descriptors, locale, environment, signals,
 * and that what was printed arrived.
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
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "interrupt.h"
#include "run.h"

/* Without this, a file opened later could become standard output.  Opened the
 * wrong way round, so that using it fails as if it were closed. */
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
        /* nohup and background jobs of a shell have it ignored: so it stays */
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

/* As systemd.exec(5) says: JOURNAL_STREAM is the device and inode of the stream. */
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
    return 80;
}

static bool main_reader_has_gone(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

    return poll(&out, 1, 0) > 0 && (out.revents & POLLERR);
}

/* Output that did not arrive is a failure; a reader that has seen enough gets no
 * message about it. */
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
        /* closed from the start, and nothing was printed: nothing is lost */
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

int main(int argc, char **argv)
{
    const char *term = getenv("TERM");
    struct timespec now = {0};

    if (!main_standard_streams_exist()) {
        return HANGAR_STATUS_FAILED;
    }
    /* the texts and numbers stay as they are; only characters are the locale's */
    setlocale(LC_CTYPE, "");
    main_catch_signals();
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
        /* NULL in a program with more rights than its caller */
        .plugin_dir = secure_getenv("HANGAR_PLUGIN_DIR"),
        .state_dir = secure_getenv("HANGAR_STATE_DIR"),
    };
    int status = main_finish_output(cli_run(&io, argc, argv));

    if (status == HANGAR_STATUS_INTERRUPTED && cli_interrupted()) {
        return 128 + cli_interrupted();
    }
    return status;
}
