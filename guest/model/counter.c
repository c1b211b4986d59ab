/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model in C: one register of 32 bits, which counts how often it was read; a write raises the
 * interrupt, or lowers it. docs/models.md has the protocol, and how to run this.
 */
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

enum { RESET = 2, READ, WRITE, TIMER, ANSWER = 16, ABORT, IRQ };

struct message {
    uint16_t type, device;
    uint32_t tag, epoch, size;
    uint64_t address, value, time;
};

static uint32_t count;

/* All of it, which may come in pieces. 0: the run is over. */
static int receive(int stream, struct message *message)
{
    size_t have = 0;

    while (have < sizeof(*message)) {
        ssize_t part = read(stream, (char *)message + have, sizeof(*message) - have);

        if (part <= 0)
            return 0;
        have += (size_t)part;
    }
    return 1;
}

static int say(int stream, const struct message *asked, uint16_t type, uint64_t value)
{
    struct message message = {
        .type = type, .tag = asked->tag, .epoch = asked->epoch, .value = value};

    return write(stream, &message, sizeof(message)) == (ssize_t)sizeof(message);
}

static int serve(int stream, const struct message *asked)
{
    uint64_t value = 0;

    if (asked->size != 4 && (asked->type == READ || asked->type == WRITE))
        return say(stream, asked, ABORT, 0);
    if (asked->type == RESET)
        count = 0;
    else if (asked->type == READ)
        value = ++count;
    else if (asked->type == WRITE && !say(stream, asked, IRQ, asked->value != 0))
        return 0;
    return say(stream, asked, ANSWER, value);
}

int main(void)
{
    const char *number = getenv("TRAPROOM_MODEL");
    int stream = number != NULL ? atoi(number) : -1;
    struct message message;

    while (receive(stream, &message) && serve(stream, &message)) {
    }
    return 0;
}
