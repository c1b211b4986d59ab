# SPDX-License-Identifier: Apache-2.0
# kept_library(NAME): what the hypervisor, its unit tests and its fuzzers use of others' code, as a static
# library, of the sources in TRAPROOM_SOURCES (tools/fetch-sources). Options for the compiler are the project's own but for
# warnings: what is wrong there is not ours to mend.
set(KEPT_PACKAGES bearssl lz4)
set(KEPT_FILES bearssl/src/hash/sha2small.c bearssl/src/codec/dec32be.c bearssl/src/codec/enc32be.c lz4/lib/lz4.c)

function(kept_library name)
    set(files ${KEPT_FILES})
    list(TRANSFORM files PREPEND ${TRAPROOM_SOURCES}/)
    set_source_files_properties(${files} PROPERTIES GENERATED TRUE)
    add_library(${name} STATIC EXCLUDE_FROM_ALL ${files})
    target_include_directories(${name} SYSTEM PUBLIC ${TRAPROOM_SOURCES}/bearssl/inc ${TRAPROOM_SOURCES}/lz4/lib)
    target_include_directories(${name} PRIVATE ${TRAPROOM_SOURCES}/bearssl/src)
    # lz4.c without a heap, and with the compiler's own way to copy a few bytes.
    target_compile_options(${name} PRIVATE -w -O2 -DLZ4_FREESTANDING=1 -DLZ4_memcpy=__builtin_memcpy
        -DLZ4_memmove=__builtin_memmove -DLZ4_memset=__builtin_memset)
endfunction()
