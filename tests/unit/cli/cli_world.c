/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * cli_world: see cli_world.h.
 */
#include "cli_world.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

struct world world;

void world_setup(void)
{
    fake_reset();
    world = (struct world){.io = {.in = -1, .now_ms = TEST_NOW_MS}};
}

void world_teardown(void)
{
    free(world.out);
    free(world.err);
    world.out = world.err = NULL;
}

int world_run(const char *words)
{
    enum { MAX = 32 };
    char *copy = NULL, *rest, *argv[MAX + 1] = {0};
    size_t out_size, err_size;
    int argc = 0;

    world_teardown();
    ck_assert(asprintf(&copy, "hangar%s%s", *words ? " " : "", words) > 0);
    rest = copy;
    while (argc < MAX && (argv[argc] = strsep(&rest, " "))) {
        argc++;
    }
    world.io.out = open_memstream(&world.out, &out_size);
    world.io.err = open_memstream(&world.err, &err_size);
    ck_assert(world.io.out && world.io.err);
    int status = cli_run(&world.io, argc, argv);
    ck_assert(fclose(world.io.out) == 0 && fclose(world.io.err) == 0);
    free(copy);
    return status;
}

void world_type(const char *input)
{
    int ends[2];

    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], input, strlen(input)), (ssize_t)strlen(input));
    close(ends[1]);
    world.io.in = ends[0];
    world.io.in_tty = world.io.err_tty = true;
    world.io.dumb = true;
}

char *world_file(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t size = 0;

    ck_assert_msg(file != NULL, "%s cannot be read", path);
    if (getdelim(&text, &size, '\0', file) < 0) {
        free(text);
        text = strdup("");
    }
    fclose(file);
    return text;
}

const char *world_json(const char *text)
{
    static char json[16384];

    ck_assert_uint_lt(strlen(text), sizeof(json));
    for (size_t i = 0; i <= strlen(text); i++) {
        json[i] = (char)(text[i] == '\'' ? '"' : text[i]);
    }
    return json;
}

int world_main(const char *name, void (*add_tests)(TCase *))
{
    Suite *suite = suite_create(name);
    TCase *tests = tcase_create(name);
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tests, world_setup, world_teardown);
    tcase_set_timeout(tests, 30);
    add_tests(tests);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
