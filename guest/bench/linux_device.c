/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The init of tools/bench's Linux guest for devices of the machine: what a request to a disk and a
 * packet cost in instructions without the time that the device takes, and how fast a disk is by the
 * clock. See docs/benchmarks.md, "Leaving the device's time out".
 *
 *     linux_device disk|net PORT|clock CPU|none
 */
#include <linux/if.h>
#include <linux/in.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <sys/socket.h>

#include "linux_common.h"

#define SMALL       4096
#define BIG         (1 << 20)
#define SMALL_READS 512
#define BIG_READS   64
#define SENDS       2048
#define ECHOES      512
#define WARM_UP     16

#define CLOCK_BIG_READS   256
#define CLOCK_SMALL_READS 2048

#define SPIN_COST 3 /* instructions of a round in spin() */

#define OWN_IP  0x0a00020f /* QEMU's user network: 10.0.2.15, the host at 10.0.2.2 */
#define HOST_IP 0x0a000202
#define NETMASK 0xffffff00

static uint8_t buffer[BIG] __attribute__((aligned(4096)));
static uint8_t spin_stack[4096] __attribute__((aligned(16)));
static uint64_t spins; /* written by spin() alone */
static uint64_t ns_per_tick;

/* Called on a stack of its own, in a thread that runs when nothing else wants to: it counts. */
__attribute__((used, noreturn)) void spin(void)
{
    int priority = 0;

    syscall5(__NR_sched_setscheduler, 0, SCHED_IDLE, (long)&priority, 0, 0);
    __asm__ volatile("1: add x0, x0, #1\n"
                     "   str x0, [%0]\n"
                     "   b 1b\n"
                     :
                     : "r"(&spins)
                     : "x0", "memory");
    __builtin_unreachable();
}

/* clone(), and spin() where it returns in the new thread. */
long start_thread(long flags, void *stack_end);
__asm__(".global start_thread\n"
        "start_thread: mov x8, #220\n"
        "    mov x2, xzr\n"
        "    mov x3, xzr\n"
        "    mov x4, xzr\n"
        "    svc #0\n"
        "    cbz x0, spin\n"
        "    ret\n");
_Static_assert(__NR_clone == 220, "the number of clone() above");

static void start_spinning(void)
{
    start_thread(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD,
                 spin_stack + sizeof(spin_stack));
}

/* Instructions of all but spin() since the machine began. */
static uint64_t instructions(void)
{
    uint64_t spun = __atomic_load_n(&spins, __ATOMIC_RELAXED);

    return counter() * ns_per_tick - spun * SPIN_COST;
}

/* Sort `n` values and give the one in the middle. */
static uint64_t median(uint64_t *value, unsigned n)
{
    for (unsigned i = 1; i < n; i++) {
        uint64_t v = value[i];
        unsigned at = i;

        for (; at > 0 && value[at - 1] > v; at--)
            value[at] = value[at - 1];
        value[at] = v;
    }
    return value[n / 2];
}

/* The median of what `count` reads of `size` bytes cost each, from the start of the disk on. */
static uint64_t read_cost(long disk, long size, unsigned count)
{
    static uint64_t cost[SMALL_READS];

    for (unsigned i = 0; i < count; i++) {
        uint64_t start = instructions();

        if (syscall5(__NR_pread64, disk, (long)buffer, size, (long)i * size, 0) != size)
            return 0;
        cost[i] = instructions() - start;
    }
    return median(cost, count);
}

static void measure_disk(void)
{
    long disk = open_disk();

    if (disk < 0)
        return;
    start_spinning();
    read_cost(disk, SMALL, WARM_UP);
    say_number("disk-small", read_cost(disk, SMALL, SMALL_READS));
    read_cost(disk, BIG, 1);
    say_number("disk-big", read_cost(disk, BIG, BIG_READS));
}

/* A pseudo-random number, the same on every run. */
static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* Microseconds for `count` reads of `size` bytes, in order or anywhere in the disk's 256 MiB. */
static uint64_t clock_reads(long disk, long size, unsigned count, int anywhere)
{
    uint64_t places = (uint64_t)CLOCK_BIG_READS * BIG / (uint64_t)size;
    uint64_t state = 1, start = counter();

    for (unsigned i = 0; i < count; i++) {
        uint64_t place = anywhere ? next_random(&state) % places : i;

        if (syscall5(__NR_pread64, disk, (long)buffer, size, (long)place * size, 0) != size)
            return 0;
    }
    return (counter() - start) * ns_per_tick / 1000;
}

/*
 * On the CPU that is asked for, as Linux places a process by chance: the device interrupts CPU 0,
 * and waking another one takes several times as long as a request.
 */
static void clock_disk(unsigned cpu)
{
    uint64_t mask = UINT64_C(1) << cpu;
    long disk = open_disk();

    if (disk < 0 || syscall5(__NR_sched_setaffinity, 0, sizeof(mask), (long)&mask, 0, 0) < 0)
        return;
    clock_reads(disk, BIG, CLOCK_BIG_READS, 0);
    say_number("clock-small", clock_reads(disk, SMALL, CLOCK_SMALL_READS, 1));
    say_number("clock-big", clock_reads(disk, BIG, CLOCK_BIG_READS, 0));
}

static uint32_t swap32(uint32_t value)
{
    return __builtin_bswap32(value);
}

static struct sockaddr_in address(uint32_t ip, uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = __builtin_bswap16(port), .sin_addr.s_addr = swap32(ip)};
}

static void configure(long sock, unsigned long request, uint32_t ip)
{
    struct ifreq interface = {.ifr_name = "eth0"};
    struct sockaddr_in value = address(ip, 0);

    __builtin_memcpy(&interface.ifr_addr, &value, sizeof(value));
    syscall5(__NR_ioctl, sock, (long)request, (long)&interface, 0, 0);
}

/* A UDP socket to a port of the host, by the first network device; negative if there is none. */
static long open_net(uint16_t port)
{
    struct ifreq up = {.ifr_name = "eth0", .ifr_flags = IFF_UP};
    struct sockaddr_in host = address(HOST_IP, port);
    long sock;

    load_virtio();
    load_module("/modules/failover.ko");
    load_module("/modules/net_failover.ko");
    load_module("/modules/virtio_net.ko");
    sock = syscall5(__NR_socket, AF_INET, SOCK_DGRAM, 0, 0, 0);
    for (unsigned i = 0; i < 50; i++) {
        if (syscall5(__NR_ioctl, sock, SIOCGIFFLAGS, (long)&(struct ifreq){.ifr_name = "eth0"}, 0,
                     0) == 0)
            break;
        sleep_seconds(1);
    }
    configure(sock, SIOCSIFADDR, OWN_IP);
    configure(sock, SIOCSIFNETMASK, NETMASK);
    syscall5(__NR_ioctl, sock, SIOCSIFFLAGS, (long)&up, 0, 0);
    return syscall5(__NR_connect, sock, (long)&host, sizeof(host), 0, 0) == 0 ? sock : -1;
}

static long send_one(long sock, char first)
{
    buffer[0] = (uint8_t)first;
    return syscall5(__NR_write, sock, (long)buffer, 64, 0, 0);
}

/* The mean of what a packet costs that nobody answers. */
static uint64_t send_cost(long sock, unsigned count)
{
    uint64_t start = instructions();

    for (unsigned i = 0; i < count; i++)
        if (send_one(sock, 'd') != 64)
            return 0;
    return (instructions() - start) / count;
}

/* The median of what a packet and the answer to it cost. */
static uint64_t echo_cost(long sock, unsigned count)
{
    static uint64_t cost[ECHOES];

    for (unsigned i = 0; i < count; i++) {
        uint64_t start = instructions();

        if (send_one(sock, 'e') != 64 || syscall5(__NR_read, sock, (long)buffer, 64, 0, 0) != 64)
            return 0;
        cost[i] = instructions() - start;
    }
    return median(cost, count);
}

static void measure_net(uint16_t port)
{
    long sock = open_net(port);

    if (sock < 0) {
        say("linux-bench no network\n");
        return;
    }
    start_spinning();
    echo_cost(sock, WARM_UP);
    say_number("net-echo", echo_cost(sock, ECHOES));
    say_number("net-send", send_cost(sock, SENDS));
}

void run(long *stack)
{
    long argc = stack[0];
    char **argv = (char **)(stack + 1);
    char mode = argc > 1 ? argv[1][0] : 'd';

    begin();
    ns_per_tick = 1000000000 / counter_frequency();
    if (mode == 'd')
        measure_disk();
    if (mode == 'n')
        measure_net((uint16_t)(argc > 2 ? number(argv[2]) : 0));
    if (mode == 'c')
        clock_disk((unsigned)(argc > 2 ? number(argv[2]) : 0));
    power_off();
}
