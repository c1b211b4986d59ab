/* SPDX-License-Identifier: Apache-2.0 */
/* Error numbers: a function that can fail returns 0 or one of these negated, and must be checked.
 */
#ifndef LIB_ERR_H
#define LIB_ERR_H

enum err {
    ERR_INVAL = 1,   /* an argument or input contradicts itself */
    ERR_NOMEM,       /* no page, slot or room left */
    ERR_RANGE,       /* an address, size or index lies outside what is allowed */
    ERR_EXIST,       /* something is there already */
    ERR_NOENT,       /* nothing is there */
    ERR_UNSUPPORTED, /* valid, but not something Traproom does */
};

#define must_check __attribute__((warn_unused_result))

#endif
