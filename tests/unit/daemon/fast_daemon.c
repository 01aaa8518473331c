/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fast_daemon: the daemon with a clock that is SPEED times as fast as the real one and starts at
 * NOW, in seconds since 1970, so that tests do not wait for minutes.  Arguments: PROGRAM CONFIG
 * SPEED [NOW].  PROGRAM, which is run for jobs, uses the real clock.  The environment variable
 * FAST_SINCE is the real time of NOW: a daemon that is started again continues with the same clock.
 */
#include <daemon.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct fast_clock {
    int64_t speed, since_ms, now_ms;
};

static int64_t real_ms(void)
{
    struct timespec t = {0};

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t fast_ms(void *arg)
{
    const struct fast_clock *f = arg;

    return f->now_ms + (real_ms() - f->since_ms) * f->speed;
}

static void on_event(void *arg, const struct daemon_event *e)
{
    (void)arg;
    fprintf(stderr,
            "time_ms=%lld level=%d run=%s event=%s pipeline=%s job=%s status=%s msg=\"%s\"\n",
            (long long)e->time_ms, e->level, e->run ? e->run : "", e->name ? e->name : "",
            e->pipeline ? e->pipeline : "", e->job ? e->job : "", e->status ? e->status : "",
            e->message);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fputs("usage: fast_daemon PROGRAM CONFIG SPEED [NOW]\n", stderr);
        return 2;
    }
    const char *since = getenv("FAST_SINCE");
    struct fast_clock fast = {.speed = atoll(argv[3]),
                              .since_ms = since ? atoll(since) * 1000 : real_ms(),
                              .now_ms = argc > 4 ? atoll(argv[4]) * 1000 : real_ms()};
    struct daemon_clock clock = {.now_ms = fast_ms, .arg = &fast, .speed = fast.speed};
    struct daemon_settings settings = {
        .program = argv[1], .config_file = argv[2], .clock = &clock, .on_event = on_event};

    return daemon_run(&settings);
}
