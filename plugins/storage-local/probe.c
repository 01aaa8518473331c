/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * probe: does everything once that storing needs, with temporary names only, so
 * that a directory that cannot do it is found before the first backup.
 */
#include "local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
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

static const char *filesystem_name(uint32_t magic)
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

void local_size_text(uint64_t bytes, char out[SIZE_TEXT_SIZE])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1024;
        unit++;
    }
    snprintf(out, SIZE_TEXT_SIZE, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

/* A small synced file under a temporary name. */
static int write_temp(int dir, char name[TEMP_NAME_SIZE])
{
    static const char content[] = "hangar was here\n";
    int fd = local_make_temp(dir, name);
    if (fd < 0) {
        return -1;
    }
    bool good =
        write(fd, content, sizeof(content) - 1) == (ssize_t)(sizeof(content) - 1) && !fsync(fd);
    int error_number = good ? 0 : errno ? errno : EIO;
    if (close(fd) && good) {
        error_number = errno;
    }
    if (!error_number) {
        return 0;
    }
    unlinkat(dir, name, 0);
    errno = error_number;
    return -1;
}

/* With `one` in place, `two` must not replace it exclusively, and must otherwise. */
static enum hangar_rc try_renames(struct local *local, int dir, const char *one, const char *two)
{
    if (!local_rename(dir, two, one, true)) {
        return local->host->fail(local->ctx, HANGAR_UNSUPPORTED, 0,
                                 "cannot use %s: its file system replaces files that it was told "
                                 "not to replace",
                                 local->root);
    }
    if (errno != EEXIST) {
        return local_fail(local, errno, "create a file exclusively in %s", local->root);
    }
    if (local_rename(dir, two, one, false)) {
        return local_fail(local, errno, "rename a file in %s", local->root);
    }
    if (fsync(dir)) {
        return local_fail(local, errno, "sync directory %s", local->root);
    }
    if (unlinkat(dir, one, 0)) {
        return local_fail(local, errno, "remove a file in %s", local->root);
    }
    return HANGAR_OK;
}

static enum hangar_rc try_files(struct local *local, int dir)
{
    char one[TEMP_NAME_SIZE], two[TEMP_NAME_SIZE];
    if (write_temp(dir, one)) {
        return local_fail(local, errno, "write to directory %s", local->root);
    }
    if (write_temp(dir, two)) {
        int error_number = errno;
        unlinkat(dir, one, 0);
        return local_fail(local, error_number, "write to directory %s", local->root);
    }
    enum hangar_rc rc = try_renames(local, dir, one, two);
    if (rc) {
        unlinkat(dir, one, 0);
        unlinkat(dir, two, 0);
    }
    return rc;
}

static void warn_of_readers(struct local *local, int dir)
{
    struct stat st;
    if (fstat(dir, &st) || !(st.st_mode & 077)) {
        return;
    }
    local->host->log(local->ctx, HANGAR_LOG_WARN,
                     "other users may look into directory %s (mode %04o); hint: chmod 700 %s",
                     local->root, st.st_mode & 07777, local->root);
}

enum hangar_rc local_probe(void *inst, struct hangar_attrs *capabilities)
{
    struct local *local = inst;
    struct statfs fs;
    struct hangar_space space = {.struct_size = sizeof(space)};
    char text[SIZE_TEXT_SIZE];
    int dir = -1;
    enum hangar_rc rc = local_open_root(local, true, &dir);
    if (rc) {
        return rc;
    }
    rc = try_files(local, dir);
    if (!rc && fstatfs(dir, &fs)) {
        rc = local_fail(local, errno, "tell the file system of %s", local->root);
    }
    if (!rc) {
        rc = local_space(local, &space);
    }
    if (!rc) {
        warn_of_readers(local, dir);
        const char *name = filesystem_name((uint32_t)fs.f_type);
        local->host->attr_set(capabilities, "create_only", "yes");
        local_size_text(space.free_bytes, text);
        local->host->attr_set(capabilities, "free", text);
        if (name) {
            local->host->attr_set(capabilities, "filesystem", name);
        } else {
            local->host->attr_setf(capabilities, "filesystem", "0x%lx", (unsigned long)fs.f_type);
        }
    }
    close(dir);
    return rc;
}
