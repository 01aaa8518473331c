/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * probe: stores, reads and removes a test object, and reports what the library can do.
 */
#include "driver.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "random.h"

static enum hangar_rc libs3_probe_store(struct driver *driver, const char *name)
{
    static const char content[] = "hangar was here\n";
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    struct hangar_put *put = NULL;
    struct hangar_get *get = NULL;
    char back[sizeof(content)] = "";
    size_t got = 0;
    enum hangar_rc rc = libs3_put_open(driver, name, 0, 0, &put);
    if (rc != HANGAR_OK) {
        return rc;
    }
    rc = libs3_put_write(put, content, sizeof(content) - 1);
    if (rc != HANGAR_OK) {
        libs3_put_abort(put);
        return rc;
    }
    rc = libs3_put_commit(put, &entry);
    if (rc == HANGAR_OK) {
        rc = libs3_get_open(driver, name, 0, &get);
    }
    if (rc == HANGAR_OK) {
        rc = libs3_get_read(get, back, sizeof(content), &got);
        libs3_get_close(get);
    }
    if (rc == HANGAR_OK && (got != sizeof(content) - 1 || memcmp(back, content, got) != 0)) {
        rc = driver->host->fail(driver->ctx, HANGAR_CORRUPT, 0,
                                "cannot use %s: a test object was read with other contents",
                                driver->description);
    }
    return rc;
}

enum hangar_rc libs3_probe(void *inst, struct hangar_attrs *capabilities)
{
    struct driver *driver = inst;
    uint64_t number = 0;
    if (!random_fill(&number, sizeof(number))) {
        number = (uint64_t)clock_monotonic_ms();
    }
    char name[64];
    snprintf(name, sizeof(name), ".hangar-probe-%016llx", (unsigned long long)number);
    enum hangar_rc rc = libs3_probe_store(driver, name);
    enum hangar_rc removed = libs3_remove(driver, name); /* also after a failure */
    if (rc != HANGAR_OK || removed != HANGAR_OK) {
        return rc != HANGAR_OK ? rc : removed;
    }
    driver->host->attr_set(capabilities, "library", LIBRARY);
    driver->host->attr_set(capabilities, "create_only", "no");
    driver->host->attr_set(capabilities, "multipart", "no");
    driver->host->attr_set(capabilities, "object_max", "5 GiB");
    if (driver->bucket.protocol == S3ProtocolHTTPS &&
        !driver->host->opt_bool(driver->ctx, "verify")) {
        driver->host->log(driver->ctx, HANGAR_LOG_WARN,
                          "the certificate of %s is not checked; hint: use the plugin storage-s3",
                          driver->description);
    }
    return HANGAR_OK;
}
