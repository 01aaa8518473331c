/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * priority: see priority.h.  On Linux both priorities belong to a thread, and the threads and
 * processes that it starts inherit them (setpriority(2), ioprio_set(2)).
 */
#include "session/priority.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/thread.h"
#include "config/config.h"

/* linux/ioprio.h */
enum { IOPRIO_WHO_PROCESS = 1, IOPRIO_CLASS_SHIFT = 13, BEST_EFFORT = 2, IDLE = 3, LOWEST = 7 };

struct priority_call {
    const struct hg_config *config;
    struct hg_log *log;
    void (*fn)(void *arg);
    void *arg;
};

/* Lowers the priorities of the calling thread. */
static void lower_priorities(const struct hg_config *c, struct hg_log *log)
{
    const pid_t self = (pid_t)syscall(SYS_gettid);
    if (c->nice != 0 && setpriority(PRIO_PROCESS, (id_t)self, (int)c->nice) != 0) {
        hg_log_line(log, HANGAR_LOG_WARN, "cannot set nice to %lld: %s", (long long)c->nice,
                    strerror(errno));
    }
    const int io = c->ionice == HG_IONICE_IDLE ? IDLE << IOPRIO_CLASS_SHIFT
                                               : BEST_EFFORT << IOPRIO_CLASS_SHIFT | LOWEST;
    if (c->ionice != HG_IONICE_NONE && syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, self, io) != 0) {
        hg_log_line(log, HANGAR_LOG_WARN, "cannot set ionice: %s", strerror(errno));
    }
}

static void priority_thread(void *arg, size_t i)
{
    const struct priority_call *call = arg;
    (void)i;
    lower_priorities(call->config, call->log);
    call->fn(call->arg);
}

void hg_priority_run(const struct hg_config *config, struct hg_log *log, void (*fn)(void *arg),
                     void *arg)
{
    struct priority_call call = {config, log, fn, arg};
    const bool lowered = config->nice != 0 || config->ionice != HG_IONICE_NONE;
    if (!lowered || !hg_thread_run_all(1, priority_thread, &call)) {
        fn(arg); /* without a thread the job is more important than its priority */
    }
}
