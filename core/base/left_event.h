/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * left_event: the event of a warning that names something which a job leaves behind.  At the end of
 * an interrupted job these warnings are one line.
 */
#ifndef HG_BASE_LEFT_EVENT_H
#define HG_BASE_LEFT_EVENT_H

#define HG_LOG_LEFT "job.left"

#endif
