# SPDX-License-Identifier: Apache-2.0
# The default guest: target `images` makes images/Image, images/initramfs.cpio.gz and
# images/disk.img in the build folder, from Debian's arm64 packages. TRAPROOM_SYSROOT is where
# those are unpacked, libfdt among them; unless it is given, tools/fetch-arm64 brings them.
set(TRAPROOM_SYSROOT ${CMAKE_BINARY_DIR}/debian/arm64
    CACHE PATH "arm64 packages, unpacked: kernel, busybox-static, libfdt-dev; with a file .complete")
set(sysroot_path ${PROJECT_SOURCE_DIR}/tools/sysroot-path)
set(sysroot_stamp ${TRAPROOM_SYSROOT}/.complete)
set(images ${CMAKE_BINARY_DIR}/images)
file(MAKE_DIRECTORY ${images})

if(TRAPROOM_SYSROOT STREQUAL ${CMAKE_BINARY_DIR}/debian/arm64)
    add_custom_command(OUTPUT ${sysroot_stamp}
        COMMAND ${PROJECT_SOURCE_DIR}/tools/fetch-arm64 ${CMAKE_BINARY_DIR}/debian
        DEPENDS ${PROJECT_SOURCE_DIR}/tools/fetch-arm64
            ${PROJECT_SOURCE_DIR}/tools/fetch-debian
        COMMENT "Fetching Debian's arm64 packages" USES_TERMINAL VERBATIM)
endif()
add_custom_target(sysroot DEPENDS ${sysroot_stamp})

# What is compiled into the hypervisor of others' work.
include(cmake/kept.cmake)
set(TRAPROOM_SOURCES ${CMAKE_BINARY_DIR}/debian/sources CACHE PATH "sources of Debian's packages ${KEPT_PACKAGES}")
set(kept_sources ${KEPT_FILES})
list(TRANSFORM kept_sources PREPEND ${TRAPROOM_SOURCES}/)
add_custom_command(OUTPUT ${TRAPROOM_SOURCES}/.packages BYPRODUCTS ${kept_sources}
    COMMAND ${PROJECT_SOURCE_DIR}/tools/fetch-sources ${TRAPROOM_SOURCES} ${KEPT_PACKAGES}
    DEPENDS ${PROJECT_SOURCE_DIR}/tools/fetch-sources ${PROJECT_SOURCE_DIR}/cmake/kept.cmake
    COMMENT "Fetching Debian's sources" USES_TERMINAL VERBATIM)
add_custom_target(sources DEPENDS ${TRAPROOM_SOURCES}/.packages)

add_custom_command(OUTPUT ${images}/Image
    COMMAND sh -ec "kernel=$(\"$1\" kernel \"$2\") && ln -sf \"$kernel\" \"$3\""
        link ${sysroot_path} ${TRAPROOM_SYSROOT} ${images}/Image
    DEPENDS ${sysroot_stamp} ${sysroot_path} COMMENT "Linking Debian's kernel" VERBATIM)

add_custom_command(OUTPUT ${images}/initramfs.cpio.gz
    COMMAND ${PROJECT_SOURCE_DIR}/guest/initramfs/make ${TRAPROOM_SYSROOT}
        ${images}/initramfs.cpio.gz
    DEPENDS ${sysroot_stamp} guest/initramfs/make guest/initramfs/init guest/initramfs/session
        guest/initramfs/inittab guest/initramfs/dhcp guest/initramfs/relay.c tools/launcher/archive.py tools/launcher/modules.py
    COMMENT "Packing the initramfs" VERBATIM)

add_custom_command(OUTPUT ${images}/disk.img
    COMMAND ${PROJECT_SOURCE_DIR}/guest/disk/make ${images}/disk.img
    DEPENDS guest/disk/make COMMENT "Making the guest's disk" VERBATIM)

add_custom_target(images ALL
    DEPENDS ${images}/Image ${images}/initramfs.cpio.gz ${images}/disk.img)
add_dependencies(images sysroot)

# Debian's arm64 kernel for all computers, which has what the one for the cloud lacks: 9p.
set(full_kernel ${CMAKE_BINARY_DIR}/debian/full)
add_custom_command(OUTPUT ${full_kernel}/.packages
    COMMAND ${PROJECT_SOURCE_DIR}/tools/fetch-debian --arch arm64 --follow linux-* ${full_kernel}
        linux-image-arm64
    DEPENDS ${PROJECT_SOURCE_DIR}/tools/fetch-debian
    COMMENT "Fetching Debian's full kernel" USES_TERMINAL VERBATIM)
add_custom_target(full-kernel DEPENDS ${full_kernel}/.packages)

# A sample module for that kernel, guest/module/, which the boot tests load. Kbuild writes beside
# the sources, so it gets a copy.
set(headers ${CMAKE_BINARY_DIR}/headers)
set(module ${CMAKE_BINARY_DIR}/module)
add_custom_command(OUTPUT ${headers}/.version
    COMMAND ${PROJECT_SOURCE_DIR}/tools/headers ${TRAPROOM_SYSROOT} ${headers}
    DEPENDS ${sysroot_stamp} tools/headers tools/fetch-debian ${sysroot_path}
    COMMENT "Fetching the kernel's headers" USES_TERMINAL VERBATIM)
add_custom_command(OUTPUT ${module}/tdrv.ko ${module}/tblk.ko ${module}/misbehave.ko
    COMMAND ${CMAKE_COMMAND} -E copy_directory ${PROJECT_SOURCE_DIR}/guest/module ${module}
    COMMAND env -u MAKEFLAGS make -s -C ${headers}/linux M=${module}
    DEPENDS ${headers}/.version guest/module/Kbuild guest/module/tdrv.c guest/module/tblk.c guest/module/misbehave.c
    COMMENT "Building the sample modules" VERBATIM)
add_custom_target(sample-module DEPENDS ${module}/tdrv.ko)

# The drivers of the models in guest/model/, for the same kernel.
set(model_driver ${CMAKE_BINARY_DIR}/model-driver)
add_custom_command(OUTPUT ${model_driver}/reverser.ko ${model_driver}/twowire.ko
    COMMAND ${CMAKE_COMMAND} -E copy_directory ${PROJECT_SOURCE_DIR}/guest/model/driver ${model_driver}
    COMMAND env -u MAKEFLAGS make -s -C ${headers}/linux M=${model_driver}
    DEPENDS ${headers}/.version guest/model/driver/Kbuild guest/model/driver/reverser.c guest/model/driver/twowire.c
    COMMENT "Building the models' drivers" VERBATIM)
add_custom_target(model-drivers DEPENDS ${model_driver}/reverser.ko)

# Firmware for QEMU's virt machine, U-Boot and EDK2, and disks that it boots from: one with a kernel, one
# with Debian (docs/firmware.md).
set(firmware ${CMAKE_BINARY_DIR}/debian/firmware)
set(efi_packages ${CMAKE_BINARY_DIR}/debian/efi)
set(make_efi_disk ${PROJECT_SOURCE_DIR}/tools/make-efi-disk)
add_custom_command(OUTPUT ${firmware}/.packages
    COMMAND ${PROJECT_SOURCE_DIR}/tools/fetch-debian ${firmware} u-boot-qemu qemu-efi-aarch64
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${firmware}/usr/share/AAVMF
    DEPENDS ${PROJECT_SOURCE_DIR}/tools/fetch-debian
    COMMENT "Fetching firmware" USES_TERMINAL VERBATIM)
add_custom_command(OUTPUT ${efi_packages}/.packages
    COMMAND ${PROJECT_SOURCE_DIR}/tools/fetch-whole arm64 ${efi_packages} ?essential
        systemd-sysv udev dbus iproute2 kmod libpam-runtime usr-is-merged grub-efi-arm64-bin
    DEPENDS ${PROJECT_SOURCE_DIR}/tools/fetch-whole
    COMMENT "Fetching a small Debian" USES_TERMINAL VERBATIM)
add_custom_command(OUTPUT ${images}/efi-small.img
    COMMAND ${make_efi_disk} --small ${efi_packages} ${TRAPROOM_SYSROOT} ${images}/efi-small.img
    DEPENDS ${efi_packages}/.packages ${make_efi_disk} ${sysroot_stamp} ${sysroot_path}
    COMMENT "Making an EFI disk with a kernel" VERBATIM)
add_custom_command(OUTPUT ${images}/efi-debian.img
    COMMAND ${make_efi_disk} ${efi_packages} ${TRAPROOM_SYSROOT} ${images}/efi-debian.img
    DEPENDS ${efi_packages}/.packages ${make_efi_disk} ${sysroot_stamp} ${sysroot_path}
    COMMENT "Making an EFI disk with Debian" VERBATIM)
add_custom_target(firmware DEPENDS ${firmware}/.packages)
add_custom_target(firmware-disk DEPENDS ${firmware}/.packages ${images}/efi-small.img)
add_custom_target(efi-disk DEPENDS ${firmware}/.packages ${images}/efi-debian.img)
