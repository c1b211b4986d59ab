// SPDX-License-Identifier: Apache-2.0
/*
 * Stage 2 faults of any syndrome, any address, any instruction, any mode of the guest and any
 * stage 1 tables, over a VM with three devices that check what reaches them.
 */
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"
#include "lib/log.h"
#include "mm/phys.h"
#include "regs.h"
#include "sysreg.h"
#include "tlb.h"
#include "trap/abort.h"
#include "trap/esr.h"
#include "trap/guest_insn.h"
#include "vm/vm.h"

#define RAM_IPA  UINT64_C(0x40000000)
#define RAM_SIZE UINT64_C(0x4000)
#define VECTORS  UINT64_C(0x40080000)
#define FAULTS   8

/* A device: where it is, and what it has seen of the fault that is being served. */
struct device {
    uint64_t base, size;
    unsigned count;
};

static struct device devices[] = {
    {UINT64_C(0x09000000), 0x1000, 0},
    {UINT64_C(0x09001000), 0x200, 0},
    {UINT64_C(0x0a000000), 6, 0},
};

_Thread_local struct fake_sysreg fake_sysreg;
struct fake_tlb fake_tlb;
static struct page_pool pool;
static struct vm vm;
static uint8_t *ram;
static uint32_t guest_code;
static int fetch_result;
static uint64_t answer;
static bool refuse;

bool console_guest_spoke(void)
{
    return false;
}

void log_print(enum log_kind kind, const char *fmt, ...)
{
    (void)kind;
    (void)fmt;
}

int guest_insn_fetch(const struct vcpu *vcpu, uint32_t *insn)
{
    if ((vcpu->regs.pstate & PSR_M_nRW) != 0)
        return -ERR_UNSUPPORTED;
    *insn = guest_code;
    return fetch_result;
}

static enum mmio_result record(void *opaque, struct mmio_access *access)
{
    struct device *device = opaque;
    unsigned size = access->size;

    fuzz_require(size == 1 || size == 2 || size == 4 || size == 8);
    fuzz_require(access->offset % size == 0 && access->offset + size <= device->size);
    fuzz_require(!access->write || size == 8 || access->value >> 8 * size == 0);
    fuzz_require(access->vcpu == 0);
    device->count++;
    if (!access->write)
        access->value = answer;
    return refuse ? MMIO_ABORT : MMIO_OK;
}

static void set_up(struct fuzz_input *in)
{
    struct vcpu *vcpu = &vm.vcpu[0];

    if (ram == NULL) {
        ram = aligned_alloc(PAGE_SIZE, RAM_SIZE);
        mmio_bus_init(&vm.bus);
        for (unsigned i = 0; i < ARRAY_SIZE(devices); i++)
            fuzz_require(mmio_bus_add(&vm.bus,
                                      (struct ipa_range){ipa(devices[i].base), devices[i].size},
                                      record, &devices[i], EXIT_MMIO_DEVICE) == 0);
        vm.mem.count = 1;
        vm.mem.region[0] = (struct ram_region){ipa(RAM_IPA), ptr_to_pa(ram), RAM_SIZE};
        page_pool_init(&pool, aligned_alloc(PAGE_SIZE, 8 * PAGE_SIZE), 8);
        fuzz_require(stage2_init(&vm.stage2, &pool, 1, 5, 0) == 0);
        fuzz_require(stage2_map(&vm.stage2, ipa(RAM_IPA), pa(RAM_IPA), RAM_SIZE, STAGE2_READ) == 0);
    }
    memset(vcpu, 0, sizeof(*vcpu));
    vcpu->vm = &vm;
    fake_sysreg = (struct fake_sysreg){.vbar_el1 = VECTORS};
    fake_sysreg.sctlr_el1 = fuzz_value(in);
    fake_sysreg.tcr_el1 = fuzz_take(in, 8);
    fake_sysreg.ttbr0_el1 = RAM_IPA + (fuzz_take(in, 1) << 6);
    fake_sysreg.ttbr1_el1 = fuzz_value(in);
    fake_sysreg.sp_el0 = fuzz_value(in);
    fake_sysreg.sp_el1 = fuzz_value(in);
    for (unsigned i = 0; i < 8; i++) {
        uint64_t desc = (RAM_IPA | fuzz_take(in, 2)) ^ (fuzz_take(in, 1) << 40);

        memcpy(ram + i * 512, &desc, sizeof(desc));
    }
}

static uint64_t some_ipa(struct fuzz_input *in)
{
    unsigned kind = fuzz_below(in, 8);

    if (kind == 0)
        return fuzz_take(in, 6);
    if (kind == 1)
        return RAM_IPA + fuzz_take(in, 2);
    return devices[kind % ARRAY_SIZE(devices)].base + fuzz_take(in, 2) % 0x1010 - 8;
}

static uint64_t some_pstate(struct fuzz_input *in)
{
    static const uint64_t modes[] = {PSR_M_EL1h, PSR_M_EL1h, PSR_M_EL0t, PSR_M_EL1t, PSR_M_nRW};

    return modes[fuzz_below(in, ARRAY_SIZE(modes))] | (fuzz_take(in, 4) & ~UINT64_C(0x1f));
}

static uint64_t sum_exits(const struct vcpu *vcpu)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < EXIT_REASON_COUNT; i++)
        sum += vcpu->exits[i];
    return sum;
}

/* The guest goes on behind its instruction, at one of its own vectors, or tries again. */
static void check(const struct vcpu *vcpu, uint64_t pc, uint64_t exits, unsigned seen)
{
    uint64_t now = vcpu->regs.pc;
    bool vector = (now & ~UINT64_C(0x780)) == VECTORS;

    fuzz_require(now == pc + 4 || now == pc + 2 || vector ||
                 (now == pc && vcpu->exits[EXIT_ABORT_RETRY] > 0 && seen == 0));
    fuzz_require(sum_exits(vcpu) == exits + 1);
    fuzz_require(seen <= 2 && vm.vcpu[1].regs.pc == 0);
    if (vector)
        fuzz_require((vcpu->regs.pstate & (PSR_M_nRW | PSR_M_MASK)) == PSR_M_EL1h);
}

static void fault(struct fuzz_input *in)
{
    struct vcpu *vcpu = &vm.vcpu[0];
    unsigned kind = fuzz_below(in, 8);
    uint64_t where = some_ipa(in);
    uint64_t esr = (kind < 6 ? FIELD_PREP(ESR_ELx_EC, ESR_EC_DABT_LOW)
                             : FIELD_PREP(ESR_ELx_EC, ESR_EC_IABT_LOW)) |
                   (fuzz_take(in, 4) & (ESR_ELx_ISS | ESR_ELx_IL));
    uint64_t exits = sum_exits(vcpu);
    unsigned seen = 0;

    if (kind < 4) /* the kind of fault that a device's registers give */
        esr = (esr & ~(ISS_ABORT_CM | ISS_ABORT_S1PTW | ISS_ABORT_FSC)) | FSC_TRANSLATION | 3;
    fake_sysreg.far_el2 = kind == 5 ? fuzz_value(in) : where;
    fake_sysreg.hpfar_el2 = where >> 12 << 4;
    guest_code = (uint32_t)fuzz_take(in, 4);
    fetch_result = fuzz_below(in, 16) == 0 ? -ERR_RANGE : 0;
    answer = fuzz_take(in, 8);
    refuse = fuzz_below(in, 16) == 0;
    vcpu->regs.x[guest_code >> 5 & 15] = where + fuzz_below(in, 9) - 8;
    vcpu->regs.pstate = some_pstate(in);
    vcpu->regs.pc = UINT64_C(0x40001000);
    for (unsigned i = 0; i < ARRAY_SIZE(devices); i++)
        devices[i].count = 0;
    if (kind < 6)
        abort_fast(vcpu, esr);
    else
        abort_instruction(vcpu, esr);
    for (unsigned i = 0; i < ARRAY_SIZE(devices); i++)
        seen += devices[i].count;
    check(vcpu, UINT64_C(0x40001000), exits, seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};

    set_up(&in);
    for (unsigned i = 0; i < FAULTS && in.left > 0; i++)
        fault(&in);
    return 0;
}
