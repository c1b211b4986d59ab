// SPDX-License-Identifier: Apache-2.0
/*
 * The instruction decoder on every word there is, in as many threads as there are CPUs: the checks
 * of fuzz_insn.c, which this includes. What does not hold ends the program.
 */
#include "fuzz_insn.c"

#include <pthread.h>
#include <unistd.h>

#define WORDS       (UINT64_C(1) << 32)
#define INDEX       (~UINT64_C(0) << 31) /* in an index register: far below zero in each width */
#define MAX_THREADS 16

struct share {
    pthread_t thread;
    uint64_t first, step;
};

static void *run(void *arg)
{
    const struct share *share = arg;

    for (uint64_t word = share->first; word < WORDS; word += share->step)
        check((uint32_t)word, INDEX);
    return NULL;
}

int main(void)
{
    struct share share[MAX_THREADS];
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned count = cpus < 1 ? 1 : cpus > MAX_THREADS ? MAX_THREADS : (unsigned)cpus;

    for (unsigned i = 0; i < count; i++) {
        share[i] = (struct share){.first = i, .step = count};
        fuzz_require(pthread_create(&share[i].thread, NULL, run, &share[i]) == 0);
    }
    for (unsigned i = 0; i < count; i++)
        fuzz_require(pthread_join(share[i].thread, NULL) == 0);
    printf("%llu words\n", (unsigned long long)WORDS);
    return 0;
}
