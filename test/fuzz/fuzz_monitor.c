// SPDX-License-Identifier: Apache-2.0
/*
 * A monitor that asks anything, cut anywhere, and a guest that meanwhile touches what it may not,
 * is stepped, turned off and started again. However it goes, each leaf of the map leads to the
 * guest's own page, and a start brings the map back.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "fuzz.h"
#include "monitor_fixture.h"
#include "trap/esr.h"

#define MAX_STEPS 200

static struct fuzz_input input;

/* An interrupt that comes while a vCPU waits: nothing, or the host lets it go on. */
static void wake(struct vcpu *vcpu)
{
    if (input.left == 0) {
        vm.run_state = VM_STOPPING;
        return;
    }
    if (fuzz_below(&input, 2) == 0)
        ask((struct monitor_message){.type = MONITOR_STEP, .vcpu = (uint16_t)vcpu->index});
    else
        ask((struct monitor_message){.type = MONITOR_GO});
    machine.sgi(NULL, vcpu);
}

static uint64_t some_address(void)
{
    uint64_t value = fuzz_value(&input);

    switch (fuzz_below(&input, 4)) {
    case 0:
        return value;
    case 1:
        return ptr_to_pa(ram).v + value % (RAM_BYTES + 16) - 8;
    default:
        return RAM_IPA + (value % (RAM_PAGES + 2)) * PAGE_SIZE;
    }
}

static uint64_t some_size(void)
{
    return fuzz_below(&input, 4) == 0 ? fuzz_value(&input)
                                      : PAGE_SIZE * (fuzz_take(&input, 2) % RAM_PAGES);
}

/* In two pieces, if the input wants so; the channel's buffers hold less than the longest. */
static void say_all(const void *bytes, size_t len)
{
    size_t cut = fuzz_below(&input, 4) == 0 ? fuzz_take(&input, 2) % (len + 1) : len / 2;

    if (cut > 0)
        say_bytes(bytes, cut);
    if (cut < len)
        say_bytes((const uint8_t *)bytes + cut, len - cut);
}

static void say_something(void)
{
    static struct {
        struct monitor_message head;
        uint8_t data[900];
    } said;

    said.head = (struct monitor_message){
        .type = (uint16_t)fuzz_below(&input, MONITOR_TYPES + 1),
        .vcpu = (uint16_t)fuzz_below(&input, VCPUS + 1),
        .tag = 7,
        .address = some_address(),
        .value = some_size(),
        .extra = fuzz_below(&input, 2) == 0 ? fuzz_value(&input) : fuzz_below(&input, 8)};
    if (said.head.type == MONITOR_LOG)
        said.head.extra |= fuzz_below(&input, 2) == 0 ? PAGE_SIZE : SIZE_2M;
    if (said.head.type == MONITOR_WRITE || fuzz_below(&input, 16) == 0)
        said.head.size = (uint32_t)fuzz_take(&input, 2) % (uint32_t)(4 * sizeof(said.data));
    say_all(&said.head, sizeof(said.head));
    for (uint32_t left = said.head.size; left > 0;) {
        uint32_t len = left < sizeof(said.data) ? left : (uint32_t)sizeof(said.data);

        say_all(said.data, len);
        left -= len;
    }
}

static uint64_t some_trap(void)
{
    static const uint8_t classes[] = {ESR_EC_STEP_LOW,  ESR_EC_BRK64, ESR_EC_SYS64,
                                      ESR_EC_WATCH_LOW, ESR_EC_HVC64, ESR_EC_STEP_LOW};

    return (uint64_t)classes[fuzz_below(&input, ARRAY_SIZE(classes))] << 26 |
           (uint64_t)fuzz_below(&input, 4) << 20;
}

/* More than a request waits for a vCPU. */
static void time_passes(void)
{
    machine.now += 1000000;
    machine.alarm->fn(machine.alarm->ctx);
}

static void guest_does_something(void)
{
    struct vcpu *vcpu = &vm.vcpu[fuzz_below(&input, VCPUS)];

    switch (fuzz_below(&input, 8)) {
    case 0:
    case 1:
        (void)vm.watcher->touched_fn(vcpu, ipa(some_address()), fuzz_value(&input),
                                     fuzz_below(&input, 8));
        break;
    case 2:
    case 3:
        (void)vm.watcher->trapped_fn(vcpu, some_trap());
        break;
    case 4:
        vm.watcher->off_fn(vcpu);
        break;
    case 5:
        vcpu->parked = !vcpu->parked;
        break;
    case 6:
        time_passes();
        break;
    default:
        machine.sgi(NULL, vcpu);
        break;
    }
}

/* Each page is its own, whatever its rights. */
static void check_map(void)
{
    for (unsigned i = 0; i < RAM_PAGES; i += 61) {
        unsigned perms;
        pa_t at;

        if (stage2_lookup(&vm.stage2, ipa(RAM_IPA + i * PAGE_SIZE), &at, &perms, NULL) == 0)
            fuzz_require(at.v == ptr_to_pa(ram).v + i * PAGE_SIZE);
    }
    fuzz_require(stage2_lookup(&vm.stage2, ipa(RAM_IPA + RAM_BYTES), NULL, NULL, NULL) != 0);
    fuzz_require(stage2_lookup(&vm.stage2, ipa(RAM_IPA - 1), NULL, NULL, NULL) != 0);
}

/* The guest starts again, and all that was asked is answered by then. */
static void start_again(void)
{
    time_passes();
    vm.run_state = VM_RUNNING;
    for (unsigned i = 0; i < VCPUS; i++)
        vm.watcher->off_fn(&vm.vcpu[i]);
    vm.watcher->start_fn(&vm);
    for (unsigned i = 0; i < RAM_PAGES; i++) {
        unsigned perms = 0;

        fuzz_require(stage2_lookup(&vm.stage2, ipa(RAM_IPA + i * PAGE_SIZE), NULL, &perms, NULL) ==
                     0);
        fuzz_require(perms == ALL);
    }
    fuzz_require(!vm.held);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool open;

    input = (struct fuzz_input){data, size};
    machine.wait_fn = wake;
    if (!open) {
        make_vm();
        fuzz_require(monitor_init(&vm, "1") == 0);
        open = true;
    }
    for (unsigned i = 0; i < MAX_STEPS && input.left > 0; i++) {
        if (fuzz_below(&input, 2) == 0)
            say_something();
        else
            guest_does_something();
        fuzz_require(got.message.size <= MONITOR_DATA_MAX);
        check_map();
    }
    start_again();
    return 0;
}
