/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * encode: runs the transforms of a flow: by the workers, on many blocks at once,
 * or by the reader, in order, when a transform has the stream form only.  Private
 * to pipeline/.
 */
#ifndef HG_PIPELINE_ENCODE_H
#define HG_PIPELINE_ENCODE_H

#include "pipeline/flow.h"

/* The main function of a worker; arg: struct hg_engine_thread. */
void *hg_worker_main(void *arg);

/* The largest output in bytes that the first `count` transforms make of `size` bytes. */
size_t hg_encode_bound(const struct hg_engine_settings *set, size_t count, size_t size);

/* Opens and closes the transforms of a flow; attrs (an array, or NULL) as in the ABI. */
enum hangar_rc hg_encode_open(struct hg_flow *flow, struct hg_error *err);
enum hangar_rc hg_encode_close(struct hg_flow *flow, struct hangar_attrs **attrs,
                               struct hg_error *err);

/* Encodes a block on the thread of the reader, and returns the block to the pool. */
enum hangar_rc hg_encode_inline(struct hg_flow *flow, struct hg_block *block, struct hg_error *err);

#endif
