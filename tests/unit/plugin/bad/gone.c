/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * gone: a library that a plugin was linked with and that is not there.
 */
__attribute__((visibility("default"))) int gone(void);
__attribute__((visibility("default"))) int gone(void)
{
    return 1;
}
