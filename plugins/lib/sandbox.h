/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sandbox: a process in namespaces of its own, for code that is not trusted.  It does not know what
 * program runs there.
 *
 *     sandbox_plan ──► sandbox_clone ──► the child: sandbox_enter, then exec
 *     sandbox_probe: the same, up to the exec
 *
 * The root of its file system is an allow-list: programs and libraries (the folders bin, sbin,
 * lib*, libexec and share of /usr and /usr/local), read-only; five devices; a passwd with one user;
 * an empty /tmp and /dev/shm; and one folder that it can write.  Nothing else of the machine exists
 * there: no /proc, /home, /run, /var, /srv, and of /etc only a few public files.  It has no
 * network, sees no other process, no shared memory and no keyring, and has no rights.
 *
 * The process is the first of its process namespace: when it has ended, all processes in it have.
 * A process of root changes to the user of the plan; another one gets a user namespace, in which
 * its own user is the only one.  Needs Linux 5.12.
 */
#ifndef PLUGIN_SANDBOX_H
#define PLUGIN_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct sandbox {
    const char *dir; /* absolute; can be written, at this path; the current folder */
    bool drop;       /* this process is root: change to the user below */
    uid_t uid;
    gid_t gid;
    struct sandbox_entry *entries; /* in the order in which they are made */
    size_t count, capacity;
    bool failed; /* out of memory */
    char uid_map[48], gid_map[48];
};

/* What sandbox_enter could not do, for a message. */
struct sandbox_failure {
    char what[120]; /* "mount /old/usr/lib" */
    int error;      /* an errno */
};

/* Decides what the process will see.  `program` (may be NULL) and the libraries beside it are
 * visible, and the paths in `more` (ended by NULL; may be NULL).  `dir` must live as long as the
 * plan.  False: out of memory. */
bool sandbox_plan(struct sandbox *box, const char *dir, const char *program,
                  const char *const *more);
void sandbox_free(struct sandbox *box);

/* Forks into new namespaces; like fork, but the child may make system calls only, and none that
 * the C library does for all threads (setuid and its kind). */
pid_t sandbox_clone(const struct sandbox *box);

/* In the child: makes the root, enters it, and gives up all rights.  False: *failure has the
 * reason. */
bool sandbox_enter(const struct sandbox *box, struct sandbox_failure *failure);

/* In a child, also one of fork: becomes the user of the plan, when it has one. */
bool sandbox_change_user(const struct sandbox *box);

/* Whether this process can make such a sandbox; if not, *failure has the reason. */
bool sandbox_probe(const struct sandbox *box, struct sandbox_failure *failure);

#endif
