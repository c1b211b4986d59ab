# SPDX-License-Identifier: Apache-2.0
# At each build: version.h from version.h.in, with the commit that is checked out, and its day or that of
# SOURCE_DATE_EPOCH. Touched only when that has changed. Wants SOURCE, BINARY and TRAPROOM_VERSION.
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=8 --exclude=*
    OUTPUT_VARIABLE TRAPROOM_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT TRAPROOM_COMMIT)
    set(TRAPROOM_COMMIT unknown)
endif()
if(NOT DEFINED ENV{SOURCE_DATE_EPOCH})
    execute_process(COMMAND git -C ${SOURCE} log -1 --format=%ct
        OUTPUT_VARIABLE time OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(time)
        set(ENV{SOURCE_DATE_EPOCH} "${time}")
    endif()
endif()
string(TIMESTAMP TRAPROOM_DATE "%Y-%m-%d" UTC)
configure_file(${SOURCE}/version.h.in ${BINARY}/version.h @ONLY)
