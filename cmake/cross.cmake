# SPDX-License-Identifier: Apache-2.0
# cross_project(NAME [SOURCE FOLDER] [ARGS ARG...]): build the project in FOLDER (NAME) for AArch64,
# in NAME of the build folder, after the sysroot and the sources are there, with further arguments to its CMake. Its
# own build knows what has changed, so it always runs.
include(ExternalProject)

function(cross_project name)
    cmake_parse_arguments(PARSE_ARGV 1 project "" "SOURCE" "ARGS")
    if(NOT project_SOURCE)
        set(project_SOURCE ${name})
    endif()
    ExternalProject_Add(${name}
        SOURCE_DIR ${PROJECT_SOURCE_DIR}/${project_SOURCE}
        BINARY_DIR ${CMAKE_BINARY_DIR}/${name}
        PREFIX ${CMAKE_BINARY_DIR}/cross
        CMAKE_ARGS -DCMAKE_TOOLCHAIN_FILE=${PROJECT_SOURCE_DIR}/cmake/aarch64.cmake
            -DTRAPROOM_SYSROOT=${TRAPROOM_SYSROOT} -DTRAPROOM_SOURCES=${TRAPROOM_SOURCES} -DCMAKE_EXPORT_COMPILE_COMMANDS=ON
            ${project_ARGS}
        INSTALL_COMMAND "" BUILD_ALWAYS ON DEPENDS sysroot sources
        USES_TERMINAL_CONFIGURE ON USES_TERMINAL_BUILD ON)
endfunction()
