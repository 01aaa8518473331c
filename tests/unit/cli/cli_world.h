/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * cli_world: runs the whole program in this process and keeps its output.
 */
#ifndef TEST_UNIT_CLI_CLI_WORLD_H
#define TEST_UNIT_CLI_CLI_WORLD_H

#include <check.h>
#include "cli.h"
#include "fake_hangar.h"

/* 2026-01-15T05:00:00Z */
#define TEST_NOW_MS 1768453200000

struct world {
    struct cli_io io; /* of the next run; by default pipes and ASCII */
    char *out, *err;  /* the output of the last run */
};

/* A libcheck fixture: a fresh world and a fresh fake. */
extern struct world world;
void world_setup(void);
void world_teardown(void);

/* Runs "hangar WORD...", words separated by single blanks; returns the exit status. */
int world_run(const char *words);

/* The next run is at a terminal at which a user types this. */
void world_type(const char *input);

/* The bytes of a file, malloc'd, ended by a NUL. */
char *world_file(const char *path);

/* A document with ' for "; lives until the next call. */
const char *world_json(const char *text);

/* Runs the tests; returns the exit status of main.  */
int world_main(const char *name, void (*add_tests)(TCase *));

#endif
