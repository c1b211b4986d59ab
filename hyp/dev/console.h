/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire between an emulated UART and what stands at its other end: the machine's
 * console, or a recorder in unit tests. The other direction is vpl011_receive().
 */
#ifndef DEV_CONSOLE_H
#define DEV_CONSOLE_H

#include <stdint.h>

struct console_ops {
    /* The guest has sent a byte. Called with the device's lock held, so that bytes keep their
     * order. */
    void (*tx_fn)(void *ctx, uint8_t byte);
    /*
     * The guest has made room after vpl011_receive() refused a byte: offer it again. Called
     * with no lock held, once per refusal or run of refusals; it may call vpl011_receive().
     */
    void (*rx_room_fn)(void *ctx);
};

#endif
