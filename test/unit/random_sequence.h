/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random steps beside a model, that can be had again. Each step is one number, which alone decides
 * what is done; a sequence is a variant (what the test likes: a size, say) and such numbers. It
 * runs in a child process; of one that fails, all steps are left out that it fails without, and
 * what remains is printed, to be replayed. In the environment:
 *
 *     TRAPROOM_SEED=7          other sequences than the usual ones
 *     TRAPROOM_ROUNDS=1000     more of them
 *     TRAPROOM_REPLAY=4:1f,2a  this one alone, in this process, each step told
 */
#ifndef RANDOM_SEQUENCE_H
#define RANDOM_SEQUENCE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define RANDOM_MAX_STEPS 4096

/* Nothing is allocated, and to look for leaks would take longer than the child's whole life. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

struct random_test {
    void (*start_fn)(unsigned variant);
    void (*step_fn)(uint32_t step); /* and compare */
    void (*end_fn)(void);
};

struct random_sequence {
    const struct random_test *test;
    unsigned variant;
    unsigned count;
    uint32_t step[RANDOM_MAX_STEPS];
};

static bool random_told; /* replaying: say what is done */

/* What a step does, for those who replay it. */
__attribute__((format(printf, 1, 2))) static inline void random_tell(const char *fmt, ...)
{
    va_list ap;

    if (!random_told)
        return;
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    fflush(stdout);
}

/* ---- Numbers ---- */

static uint64_t random_state;

/* From a seed, numbers that pass for random (splitmix64). */
static inline uint64_t random_next(void)
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static inline uint64_t random_below(uint64_t limit)
{
    return random_next() % limit;
}

static inline unsigned random_setting(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? (unsigned)strtoul(text, NULL, 0) : otherwise;
}

/* ---- Running ---- */

static inline void random_play(const struct random_sequence *s, unsigned *at)
{
    s->test->start_fn(s->variant);
    for (*at = 0; *at < s->count; ++*at) {
        random_state = s->step[*at];
        random_tell("%4x: ", s->step[*at]);
        s->test->step_fn(s->step[*at]);
        random_tell("\n");
    }
    s->test->end_fn();
}

/* In a child. Does it fail? Then `at` is the step, or their number if it is the end that fails. */
static inline bool random_fails(const struct random_sequence *s, bool quiet, unsigned *at)
{
    unsigned *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status = 0;
    pid_t child;

    assert_ptr_not_equal(shared, MAP_FAILED);
    fflush(NULL);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (quiet && (freopen("/dev/null", "w", stdout) == NULL || dup2(1, 2) < 0))
            _exit(0);
        random_play(s, shared); /* an assertion goes back to cmocka's main, and out with that */
        exit(0);
    }
    while (waitpid(child, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    *at = *shared;
    munmap(shared, sizeof(*shared));
    return status != 0;
}

/* Leave out what is not needed to fail: halves first, then smaller and smaller pieces. */
static inline void random_shrink(struct random_sequence *s, unsigned at)
{
    if (at < s->count)
        s->count = at + 1;
    for (unsigned piece = s->count / 2 + 1; piece > 0; piece /= 2) {
        for (unsigned from = 0; from < s->count;) {
            struct random_sequence less = *s;
            unsigned gone = s->count - from < piece ? s->count - from : piece;

            memmove(&less.step[from], &less.step[from + gone],
                    (s->count - from - gone) * sizeof(less.step[0]));
            less.count -= gone;
            if (random_fails(&less, true, &at))
                *s = less;
            else
                from += piece;
        }
    }
}

static inline void random_print(const struct random_sequence *s)
{
    printf("It fails with %u of them:\n    TRAPROOM_REPLAY=%u:", s->count, s->variant);
    for (unsigned i = 0; i < s->count; i++)
        printf("%s%x", i == 0 ? "" : ",", s->step[i]);
    printf("\n");
}

/* The sequence of this seed; where it fails, so does the running test, with less of it. */
static inline void random_run(const struct random_test *test, unsigned variant, unsigned seed,
                              unsigned steps)
{
    static struct random_sequence s;
    unsigned at;

    assert_true(steps <= RANDOM_MAX_STEPS);
    s = (struct random_sequence){.test = test, .variant = variant, .count = steps};
    random_state = seed;
    for (unsigned i = 0; i < steps; i++)
        s.step[i] = (uint32_t)random_next();
    if (!random_fails(&s, false, &at))
        return;
    printf("TRAPROOM_SEED=%u, variant %u: step %u of %u fails\n", seed, variant, at, steps);
    random_shrink(&s, at);
    random_print(&s);
    random_told = true;
    random_fails(&s, false, &at);
    fail_msg("seed %u", seed);
}

/* If TRAPROOM_REPLAY is set, do that. */
static inline bool random_replay(const struct random_test *test)
{
    static struct random_sequence s;
    const char *text = getenv("TRAPROOM_REPLAY");
    char *end;
    unsigned at;

    if (text == NULL)
        return false;
    s = (struct random_sequence){.test = test, .variant = (unsigned)strtoul(text, &end, 0)};
    while (*end != '\0' && s.count < RANDOM_MAX_STEPS)
        s.step[s.count++] = (uint32_t)strtoul(end + 1, &end, 16);
    random_told = true;
    random_play(&s, &at);
    return true;
}

#endif
