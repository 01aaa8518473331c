/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * world: runs the whole program in this process and keeps what it printed.
 */
#ifndef CLI_TEST_WORLD_H
#define CLI_TEST_WORLD_H

#include <check.h>
#include "cli.h"
#include "fake_hangar.h"

/* 2026-01-15T05:00:00Z */
#define TEST_NOW_MS 1768453200000

struct world {
    struct cli_io io; /* what the next run sees: plain pipes, ASCII, unless changed */
    char *out, *err;  /* what the last run printed */
};

/* A libcheck fixture: a fresh world and a fresh fake. */
extern struct world world;
void world_setup(void);
void world_teardown(void);

/* Runs "hangar WORD...", words separated by single blanks; its exit status. */
int world_run(const char *words);

/* The bytes of a file, malloc'd, ended by a NUL. */
char *world_file(const char *path);

/* A document with ' for "; lives until the next call. */
const char *world_json(const char *text);

/* The number that `main` of a test returns. */
int world_main(const char *name, void (*add_tests)(TCase *));

#endif
