/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * probe: performs each operation that storing needs once, with temporary names, so that a directory
 * that lacks one is detected before the first backup.
 */
#include "local.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <linux/magic.h>
#include <unistd.h>

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif
#define ZFS_MAGIC 0x2fc12fc1
#define CIFS_MAGIC 0xff534d42
#ifndef SMB2_SUPER_MAGIC
#define SMB2_SUPER_MAGIC 0xfe534d42
#endif

static const char *probe_filesystem(uint32_t magic)
{
    static const struct {
        uint32_t magic;
        const char *name;
    } names[] = {
        {EXT4_SUPER_MAGIC, "ext4"},   {XFS_SUPER_MAGIC, "xfs"},
        {BTRFS_SUPER_MAGIC, "btrfs"}, {TMPFS_MAGIC, "tmpfs"},
        {NFS_SUPER_MAGIC, "nfs"},     {CIFS_MAGIC, "cifs"},
        {SMB2_SUPER_MAGIC, "smb2"},   {ZFS_MAGIC, "zfs"},
        {F2FS_SUPER_MAGIC, "f2fs"},   {OVERLAYFS_SUPER_MAGIC, "overlay"},
        {FUSE_SUPER_MAGIC, "fuse"},   {MSDOS_SUPER_MAGIC, "vfat"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].magic == magic) {
            return names[i].name;
        }
    }
    return NULL;
}

/* Writes and syncs a small file under a temporary name.  0, or -1 with errno and no file. */
static int probe_write_temp(int dir, char name[TEMP_NAME_SIZE])
{
    static const char content[] = "hangar was here\n";
    int fd = local_make_temp(dir, name);
    if (fd < 0) {
        return -1;
    }
    bool good =
        write(fd, content, sizeof(content) - 1) == (ssize_t)(sizeof(content) - 1) && fsync(fd) == 0;
    int error_number = good ? 0 : errno ? errno : EIO;
    if (close(fd) != 0 && good) {
        error_number = errno;
    }
    if (error_number == 0) {
        return 0;
    }
    unlinkat(dir, name, 0);
    errno = error_number;
    return -1;
}

/* A rename of `two` to `one` must fail when it is exclusive, and replace the file otherwise. */
static enum hangar_rc probe_renames(struct local_sink *local, int dir, const char *one,
                                    const char *two)
{
    if (local_rename(dir, two, one, true) == 0) {
        return local->host->fail(local->ctx, HANGAR_UNSUPPORTED, 0,
                                 "cannot use %s: the file system replaces existing files although "
                                 "RENAME_NOREPLACE is set",
                                 local->root);
    }
    if (errno != EEXIST) {
        return local_fail(local, errno, "create a file exclusively in %s", local->root);
    }
    if (local_rename(dir, two, one, false) != 0) {
        return local_fail(local, errno, "rename a file in %s", local->root);
    }
    if (fsync(dir) != 0) {
        return local_fail(local, errno, "sync directory %s", local->root);
    }
    if (unlinkat(dir, one, 0) != 0) {
        return local_fail(local, errno, "remove a file in %s", local->root);
    }
    return HANGAR_OK;
}

static enum hangar_rc probe_files(struct local_sink *local, int dir)
{
    char one[TEMP_NAME_SIZE], two[TEMP_NAME_SIZE];
    if (probe_write_temp(dir, one) != 0) {
        return local_fail(local, errno, "write to directory %s", local->root);
    }
    if (probe_write_temp(dir, two) != 0) {
        int error_number = errno;
        unlinkat(dir, one, 0);
        return local_fail(local, error_number, "write to directory %s", local->root);
    }
    enum hangar_rc rc = probe_renames(local, dir, one, two);
    if (rc != HANGAR_OK) {
        unlinkat(dir, one, 0);
        unlinkat(dir, two, 0);
    }
    return rc;
}

static void probe_warn_of_mode(struct local_sink *local, int dir)
{
    struct stat st;
    if (fstat(dir, &st) != 0 || (st.st_mode & 077) == 0) {
        return;
    }
    local->host->log(local->ctx, HANGAR_LOG_WARN,
                     "other users have access to directory %s (mode %04o); hint: chmod 700 %s",
                     local->root, st.st_mode & 07777, local->root);
}

static void probe_warn_of_limit(struct local_sink *local)
{
    struct rlimit limit;
    char text[SIZE_TEXT_SIZE];
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        local_size_text(limit.rlim_cur, text);
        local->host->log(local->ctx, HANGAR_LOG_WARN,
                         "objects of more than %s cannot be stored in %s: the size of files is "
                         "limited; hint: raise it (ulimit -f, LimitFSIZE= of the service)",
                         text, local->root);
    }
}

/* Sets what is known of the store in this directory, which is the root or a directory above it. */
static enum hangar_rc probe_report(struct local_sink *local, int dir,
                                   struct hangar_attrs *capabilities)
{
    struct statfs fs;
    struct hangar_space space = {.struct_size = sizeof(space)};
    if (fstatfs(dir, &fs) != 0) {
        return local_fail(local, errno, "determine the file system of %s", local->root);
    }
    enum hangar_rc rc = local_space(local, &space);
    if (rc != HANGAR_OK) {
        return rc;
    }
    probe_warn_of_limit(local);
    const char *name = probe_filesystem((uint32_t)fs.f_type);
    local->host->attr_set(capabilities, "create_only", "yes");
    char text[SIZE_TEXT_SIZE];
    local_size_text(space.free_bytes, text);
    local->host->attr_set(capabilities, "free", text);
    if (name) {
        local->host->attr_set(capabilities, "filesystem", name);
    } else {
        local->host->attr_setf(capabilities, "filesystem", "0x%lx", (unsigned long)fs.f_type);
    }
    return HANGAR_OK;
}

/* The root does not exist.  A probe makes no directory: it examines the nearest one above. */
static enum hangar_rc probe_above(struct local_sink *local, struct hangar_attrs *capabilities)
{
    char path[PATH_MAX];
    int dir;
    snprintf(path, sizeof(path), "%s", local->root);
    while ((dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 && errno == ENOENT) {
        char *slash = strrchr(path, '/');
        if (!slash || path[1] == '\0') {
            break;
        }
        slash[slash == path] = '\0';
    }
    if (dir < 0) {
        return local_fail(local, errno, "create directory %s: open directory %s", local->root,
                          path);
    }
    enum hangar_rc rc = HANGAR_OK;
    if (faccessat(dir, ".", W_OK | X_OK, AT_EACCESS) != 0) {
        rc = local_fail(local, errno, "create directory %s in %s", local->root, path);
    }
    if (rc == HANGAR_OK) {
        rc = probe_report(local, dir, capabilities);
    }
    if (rc == HANGAR_OK) {
        local->host->attr_set(capabilities, "directory", "absent; the first backup creates it");
    }
    close(dir);
    return rc;
}

enum hangar_rc local_probe(void *inst, struct hangar_attrs *capabilities)
{
    struct local_sink *local = inst;
    int dir = -1;
    enum hangar_rc rc = local_open_root(local, false, &dir);
    if (rc == HANGAR_NOT_FOUND) {
        return probe_above(local, capabilities);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    rc = probe_files(local, dir);
    if (rc == HANGAR_OK) {
        rc = probe_report(local, dir, capabilities);
    }
    if (rc == HANGAR_OK) {
        probe_warn_of_mode(local, dir);
    }
    close(dir);
    return rc;
}
