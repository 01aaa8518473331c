/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * list: an external program that embeds an installed hangar.  It prints the plugins in a
 * folder as JSON.
 */
#include <stdio.h>
#include <hangar/hangar.h>

int main(int argc, char **argv)
{
    const struct hangar_settings settings = {
        .struct_size = sizeof settings,
        .config_file = "",
        .plugin_dir = argc > 1 ? argv[1] : NULL,
    };
    struct hangar *hangar = NULL;
    char *json = NULL;
    enum hangar_status status = hangar_open(&settings, &hangar);
    if (status == HANGAR_STATUS_DONE) {
        status = hangar_plugins(hangar, NULL, &json);
    }
    if (status != HANGAR_STATUS_DONE) {
        fprintf(stderr, "hangar %s: %s\n", hangar_version(), hangar ? hangar_error(hangar) : "?");
    }
    if (json) {
        puts(json);
    }
    hangar_free(json);
    hangar_close(hangar);
    return (int)status;
}
