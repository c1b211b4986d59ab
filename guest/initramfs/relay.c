/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a program in the guest for a launcher that gives it no terminal: its input, output, errors
 * and status travel over this program's own stdin and stdout, told apart from each other: a port of
 * a virtio console, or the console, and then also told apart from what the kernel prints there.
 * tools/launcher/relay.py is the other end; session starts this.
 *
 *     relay [-n] NONCE PROGRAM [ARGUMENT...]        -n: there is no input
 *
 * To the launcher go frames, of bytes that are never the beginning of a character in UTF-8, so
 * that messages of the kernel may fall between any two of them:
 *
 *     KIND   payload, CRC-32 of KIND, NONCE and payload    END
 *     0xf8+  6 bits in each of 0x80 to 0xbf, high first    0xff
 *
 * From the launcher come pieces of input: two bytes of length, high first, and so many bytes.
 * Length 0 is the input's end. The launcher sends no more than RELAY_WINDOW bytes ahead of what
 * a frame TAKEN has said: the kernel's line discipline drops what it has no room for.
 */
#define _GNU_SOURCE /* pipe2() */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define KIND_HELLO  0xf8
#define KIND_OUTPUT 0xf9
#define KIND_ERRORS 0xfa
#define KIND_TAKEN  0xfb /* payload: how many bytes of input, with their lengths, in all */
#define KIND_STATUS 0xfc /* payload: one byte, as a shell's $? */
#define END         0xff

#define PIECE_MAX   1024
#define CRC_SIZE    4
#define TAKEN_EVERY 1024 /* bytes, less than the launcher's window */

#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND      127
#define EXIT_SIGNALLED      128

struct input {
    uint8_t piece[PIECE_MAX];
    size_t at, length;
    int pipe; /* the program's stdin, -1 when it has ended */
    uint32_t taken, told;
};

static const char *nonce;

static void write_all(int fd, const uint8_t *data, size_t size)
{
    while (size != 0) {
        ssize_t done = write(fd, data, size);

        if (done < 0 && errno != EINTR)
            exit(1);
        if (done > 0) {
            data += done;
            size -= (size_t)done;
        }
    }
}

static void read_all(int fd, uint8_t *data, size_t size)
{
    while (size != 0) {
        ssize_t done = read(fd, data, size);

        if (done == 0 || (done < 0 && errno != EINTR))
            exit(1);
        if (done > 0) {
            data += done;
            size -= (size_t)done;
        }
    }
}

/* IEEE 802.3's, as zlib has it. */
static uint32_t crc32(uint32_t crc, const void *data, size_t size)
{
    const uint8_t *byte = data;

    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= byte[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0xedb88320U & -(crc & 1U));
    }
    return ~crc;
}

static void put_be32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void send_frame(uint8_t kind, const uint8_t *payload, size_t size)
{
    uint8_t data[PIECE_MAX + CRC_SIZE];
    uint8_t frame[(sizeof(data) * 8 + 5) / 6 + 2];
    size_t length = 0;
    uint32_t bits = 0;
    unsigned have = 0;

    memcpy(data, payload, size);
    put_be32(data + size, crc32(crc32(crc32(0, &kind, 1), nonce, strlen(nonce)), payload, size));
    frame[length++] = kind;
    for (size_t i = 0; i < size + CRC_SIZE; i++) {
        bits = bits << 8 | data[i];
        for (have += 8; have >= 6; have -= 6)
            frame[length++] = (uint8_t)(0x80 | (bits >> (have - 6) & 0x3f));
    }
    if (have != 0)
        frame[length++] = (uint8_t)(0x80 | (bits << (6 - have) & 0x3f));
    frame[length++] = END;
    write_all(STDOUT_FILENO, frame, length);
}

static void tell_taken(struct input *in)
{
    uint8_t total[4];

    put_be32(total, in->taken);
    send_frame(KIND_TAKEN, total, sizeof(total));
    in->told = in->taken;
}

static void end_input(struct input *in)
{
    if (in->pipe >= 0)
        close(in->pipe);
    in->pipe = -1;
}

/* The next piece, whole: the launcher never leaves one unfinished. */
static void receive_piece(struct input *in)
{
    uint8_t length[2];

    read_all(STDIN_FILENO, length, sizeof(length));
    in->at = 0;
    in->length = (size_t)length[0] << 8 | length[1];
    if (in->length > PIECE_MAX)
        exit(1);
    if (in->length == 0)
        end_input(in);
    read_all(STDIN_FILENO, in->piece, in->length);
    in->taken += (uint32_t)sizeof(length);
}

/* To the program what it takes now; without a reader it is dropped. */
static void pass_input(struct input *in)
{
    size_t left = in->length - in->at;
    ssize_t done = in->pipe < 0 ? (ssize_t)left : write(in->pipe, in->piece + in->at, left);

    if (done < 0 && errno == EPIPE) {
        end_input(in);
        done = (ssize_t)left;
    }
    if (done <= 0)
        return;
    in->at += (size_t)done;
    in->taken += (uint32_t)done;
    if (in->taken - in->told >= TAKEN_EVERY)
        tell_taken(in);
}

/* What is in one of the program's pipes now, up to a piece. */
static void pass_output(struct pollfd *from, uint8_t kind)
{
    uint8_t data[PIECE_MAX];
    ssize_t size = read(from->fd, data, sizeof(data));

    if (size > 0)
        send_frame(kind, data, (size_t)size);
    else if (size == 0 || (errno != EAGAIN && errno != EINTR))
        from->fd = -1; /* poll() passes it over */
}

/* What is in the pipe at the program's end: others may go on filling it. */
static void drain(struct pollfd *from, uint8_t kind)
{
    int left = 0;

    ioctl(from->fd, FIONREAD, &left);
    for (; left > 0; left -= PIECE_MAX)
        pass_output(from, kind);
}

/* In a child: run the program and wait for it; its status is the one byte that is written. */
static void __attribute__((noreturn)) run(char **program, int in, int out, int err, int status_to)
{
    uint8_t status;
    int how = 0;
    pid_t pid;

    setsid();
    pid = fork();
    if (pid == 0) {
        signal(SIGPIPE, SIG_DFL);
        if (dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(err, 2) == 2)
            execvp(program[0], program);
        _exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
    }
    close(in);
    close(out);
    close(err);
    while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
        ;
    status = (uint8_t)(WIFSIGNALED(how) ? EXIT_SIGNALLED + WTERMSIG(how) : WEXITSTATUS(how));
    write_all(status_to, &status, 1);
    _exit(0);
}

static void make_pipe(int ends[2])
{
    if (pipe2(ends, O_CLOEXEC) != 0)
        exit(1);
}

/* Start the program; its ends of the pipes are this process's in ours[]. */
static void start(char **program, int ours[4])
{
    int in[2], out[2], err[2], status[2];

    make_pipe(in);
    make_pipe(out);
    make_pipe(err);
    make_pipe(status);
    if (fork() == 0) {
        /* Without these here, a relay that dies takes the program's readers away. */
        close(in[1]);
        close(out[0]);
        close(err[0]);
        run(program, in[0], out[1], err[1], status[1]);
    }
    close(in[0]);
    close(out[1]);
    close(err[1]);
    close(status[1]);
    ours[0] = in[1];
    ours[1] = out[0];
    ours[2] = err[0];
    ours[3] = status[0];
    for (int i = 0; i < 3; i++)
        fcntl(ours[i], F_SETFL, O_NONBLOCK);
}

/*
 * Until the program ends, with the launcher's input if that is wanted; what others of its family
 * print later is not waited for.
 */
static uint8_t relay(const int ours[4], bool wanted)
{
    struct input in = {.pipe = ours[0]};
    struct pollfd fds[] = {{.fd = ours[1], .events = POLLIN},
                           {.fd = ours[2], .events = POLLIN},
                           {.fd = ours[3], .events = POLLIN},
                           {.fd = STDIN_FILENO}};
    uint8_t status;

    if (!wanted)
        end_input(&in);
    do {
        bool has_input = in.at < in.length;

        fds[3] = has_input ? (struct pollfd){.fd = in.pipe, .events = POLLOUT}
                           : (struct pollfd){.fd = wanted ? STDIN_FILENO : -1, .events = POLLIN};
        if (poll(fds, 4, -1) < 0)
            continue;
        if (fds[0].revents != 0)
            pass_output(&fds[0], KIND_OUTPUT);
        if (fds[1].revents != 0)
            pass_output(&fds[1], KIND_ERRORS);
        if (fds[3].revents != 0 && !has_input)
            receive_piece(&in);
        if (fds[3].revents != 0)
            pass_input(&in);
    } while (fds[2].revents == 0);
    read_all(ours[3], &status, 1);
    drain(&fds[0], KIND_OUTPUT);
    drain(&fds[1], KIND_ERRORS);
    return status;
}

int main(int argc, char **argv)
{
    struct termios raw;
    bool wanted = argc < 2 || strcmp(argv[1], "-n") != 0;
    uint8_t status;
    int ours[4];

    argv += wanted ? 1 : 2;
    argc -= wanted ? 1 : 2;
    if (argc < 2)
        return EXIT_NOT_EXECUTABLE;
    nonce = argv[0];
    if (tcgetattr(STDIN_FILENO, &raw) == 0) {
        cfmakeraw(&raw);
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    signal(SIGPIPE, SIG_IGN);
    start(argv + 1, ours);
    send_frame(KIND_HELLO, NULL, 0);
    status = relay(ours, wanted);
    send_frame(KIND_STATUS, &status, 1);
    return isatty(STDOUT_FILENO) && tcdrain(STDOUT_FILENO) != 0 ? 1 : 0;
}
