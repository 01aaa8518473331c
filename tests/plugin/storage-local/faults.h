/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * faults: system calls that fail when a test asks for it.  The test program exports
 * functions of the names of libc's, and the dynamic linker binds the plugin to them.
 */
#ifndef TEST_PLUGIN_STORAGE_LOCAL_FAULTS_H
#define TEST_PLUGIN_STORAGE_LOCAL_FAULTS_H

/* Lets the n-th of the calls that change something (counted from 1, over write,
 * fsync, close of files, openat that creates, mkdirat, renameat2, renameat) fail
 * with this error number; 0: none.  Returns nothing; starts counting anew. */
void faults_set(int n, int error_number);
/* How many such calls there were since. */
int faults_calls(void);
/* Writes at most so many bytes per call, and fails with EINTR in between; 0: off. */
void faults_short_writes(int bytes);
/* renameat2 as on a file system that cannot do it. */
void faults_no_renameat2(int on);

/* Reading a directory whose last component is `name` fails with this error; NULL: none does. */
void faults_unreadable(const char *name, int error_number);

#endif
