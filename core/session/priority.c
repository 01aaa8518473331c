/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * gentle: see gentle.h.  On Linux both priorities are a thread's, and go on to the
 * threads and processes that it starts (setpriority(2), ioprio_set(2)).
 */
#include "session/priority.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/thread.h"
#include "base/log.h"
#include "config/config.h"
#include "plugin/job.h"
#include "session/handle.h"

/* linux/ioprio.h */
enum { IOPRIO_WHO_PROCESS = 1, IOPRIO_CLASS_SHIFT = 13, BEST_EFFORT = 2, IDLE = 3, LOWEST = 7 };

struct gentle {
    const struct hangar *h;
    void (*fn)(void *arg);
    void *arg;
};

static void slow_down(const struct hangar *h)
{
    const struct hg_config *c = h->config;
    struct hg_log *log = (struct hg_log *)&h->log; /* logging changes nothing of the handle */
    pid_t self = (pid_t)syscall(SYS_gettid);
    if (c->nice != 0 && setpriority(PRIO_PROCESS, (id_t)self, (int)c->nice) != 0) {
        hg_log_line(log, HANGAR_LOG_WARN, "cannot set nice to %lld: %s", (long long)c->nice,
                    strerror(errno));
    }
    int io = c->ionice == HG_IONICE_IDLE ? IDLE << IOPRIO_CLASS_SHIFT
                                         : BEST_EFFORT << IOPRIO_CLASS_SHIFT | LOWEST;
    if (c->ionice != HG_IONICE_NONE && syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, self, io) != 0) {
        hg_log_line(log, HANGAR_LOG_WARN, "cannot set ionice: %s", strerror(errno));
    }
}

static void run(void *arg, size_t i)
{
    struct gentle *g = arg;
    (void)i;
    slow_down(g->h);
    g->fn(g->arg);
}

void hg_gently(const struct hangar *h, void (*fn)(void *arg), void *arg)
{
    struct gentle g = {h, fn, arg};
    const struct hg_config *c = h->config;
    if ((c->nice == 0 && c->ionice == HG_IONICE_NONE) || !hg_thread_run_all(1, run, &g)) {
        fn(arg); /* without a thread the job is more important than its priority */
    }
}
