// SPDX-License-Identifier: Apache-2.0
/*
 * A frame of LZ4 in memory of its exact size, unpacked into room of just the size that it says, or
 * of another: nothing beyond either is touched (ASan), and what is accepted fills the room.
 */
#include <string.h>

#include "fuzz.h"
#include "lib/lz4_frame.h"

#define ROOM_MAX  0x24000 /* two blocks of the smallest size, and more */
#define UNTOUCHED 0xa5

static void try_room(const uint8_t *frame, size_t size, uint64_t room)
{
    uint8_t *to = malloc(room + 1);
    const char *wrong;

    to[room] = UNTOUCHED;
    wrong = lz4_frame_unpack(frame, size, to, room);
    fuzz_require(to[room] == UNTOUCHED);
    fuzz_require(wrong == NULL || wrong[0] != '\0');
    free(to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *frame = malloc(size);
    uint64_t unpacked;

    memcpy(frame, data, size);
    if (lz4_frame_size(frame, size, &unpacked) == NULL && unpacked <= ROOM_MAX) {
        try_room(frame, size, unpacked);
        try_room(frame, size, unpacked / 2);
    }
    try_room(frame, size, 64);
    free(frame);
    return 0;
}
