/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a loader that can't go on, and of one that met an exception. */
#ifndef ELFLOADER_FAIL_H
#define ELFLOADER_FAIL_H

/* Say why on the console, then turn this CPU off: the machine stays as it is, to be looked at. */
_Noreturn void fail_with(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Have this CPU's exceptions end so, too. */
void fail_on_exceptions(void);

#endif
