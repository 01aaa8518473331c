/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * command: the register of commands.
 */
#include "command.h"

#include <string.h>

#include "suite.h"

static int example_run(struct cli *cli)
{
    (void)cli;
    return 0;
}

CLI_COMMAND(example) = {.order = 1000000, .name = "example", .operands = "", .run = example_run};

START_TEST(a_command_is_registered_by_its_definition)
{
    ck_assert_ptr_eq(cli_command_find("example"), &cli_command_example);
    ck_assert_ptr_null(cli_command_find("exampl"));
}
END_TEST

START_TEST(all_commands_are_visited_once_in_their_order)
{
    const struct cli_command *last = NULL;
    size_t count = 0;

    for (const struct cli_command *c = cli_command_next(NULL); c; c = cli_command_next(c)) {
        ck_assert_msg(!last || last->order < c->order, "%s and another command have the order %d",
                      c->name, c->order);
        ck_assert_ptr_eq(cli_command_find(c->name), c);
        ck_assert_ptr_nonnull(c->run);
        last = c;
        count++;
    }
    ck_assert_ptr_eq(last, &cli_command_example);
    ck_assert_uint_gt(count, 20);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_command_is_registered_by_its_definition,
        all_commands_are_visited_once_in_their_order,
    };
    return SUITE_RUN("cli command", tests, NULL, NULL);
}
