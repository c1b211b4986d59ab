/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the files of virtio_fault.h: virtio_fault.c decides what becomes of a request,
 * virtio_fault_held.c has those that wait, virtio_fault_mark.c those that end oddly.
 */
#ifndef DEV_VIRTIO_FAULT_PARTS_H
#define DEV_VIRTIO_FAULT_PARTS_H

#include "dev/virtio_fault.h"

/* virtio_fault.c: the device's own backend serves the request, one at a time. */
enum virtio_outcome virtio_fault_serve_inner(struct virtio_fault *fault,
                                             struct virtio_request *request);

/* virtio_fault_held.c */

/* The request waits as the rule says. False: there is no room for one more. */
bool virtio_fault_hold(struct virtio_fault *fault, const struct virtio_request *request,
                       const struct fault_rule *rule);
/* All that wait go on. */
void virtio_fault_release_all(struct virtio_fault *fault);
/* Another was served: those that wait for that come nearer. They go on once it is handed back. */
void virtio_fault_count_served(struct virtio_fault *fault);
/* Queue `queue` starts or stops: its requests here will never end. How many are they? */
unsigned virtio_fault_forget_held(struct virtio_fault *fault, unsigned queue);

/* virtio_fault_mark.c */

/* A mark on the request, until it is handed back. NULL: all are in use. */
struct virtio_fault_mark *virtio_fault_mark(struct virtio_fault *fault,
                                            const struct virtio_request *request,
                                            const struct fault_rule *rule);
void virtio_fault_unmark(struct virtio_fault *fault, struct virtio_fault_mark *mark);
/* A byte of what the device reads is changed now, of what it writes when it has done so. `disk`:
 * neither in the header nor in the status. */
void virtio_fault_corrupt(struct virtio_fault_mark *mark, const struct virtio_request *request,
                          bool disk);
/* Of what a disk is to write, no more than so many sectors are left. */
void virtio_fault_tear(struct virtio_request *request, uint64_t sectors);
/* The used_fn: what a mark says. The queue's lock is held. */
void virtio_fault_put_used(void *ctx, unsigned queue, struct virtq *vq, uint16_t head,
                           uint32_t written);
/* As virtio_fault_forget_held(), of requests with a mark. */
unsigned virtio_fault_forget_marks(struct virtio_fault *fault, unsigned queue);

#endif
