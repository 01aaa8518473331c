/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * proxy_options: reads an order for the proxy.
 */
#include "proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool proxy_option_number(const char *text, uint64_t *value)
{
    if (!text || *text < '0' || *text > '9') {
        return false;
    }
    char *end;
    *value = strtoull(text, &end, 10);
    return *end == '\0';
}

static bool proxy_option_set(const char *word, char **rest, struct proxy_order *order)
{
    static const char *const faults[] = {"", "cut", "reset", "stall"};
    for (int i = PROXY_CUT; i <= PROXY_STALL; i++) {
        if (strcmp(word, faults[i]) != 0) {
            continue;
        }
        const char *direction = strtok_r(NULL, " \n", rest);
        order->fault = (enum proxy_fault)i;
        order->down = direction && strcmp(direction, "down") == 0;
        return direction && (order->down || strcmp(direction, "up") == 0) &&
               proxy_option_number(strtok_r(NULL, " \n", rest), &order->after);
    }
    bool piece = strcmp(word, "piece") == 0;
    uint64_t value;
    if ((!piece && strcmp(word, "pause") != 0) ||
        !proxy_option_number(strtok_r(NULL, " \n", rest), &value) || value > 60000) {
        return false;
    }
    *(piece ? &order->piece : &order->pause) = (unsigned)value;
    return true;
}

bool proxy_order_parse(const char *text, struct proxy_order *order)
{
    char copy[256], *rest;
    if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy)) {
        return false;
    }
    *order = (struct proxy_order){.fault = PROXY_PASS};
    for (char *word = strtok_r(copy, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
        if (!proxy_option_set(word, &rest, order)) {
            return false;
        }
    }
    return true;
}
