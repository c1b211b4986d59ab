/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How Traproom lies in memory: code, then what is only read, then what is written, each on
 * pages of its own so that mm/hyp_map.c can give each its rights.
 */
#include "boot.h"
#include "lib/limits.h"

ENTRY(_head)

SECTIONS
{
    . = LINK_BASE;
    __text_start = .;
    .text : {
        KEEP(*(.head.text))
        *(.text .text.*)
    } :text
    . = ALIGN(4096);
    __text_end = .;
    .rodata : {
        *(.rodata .rodata.*)
        *(.data.rel.ro .data.rel.ro.*)
    } :rodata
    .rela.dyn : {
        __rela_start = .;
        *(.rela .rela*)
        __rela_end = .;
    }
    .dynamic : { *(.dynamic) }
    .dynsym : { *(.dynsym) }
    .dynstr : { *(.dynstr) }
    .hash : { *(.hash) *(.gnu.hash) }
    . = ALIGN(4096);
    __rodata_end = .;
    .data : {
        *(.data.boot)
        *(.data .data.*)
        *(.got .got.plt)
        . = ALIGN(4096);
    } :data
    __bss_start = .;
    .bss (NOLOAD) : {
        *(.bss .bss.* COMMON)
        . = ALIGN(4096);
        boot_stacks = .;
        . += STACK_STRIDE * MAX_CPUS;
    }
    __bss_end = .;
    _image_size = ABSOLUTE(. - LINK_BASE);
    /DISCARD/ : { *(.interp) *(.note*) *(.comment) *(.eh_frame*) *(.gnu.*) }
}

PHDRS
{
    text PT_LOAD FLAGS(5);
    rodata PT_LOAD FLAGS(4);
    data PT_LOAD FLAGS(6);
}
