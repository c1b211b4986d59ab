/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's state in words, on the console: each vCPU's registers, what it was doing, who called
 * whom, its exits. All vCPUs are in EL2 meanwhile. tools/launcher/report.py reads it and adds
 * symbols; docs/crash-report.md has the form.
 */
#ifndef VM_REPORT_H
#define VM_REPORT_H

struct vcpu;
struct vm;

/* Once, before a guest runs. */
int report_init(void);

/*
 * Have the vCPUs report, one after the other, soon after this returns: no lock need be free now.
 * While one report is being made there is no other. `why`: a string that lasts.
 */
void report_ask(struct vm *vm, const char *why);

/*
 * The same for a VM that ends, once. Each of its vCPUs calls on its way off, in EL2 and with no
 * lock held; returns when the report is made.
 */
void report_ending(struct vcpu *vcpu);

#endif
