/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm/monitor_run.c, monitor_s2.c, monitor_watch.c, monitor_state.c: the guest stopped and stepped,
 * its map changed and watched, by requests as the host sends them. The map is mm/stage2.c's.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "monitor_fixture.h"
#include "regs.h"
#include "trap/esr.h"

#define STEPPED (UINT64_C(0x32) << 26)
#define PAGE    (RAM_IPA + 0x3000)

static int setup(void **state)
{
    static bool open;

    (void)state;
    if (!open) {
        make_vm();
        open = true;
        return monitor_init(&vm, "1");
    }
    vm.watcher->start_fn(&vm);
    memset(&got, 0, sizeof(got));
    for (unsigned i = 0; i < VCPUS; i++) {
        vm.watcher->off_fn(&vm.vcpu[i]);
        vm.vcpu[i].regs.pstate = 0;
    }
    return 0;
}

static void answers(uint16_t type, uint64_t address, uint64_t value, uint64_t extra, int status)
{
    ask((struct monitor_message){.type = type, .address = address, .value = value, .extra = extra});
    assert_int_equal(got.count, 1);
    assert_int_equal(got.message.status, status);
}

static unsigned rights(uint64_t where)
{
    unsigned perms = 0;

    return stage2_lookup(&vm.stage2, ipa(where), NULL, &perms, NULL) == 0 ? perms : ~0U;
}

static unsigned level(uint64_t where)
{
    unsigned found = 0;

    assert_int_equal(stage2_lookup(&vm.stage2, ipa(where), NULL, NULL, &found), 0);
    return found;
}

/* ---- Stage 2 ---- */

static void looked_up(void **state)
{
    (void)state;
    answers(MONITOR_S2_LOOKUP, RAM_IPA + 5, 0, 0, 0);
    assert_int_equal(got.message.value, ptr_to_pa(ram).v + 5);
    assert_int_equal(got.message.extra, 2 << 8 | ALL);
    answers(MONITOR_S2_LOOKUP, 0, 0, 0, -ERR_NOENT);
    answers(MONITOR_S2_LOOKUP, UINT64_MAX, 0, 0, -ERR_RANGE);
}

static void split(void **state)
{
    (void)state;
    answers(MONITOR_S2_SPLIT, RAM_IPA, PAGE_SIZE, 0, 0);
    assert_int_equal(level(RAM_IPA), 3);
    assert_int_equal(rights(RAM_IPA), ALL);
    assert_non_null(strstr(got.data, "before 0x48000000 2 0x"));
    assert_non_null(strstr(got.data, "now 0x48000000 - 0x0\ntlbi 0x48000000 1\n"));
    assert_non_null(strstr(got.data, "after 0x48000000 3 0x"));
    vm.watcher->start_fn(&vm);
    assert_int_equal(level(RAM_IPA), 2);
}

static void protected_and_unmapped(void **state)
{
    (void)state;
    answers(MONITOR_S2_PROTECT, PAGE, PAGE_SIZE, STAGE2_READ, 0);
    assert_int_equal(rights(PAGE), STAGE2_READ);
    assert_int_equal(rights(PAGE + PAGE_SIZE), ALL);
    answers(MONITOR_S2_UNMAP, PAGE, PAGE_SIZE, 0, 0);
    assert_int_equal(rights(PAGE), ~0U);
    answers(MONITOR_S2_SPLIT, PAGE, PAGE_SIZE, 0, -ERR_NOENT);
    answers(MONITOR_S2_MAP, PAGE, PAGE_SIZE, ALL, 0);
    answers(MONITOR_S2_MAP, PAGE, PAGE_SIZE, ALL, -ERR_EXIST);
    assert_int_equal(rights(PAGE), ALL);
    answers(MONITOR_S2_PROTECT, PAGE, PAGE_SIZE, 8, -ERR_INVAL);
}

static void only_its_ram(void **state)
{
    static const uint64_t bad[][2] = {{0, PAGE_SIZE},
                                      {RAM_IPA, 0},
                                      {RAM_IPA + 1, PAGE_SIZE},
                                      {RAM_IPA, PAGE_SIZE + 1},
                                      {RAM_IPA, RAM_BYTES + PAGE_SIZE},
                                      {RAM_IPA, -PAGE_SIZE}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        for (uint16_t type = MONITOR_S2_MAP; type <= MONITOR_S2_SPLIT; type++)
            answers(type, bad[i][0], bad[i][1], ALL, -ERR_RANGE);
    }
}

/* ---- Watches ---- */

static bool touch(unsigned vcpu, uint64_t where, unsigned access)
{
    return vm.watcher->touched_fn(&vm.vcpu[vcpu], ipa(where), 0xffff0000, access);
}

static bool step_ends(unsigned vcpu, uint64_t esr)
{
    return vm.watcher->trapped_fn(&vm.vcpu[vcpu], esr);
}

static void watched(void **state)
{
    (void)state;
    assert_false(touch(0, PAGE, STAGE2_WRITE));
    answers(MONITOR_WATCH, PAGE, PAGE_SIZE, STAGE2_WRITE, 0);
    assert_int_equal(rights(PAGE), STAGE2_READ | STAGE2_EXEC);
    answers(MONITOR_WATCH, PAGE, PAGE_SIZE, STAGE2_READ, -ERR_EXIST);
    answers(MONITOR_S2_UNMAP, RAM_IPA, 2 << 20, 0, -ERR_EXIST);
    assert_true(touch(1, PAGE + 8, STAGE2_WRITE));
    assert_int_equal(got.events, 1);
    assert_int_equal(got.event.type, MONITOR_WATCH);
    assert_int_equal(got.event.vcpu, 1);
    assert_int_equal(got.event.status, STAGE2_WRITE);
    assert_int_equal(got.event.address, PAGE + 8);
    assert_int_equal(got.event.value, 0x1001);
    assert_int_equal(got.event.extra, 0xffff0000);
    assert_int_equal(rights(PAGE), ALL);
    assert_true((vm.vcpu[1].regs.pstate & PSR_SS) != 0);
    assert_false(step_ends(1, UINT64_C(0x16) << 26)); /* an HVC: not the step's end */
    assert_true(step_ends(1, STEPPED));
    assert_true((vm.vcpu[1].regs.pstate & PSR_SS) == 0);
    assert_int_equal(rights(PAGE), STAGE2_READ | STAGE2_EXEC);
    assert_false(step_ends(1, STEPPED));
    answers(MONITOR_UNWATCH, PAGE, 0, 0, 0);
    assert_int_equal(rights(PAGE), ALL);
    answers(MONITOR_UNWATCH, PAGE, 0, 0, -ERR_NOENT);
    answers(MONITOR_WATCH, RAM_IPA, 2 << 20, STAGE2_WRITE, 0); /* where it was, and more */
    answers(MONITOR_UNWATCH, RAM_IPA, 0, 0, 0);
    assert_false(touch(1, PAGE, STAGE2_WRITE));
}

/* The page stays open as long as one of them is in its step. */
static void two_in_a_page(void **state)
{
    (void)state;
    answers(MONITOR_WATCH, PAGE, PAGE_SIZE, STAGE2_READ, 0);
    assert_int_equal(rights(PAGE), STAGE2_WRITE);
    assert_true(touch(0, PAGE, STAGE2_READ));
    assert_true(touch(1, PAGE, STAGE2_READ));
    assert_true(step_ends(0, STEPPED));
    assert_int_equal(rights(PAGE), ALL);
    vm.watcher->off_fn(&vm.vcpu[1]); /* it never comes back */
    assert_int_equal(rights(PAGE), STAGE2_WRITE);
}

/* An access of the debug registers runs without a step, and finds the page open. */
static void not_to_be_stepped(void **state)
{
    uint64_t mdscr_write = UINT64_C(0x18) << 26 | UINT64_C(2) << 20;

    (void)state;
    answers(MONITOR_WATCH, PAGE, PAGE_SIZE, STAGE2_EXEC, 0);
    assert_true(touch(0, PAGE, STAGE2_EXEC));
    assert_false(step_ends(0, UINT64_C(0x18) << 26 | UINT64_C(3) << 20));
    assert_true(step_ends(0, mdscr_write));
    assert_int_equal(rights(PAGE), ALL);
    assert_false(step_ends(0, mdscr_write));
}

static void gone_at_a_start(void **state)
{
    (void)state;
    answers(MONITOR_WATCH, PAGE, PAGE_SIZE, ALL, 0);
    vm.watcher->start_fn(&vm);
    assert_int_equal(rights(PAGE), ALL);
    assert_int_equal(level(PAGE), 2);
    assert_false(touch(0, PAGE, STAGE2_READ));
}

static void more_than_there_is_room_for(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++)
        answers(MONITOR_WATCH, RAM_IPA + i * PAGE_SIZE, PAGE_SIZE, STAGE2_WRITE, 0);
    answers(MONITOR_WATCH, RAM_IPA + 8 * PAGE_SIZE, PAGE_SIZE, STAGE2_WRITE, -ERR_NOMEM);
    answers(MONITOR_WATCH, RAM_IPA + 8 * PAGE_SIZE, PAGE_SIZE, 0, -ERR_INVAL);
    /* An instruction with more pages than there should be: they stay open, it goes on. */
    for (unsigned i = 0; i < 8; i++)
        assert_true(touch(0, RAM_IPA + i * PAGE_SIZE, STAGE2_WRITE));
    assert_true(step_ends(0, STEPPED));
    assert_int_equal(rights(RAM_IPA), STAGE2_READ | STAGE2_EXEC);
    assert_int_equal(rights(RAM_IPA + 7 * PAGE_SIZE), ALL);
}

static void logged(void **state)
{
    (void)state;
    answers(MONITOR_LOG_READ, 0, 0, 0, -ERR_RANGE);
    answers(MONITOR_LOG, 0, 0, 0, -ERR_NOENT);
    answers(MONITOR_LOG, RAM_IPA, RAM_BYTES, PAGE_SIZE | STAGE2_WRITE, 0);
    answers(MONITOR_LOG, RAM_IPA, RAM_BYTES, PAGE_SIZE | STAGE2_WRITE, -ERR_EXIST);
    assert_true(touch(0, RAM_IPA + 9 * PAGE_SIZE + 4, STAGE2_WRITE));
    assert_int_equal(rights(RAM_IPA + 9 * PAGE_SIZE), ALL);
    assert_int_equal(got.events, 0);
    answers(MONITOR_LOG_READ, 0, 0, 0, 0);
    assert_int_equal(got.message.size, RAM_PAGES / 8);
    assert_int_equal(got.data[0], 0);
    assert_int_equal(got.data[1], 2);
    assert_int_equal(rights(RAM_IPA + 9 * PAGE_SIZE), STAGE2_READ | STAGE2_EXEC);
    answers(MONITOR_LOG_READ, 8, 0, 0, 0);
    assert_int_equal(got.data[0], 0);
    answers(MONITOR_LOG, 0, 0, 0, 0);
    assert_int_equal(rights(RAM_IPA), ALL);
    answers(MONITOR_LOG, RAM_IPA, RAM_BYTES, 2 << 20 | STAGE2_READ, 0);
    assert_true(touch(0, RAM_IPA + (2 << 20), STAGE2_WRITE));
    assert_int_equal(rights(RAM_IPA + (4 << 20) - 1), ALL);
    assert_int_equal(rights(RAM_IPA), STAGE2_WRITE);
    answers(MONITOR_LOG, 0, 0, 0, 0);
    answers(MONITOR_LOG, RAM_IPA, RAM_BYTES, 12288 | STAGE2_READ, -ERR_INVAL);
}

/* Another CPU, which faults while rights are being taken. */
static struct {
    pthread_t thread;
    unsigned faults;
    bool came, was_ours;
} other;

static void *fault(void *arg)
{
    (void)arg;
    __atomic_store_n(&other.came, true, __ATOMIC_RELEASE);
    other.was_ours = touch(1, PAGE, STAGE2_READ | STAGE2_WRITE);
    return NULL;
}

static void fault_during_flush(enum fake_tlb_op op, uint64_t address)
{
    (void)op;
    (void)address;
    if (other.faults++ != 0)
        return;
    assert_int_equal(pthread_create(&other.thread, NULL, fault, NULL), 0);
    while (!__atomic_load_n(&other.came, __ATOMIC_ACQUIRE))
        usleep(100);
    usleep(10000); /* for one that does not wait to be wrong */
}

/* It waits, and learns that it was a watcher's doing: else the guest would get an abort. */
static void touched_while_taken(void **state)
{
    (void)state;
    for (unsigned log = 0; log < 2; log++) {
        memset(&other, 0, sizeof(other));
        fake_tlb.flush_fn = fault_during_flush;
        answers(log ? MONITOR_LOG : MONITOR_WATCH, PAGE, PAGE_SIZE, (log ? PAGE_SIZE : 0) | ALL, 0);
        fake_tlb.flush_fn = NULL;
        assert_int_equal(pthread_join(other.thread, NULL), 0);
        assert_true(other.was_ours);
        assert_int_equal(rights(PAGE), ALL);
        vm.watcher->start_fn(&vm);
    }
}

/* ---- The guest's run ---- */

static unsigned polls;

static void go_on(struct vcpu *vcpu)
{
    (void)vcpu;
    if (++polls == 3)
        answers(MONITOR_GO, 0, 0, 0, 0);
}

static void stopped(void **state)
{
    (void)state;
    polls = 0;
    machine.sgis = 0;
    machine.wait_fn = go_on;
    answers(MONITOR_STOP, 0, 0, 0, 0);
    assert_int_equal(machine.sgis, VCPUS);
    ask((struct monitor_message){.type = MONITOR_STEP, .vcpu = 1});
    machine.waits = 0;
    machine.sgi(NULL, &vm.vcpu[1]); /* answers, then waits */
    assert_int_equal(machine.waits, 3);
    assert_false(vm.held);
}

static void ask_for_a_step(struct vcpu *vcpu)
{
    polls++;
    ask((struct monitor_message){.type = MONITOR_STEP, .vcpu = 1});
    machine.sgi(NULL, vcpu); /* nested in the wait */
    assert_int_equal(got.message.status, 0);
}

static void stepped(void **state)
{
    (void)state;
    polls = 0;
    machine.wait_fn = ask_for_a_step;
    answers(MONITOR_STOP, 0, 0, 0, 0);
    machine.sgi(NULL, &vm.vcpu[1]);
    assert_int_equal(polls, 1);
    assert_true((vm.vcpu[1].regs.pstate & PSR_SS) != 0);
    vm.vcpu[1].regs.pc += 4;
    got.events = 0;
    polls = 0;
    machine.wait_fn = go_on;
    assert_true(step_ends(1, STEPPED)); /* waits again */
    assert_int_equal(polls, 3);
    assert_int_equal(got.events, 1);
    assert_int_equal(got.event.type, MONITOR_STEP);
    assert_int_equal(got.event.address, vm.vcpu[1].regs.pc);
}

static void end(struct vcpu *vcpu)
{
    vcpu->vm->run_state = VM_STOPPING;
}

static void ends_while_stopped(void **state)
{
    (void)state;
    machine.kicks = 0;
    machine.wait_fn = end;
    answers(MONITOR_STOP, 0, 0, 0, 0);
    machine.sgi(NULL, &vm.vcpu[0]);
    assert_int_equal(machine.kicks, 1);
    vm.run_state = VM_RUNNING;
}

static void not_stopped(void **state)
{
    (void)state;
    ask((struct monitor_message){.type = MONITOR_STEP, .vcpu = 1});
    machine.sgi(NULL, &vm.vcpu[1]);
    assert_int_equal(got.message.status, -ERR_INVAL);
}

/* ---- Memory, interrupts, devices ---- */

static void written(void **state)
{
    struct {
        struct monitor_message head;
        uint8_t data[4];
    } request = {{.type = MONITOR_WRITE, .tag = 7, .size = 4, .address = RAM_IPA + RAM_BYTES - 4},
                 {1, 2, 3, 4}};

    (void)state;
    say_bytes(&request, sizeof(request.head) + 4);
    assert_int_equal(got.message.status, 0);
    assert_memory_equal(ram + RAM_BYTES - 4, request.data, 4);
    request.head.address++;
    say_bytes(&request, sizeof(request.head) + 4);
    assert_int_equal(got.message.status, -ERR_RANGE);
    answers(MONITOR_WRITE, RAM_IPA, 0, 0, -ERR_RANGE); /* nothing */
}

static void interrupts(void **state)
{
    (void)state;
    vm.vgic.spi[0].base = 32;
    vm.vgic.spi[0].enabled = vm.vgic.spi[0].latch = 4;
    vm.vgic.spi[0].priority[2] = 0xa0;
    answers(MONITOR_IRQ, 1, 0, 0, 0);
    assert_non_null(strstr(got.data, "34 EP-0 160 0\n"));
    answers(MONITOR_IRQ, VGIC_BANKS, 0, 0, -ERR_RANGE);
    ask((struct monitor_message){.type = MONITOR_PEND, .address = 34});
    machine.sgi(NULL, &vm.vcpu[0]);
    assert_int_equal(got.message.status, 0);
    assert_int_equal(vm.vgic.spi_hot, 0x204);
    ask((struct monitor_message){.type = MONITOR_PEND, .address = 31});
    machine.sgi(NULL, &vm.vcpu[0]);
    assert_int_equal(got.message.status, -ERR_RANGE);
}

static void no_device(void **state)
{
    (void)state;
    answers(MONITOR_DEV, 0, 0, 0, -ERR_NOENT);
    answers(MONITOR_DEV, UINT64_MAX, 0, 0, -ERR_NOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(looked_up, setup),
        cmocka_unit_test_setup(split, setup),
        cmocka_unit_test_setup(protected_and_unmapped, setup),
        cmocka_unit_test_setup(only_its_ram, setup),
        cmocka_unit_test_setup(watched, setup),
        cmocka_unit_test_setup(two_in_a_page, setup),
        cmocka_unit_test_setup(not_to_be_stepped, setup),
        cmocka_unit_test_setup(gone_at_a_start, setup),
        cmocka_unit_test_setup(more_than_there_is_room_for, setup),
        cmocka_unit_test_setup(logged, setup),
        cmocka_unit_test_setup(touched_while_taken, setup),
        cmocka_unit_test_setup(stopped, setup),
        cmocka_unit_test_setup(stepped, setup),
        cmocka_unit_test_setup(ends_while_stopped, setup),
        cmocka_unit_test_setup(not_stopped, setup),
        cmocka_unit_test_setup(written, setup),
        cmocka_unit_test_setup(interrupts, setup),
        cmocka_unit_test_setup(no_device, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
