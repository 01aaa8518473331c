/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fake_process: sets the answers of the fake library from the environment, for tests of the
 * whole process: FAKE_JSON (a document), FAKE_STATUS, FAKE_WAITS.
 */
#include "fake_hangar.h"

#include <stdlib.h>

__attribute__((constructor)) static void prepare(void)
{
    const char *json = getenv("FAKE_JSON"), *status = getenv("FAKE_STATUS");
    const char *waits = getenv("FAKE_WAITS");

    fake_reset();
    fake.waits = waits ? atoi(waits) : 0;
    for (size_t i = 0; i < FAKE_ANSWERS; i++) {
        fake.answers[i] = (struct fake_answer){
            .status = status ? (enum hangar_status)atoi(status) : HANGAR_STATUS_DONE,
            .json = json,
        };
    }
}
