# SPDX-License-Identifier: Apache-2.0
# At each build: version.h from version.h.in, with the commit that is checked out. Touched only when
# that has changed. Wants SOURCE, BINARY and TRAPROOM_VERSION.
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=8 --exclude=*
    OUTPUT_VARIABLE TRAPROOM_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT TRAPROOM_COMMIT)
    set(TRAPROOM_COMMIT unknown)
endif()
configure_file(${SOURCE}/version.h.in ${BINARY}/version.h @ONLY)
