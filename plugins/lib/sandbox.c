/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sandbox: see sandbox.h.  The plan is made before the fork, where memory can be allocated; the
 * child, whose parent may have had threads, only makes the system calls.
 */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OLD_NAME "old"
#define OLD_ROOT "/" OLD_NAME
#define BOX_OPTIONS "mode=0755,size=1m"
#define TMP_OPTIONS "mode=1777,size=64m"

enum sandbox_kind {
    SANDBOX_TREE,   /* a folder or file of this machine, read-only */
    SANDBOX_WRITE,  /* a folder of this machine that can be written */
    SANDBOX_DEVICE, /* a device of this machine */
    SANDBOX_LINK,   /* a symbolic link to `from` */
    SANDBOX_TEXT,   /* a file with the text `from` */
    SANDBOX_TMP     /* an empty folder in memory */
};

struct sandbox_entry {
    enum sandbox_kind kind;
    char *to, *from;
    bool file; /* not a folder */
};

/* ---- the plan ---- */

/* Takes over `from`. */
static void sandbox_add(struct sandbox *box, enum sandbox_kind kind, const char *to, char *from,
                        bool file)
{
    if (box->count == box->capacity) {
        size_t capacity = box->capacity ? box->capacity * 2 : 32;
        struct sandbox_entry *bigger = realloc(box->entries, capacity * sizeof(*bigger));
        if (!bigger) {
            box->failed = true;
            free(from);
            return;
        }
        box->entries = bigger;
        box->capacity = capacity;
    }
    char *copy = strdup(to);
    if (!copy || !from) {
        box->failed = true;
        free(copy);
        free(from);
        return;
    }
    box->entries[box->count++] =
        (struct sandbox_entry){.kind = kind, .to = copy, .from = from, .file = file};
}

/* Adds a path of this machine, when it exists.  Its place under the old root has no symbolic
 * links, which would lead into the new one. */
static void sandbox_add_path(struct sandbox *box, enum sandbox_kind kind, const char *path)
{
    struct stat st;
    char *real = realpath(path, NULL), *from = NULL;
    if (!real || stat(real, &st) != 0) {
        free(real);
        return;
    }
    if (asprintf(&from, OLD_ROOT "%s", real) < 0) {
        from = NULL;
    }
    sandbox_add(box, kind, path, from, !S_ISDIR(st.st_mode));
    free(real);
}

/* Adds a path, as a symbolic link when it is one. */
static void sandbox_add_link(struct sandbox *box, const char *path)
{
    char target[PATH_MAX];
    ssize_t n = readlink(path, target, sizeof(target) - 1);
    if (n < 0) {
        sandbox_add_path(box, SANDBOX_TREE, path);
        return;
    }
    target[n] = '\0';
    sandbox_add(box, SANDBOX_LINK, path, strdup(target), false);
}

/* Whether a path is in what is visible already. */
static bool sandbox_shows(const struct sandbox *box, const char *path)
{
    for (size_t i = 0; i < box->count; i++) {
        const struct sandbox_entry *entry = &box->entries[i];
        size_t n = strlen(entry->to);
        if (entry->kind == SANDBOX_TREE && strncmp(path, entry->to, n) == 0 &&
            (path[n] == '/' || path[n] == '\0')) {
            return true;
        }
    }
    return false;
}

static void sandbox_add_missing(struct sandbox *box, const char *path)
{
    if (!sandbox_shows(box, path)) {
        sandbox_add_path(box, SANDBOX_TREE, path);
    }
}

/* The folder of a program, and the libraries beside it. */
static void sandbox_add_program(struct sandbox *box, const char *program)
{
    static const char *const beside[] = {"", "/../lib", "/../lib64"};
    const char *slash = strrchr(program, '/');
    for (size_t i = 0; slash && i < sizeof(beside) / sizeof(beside[0]); i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%.*s%s", (int)(slash - program), program, beside[i]);
        char *real = realpath(path, NULL);
        if (real && strcmp(real, "/") != 0) {
            sandbox_add_missing(box, i == 0 ? path : real);
        }
        free(real);
    }
}

static void sandbox_add_system(struct sandbox *box)
{
    static const char *const prefixes[] = {"/usr", "/usr/local"};
    static const char *const parts[] = {"bin",   "sbin",   "lib",     "lib32",
                                        "lib64", "libx32", "libexec", "share"};
    static const char *const roots[] = {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};
    static const char *const public[] = {"/etc/ld.so.cache", "/etc/alternatives",
                                         "/etc/ssl/openssl.cnf"};
    static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random",
                                          "/dev/urandom"};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        for (size_t k = 0; k < sizeof(parts) / sizeof(parts[0]); k++) {
            char path[64];
            snprintf(path, sizeof(path), "%s/%s", prefixes[i], parts[k]);
            sandbox_add_link(box, path);
        }
    }
    for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
        sandbox_add_link(box, roots[i]);
    }
    for (size_t i = 0; i < sizeof(public) / sizeof(public[0]); i++) {
        sandbox_add_path(box, SANDBOX_TREE, public[i]);
    }
    sandbox_add_link(box, "/etc/localtime");
    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        sandbox_add_path(box, SANDBOX_DEVICE, devices[i]);
    }
    sandbox_add(box, SANDBOX_TMP, "/dev/shm", strdup(""), false);
    sandbox_add(box, SANDBOX_TMP, "/tmp", strdup(""), false);
}

/* The only user that there is. */
static void sandbox_add_user(struct sandbox *box)
{
    char *passwd = NULL, *group = NULL;
    if (asprintf(&passwd, "server:x:%u:%u::/:/bin/sh\n", (unsigned)box->uid, (unsigned)box->gid) <
        0) {
        passwd = NULL;
    }
    if (asprintf(&group, "server:x:%u:\n", (unsigned)box->gid) < 0) {
        group = NULL;
    }
    sandbox_add(box, SANDBOX_TEXT, "/etc/passwd", passwd, true);
    sandbox_add(box, SANDBOX_TEXT, "/etc/group", group, true);
    snprintf(box->uid_map, sizeof(box->uid_map), "%u %u 1\n", (unsigned)box->uid,
             (unsigned)box->uid);
    snprintf(box->gid_map, sizeof(box->gid_map), "%u %u 1\n", (unsigned)box->gid,
             (unsigned)box->gid);
}

bool sandbox_plan(struct sandbox *box, const char *dir, const char *program,
                  const char *const *more)
{
    box->dir = dir;
    sandbox_add_system(box);
    sandbox_add_user(box);
    if (program) {
        char *real = realpath(program, NULL);
        sandbox_add_program(box, program);
        if (real) {
            sandbox_add_program(box, real);
        }
        free(real);
    }
    for (; more && *more; more++) {
        sandbox_add_missing(box, *more);
    }
    sandbox_add_path(box, SANDBOX_WRITE, dir); /* over all others */
    return !box->failed;
}

void sandbox_free(struct sandbox *box)
{
    for (size_t i = 0; i < box->count; i++) {
        free(box->entries[i].to);
        free(box->entries[i].from);
    }
    free(box->entries);
    box->entries = NULL;
    box->count = box->capacity = 0;
}

/* ---- the child: system calls only ---- */

pid_t sandbox_clone(const struct sandbox *box)
{
    unsigned long flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                          (box->drop ? 0 : CLONE_NEWUSER);
    /* not clone3, which filters of system calls cannot examine and refuse */
    return (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
}

/* Fails, with the reason; the errno is that of the last call. */
static bool sandbox_fail(struct sandbox_failure *failure, const char *doing, const char *path)
{
    size_t size = 0;
    failure->error = errno;
    for (; *doing && size < sizeof(failure->what) - 1; doing++) {
        failure->what[size++] = *doing;
    }
    for (; *path && size < sizeof(failure->what) - 1; path++) {
        failure->what[size++] = *path;
    }
    failure->what[size] = '\0';
    return false;
}

static bool sandbox_write_file(const char *path, const char *text, int flags)
{
    size_t size = strlen(text);
    int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0644);
    bool good = fd >= 0 && write(fd, text, size) == (ssize_t)size;
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = error;
    return good;
}

/* Makes this user the only one of the new user namespace.  The files belong to root while the
 * process is not dumpable. */
static bool sandbox_map_user(const struct sandbox *box, struct sandbox_failure *failure)
{
    static const char *const files[] = {"/proc/self/setgroups", "/proc/self/uid_map",
                                        "/proc/self/gid_map"};
    const char *const texts[] = {"deny", box->uid_map, box->gid_map};
    prctl(PR_SET_DUMPABLE, 1);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (!sandbox_write_file(files[i], texts[i], 0)) {
            return sandbox_fail(failure, "write ", files[i]);
        }
    }
    prctl(PR_SET_DUMPABLE, 0);
    return true;
}

/* Replaces the root by an empty one, and puts the old one into a folder of it. */
static bool sandbox_change_root(const struct sandbox *box, struct sandbox_failure *failure)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0) {
        return sandbox_fail(failure, "mount ", "/");
    }
    if (mount("tmpfs", box->dir, "tmpfs", MS_NOSUID | MS_NODEV, BOX_OPTIONS) != 0) {
        return sandbox_fail(failure, "mount tmpfs on ", box->dir);
    }
    if (chdir(box->dir) != 0 || mkdir(OLD_NAME, 0700) != 0 ||
        syscall(SYS_pivot_root, ".", OLD_NAME) != 0 || chdir("/") != 0) {
        return sandbox_fail(failure, "pivot_root to ", box->dir);
    }
    return true;
}

/* Makes the folders above a path. */
static void sandbox_make_parents(const char *path)
{
    char part[PATH_MAX];
    for (size_t i = 0; path[i] && i < sizeof(part) - 1; i++) {
        part[i] = path[i];
        part[i + 1] = '\0';
        if (i > 0 && path[i + 1] == '/') {
            mkdir(part, 0755);
        }
    }
}

static bool sandbox_bind(const struct sandbox_entry *entry)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_NOSUID};
    int fd = entry->file ? open(entry->to, O_CREAT | O_CLOEXEC, 0644) : -1;
    if (fd >= 0) {
        close(fd);
    } else {
        mkdir(entry->to, 0755);
    }
    attr.attr_set |= entry->kind == SANDBOX_DEVICE ? MOUNT_ATTR_NOEXEC : MOUNT_ATTR_NODEV;
    attr.attr_set |= entry->kind == SANDBOX_TREE ? MOUNT_ATTR_RDONLY : 0;
    return mount(entry->from, entry->to, NULL, MS_BIND | MS_REC, NULL) == 0 &&
           syscall(SYS_mount_setattr, AT_FDCWD, entry->to, AT_RECURSIVE, &attr, sizeof(attr)) == 0;
}

static bool sandbox_make(const struct sandbox_entry *entry)
{
    sandbox_make_parents(entry->to);
    switch (entry->kind) {
    case SANDBOX_LINK:
        return symlink(entry->from, entry->to) == 0;
    case SANDBOX_TEXT:
        return sandbox_write_file(entry->to, entry->from, O_CREAT | O_EXCL);
    case SANDBOX_TMP:
        mkdir(entry->to, 0755);
        return mount("tmpfs", entry->to, "tmpfs", MS_NOSUID | MS_NODEV, TMP_OPTIONS) == 0;
    default:
        return sandbox_bind(entry);
    }
}

static bool sandbox_fill_root(const struct sandbox *box, struct sandbox_failure *failure)
{
    struct mount_attr fixed = {.attr_set = MOUNT_ATTR_RDONLY};
    for (size_t i = 0; i < box->count; i++) {
        if (!sandbox_make(&box->entries[i])) {
            return sandbox_fail(failure, "make ", box->entries[i].to);
        }
    }
    if (umount2(OLD_ROOT, MNT_DETACH) != 0 || rmdir(OLD_ROOT) != 0) {
        return sandbox_fail(failure, "unmount ", "the old root");
    }
    if (syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, &fixed, sizeof(fixed)) != 0 ||
        chdir(box->dir) != 0) {
        return sandbox_fail(failure, "enter ", box->dir);
    }
    return true;
}

/* The kernel's own calls: those of the C library change all threads of a process, and in a clone
 * it waits for threads that only the parent has. */
#ifdef SYS_setresuid32
#define CALL_SETGROUPS SYS_setgroups32
#define CALL_SETRESGID SYS_setresgid32
#define CALL_SETRESUID SYS_setresuid32
#else
#define CALL_SETGROUPS SYS_setgroups
#define CALL_SETRESGID SYS_setresgid
#define CALL_SETRESUID SYS_setresuid
#endif

bool sandbox_change_user(const struct sandbox *box)
{
    return !box->drop || (syscall(CALL_SETGROUPS, 0, NULL) == 0 &&
                          syscall(CALL_SETRESGID, box->gid, box->gid, box->gid) == 0 &&
                          syscall(CALL_SETRESUID, box->uid, box->uid, box->uid) == 0);
}

/* Gives up the user, all rights and the keyring.  A filter of system calls may refuse capset and
 * keyctl: the exec also drops the rights of a user other than root. */
static bool sandbox_drop_rights(const struct sandbox *box, struct sandbox_failure *failure)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{.effective = 0}};
    if (!sandbox_change_user(box)) {
        return sandbox_fail(failure, "change ", "the user");
    }
    syscall(SYS_capset, &head, none);
    syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return sandbox_fail(failure, "give up ", "new rights");
    }
    return true;
}

bool sandbox_enter(const struct sandbox *box, struct sandbox_failure *failure)
{
    mode_t mask = umask(022);
    bool good = (box->drop || sandbox_map_user(box, failure)) &&
                sandbox_change_root(box, failure) && sandbox_fill_root(box, failure) &&
                sandbox_drop_rights(box, failure);
    umask(mask);
    return good;
}

/* ---- the probe ---- */

bool sandbox_probe(const struct sandbox *box, struct sandbox_failure *failure)
{
    int channel[2], status = 0;
    *failure = (struct sandbox_failure){.what = "create a pipe"};
    if (pipe2(channel, O_CLOEXEC) != 0) {
        failure->error = errno;
        return false;
    }
    pid_t pid = sandbox_clone(box);
    if (pid == 0) {
        bool good = sandbox_enter(box, failure);
        ssize_t written = good ? 0 : write(channel[1], failure, sizeof(*failure));
        _exit(good ? 0 : written < 0);
    }
    if (pid < 0) {
        sandbox_fail(failure, "create ", "namespaces");
    }
    close(channel[1]);
    ssize_t n = pid > 0 ? read(channel[0], failure, sizeof(*failure)) : 1;
    close(channel[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return n == 0 && status == 0;
}
