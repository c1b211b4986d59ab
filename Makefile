# SPDX-License-Identifier: Apache-2.0
# The commands of the project, each of which sets up what it needs. CMake does the building, in
# build/; `make help` lists the commands.
BUILD := build
TRAPROOM := tools/traproom run

# What the user may set: make run-linux KERNEL=path/to/Image ARGS='--smp 2'
KERNEL ?=
ROUNDS ?= 200
KERNEL_SRC ?=
CONFIG ?=
ARGS ?=
TIME ?= 60
RELEASE ?= trixie
RUN_ARGS = $(if $(KERNEL),--kernel $(KERNEL)) $(ARGS)

# Tests stay on in a build folder that has them, so that commands don't undo each other's.
configure-run = cmake -S . -B $(BUILD) $(if $(wildcard $(BUILD)/CMakeCache.txt),,-G Ninja -DTRAPROOM_TESTS=OFF) --log-level=WARNING
configure-test = cmake -S . -B $(BUILD) $(if $(wildcard $(BUILD)/CMakeCache.txt),,-G Ninja) -DTRAPROOM_TESTS=ON --log-level=WARNING
build = cmake --build $(BUILD) --target

.PHONY: help run-linux debug build test fuzz coverage analyze prove bench elfpack report-page soak compat headers guest-kernel format clean distclean
help:
	@echo 'make run-linux     boot Linux under Traproom, to a shell; Ctrl-A X leaves'
	@echo '                   KERNEL=Image: another kernel; ARGS=...: see tools/traproom run --help'
	@echo 'make test          build everything and run all tests'
	@echo 'make fuzz          run each fuzzer for TIME=60 seconds'
	@echo 'make coverage      lines and branches that the unit tests reach, against thresholds'
	@echo 'make analyze       static analysis: gcc, clang-tidy, cppcheck, format, headers, layers'
	@echo 'make prove         proofs, by Frama-C, that some of the code has no run-time error'
	@echo 'make debug         as run-linux, but stopped before the first instruction, for gdb'
	@echo 'make bench         measure what Traproom costs, against the budget'
	@echo 'make elfpack       build the packer of ELF kernels, build/elfpack/elfpack, and its loader'
	@echo 'make report-page   build the page that `tools/traproom report --html` fills'
	@echo 'make soak          a guest that reboots under load, ROUNDS=200 times; QEMU killed in mid-write, 110 times;'
	@echo '                   devices reset under load, 10,000 times each; 200 guests that end in all sorts of ways;'
	@echo '                   ARGS=...: see test/boot/soak.py --help'
	@echo 'make efi-debian    EDK2, GRUB and Debian from an EFI disk, to a login, a reboot and off'
	@echo 'make compat        guest and boot tests with the QEMU and kernel of the next Debian; RELEASE=sid: of that'
	@echo 'make headers       fetch what a module for the default kernel is built with, and say how'
	@echo 'make guest-kernel  build Linux 6.12, or KERNEL_SRC=dir, for the guest: build/guest-kernel/Image;'
	@echo '                   CONFIG=fragment: with these options on top of guest/kernel.config'
	@echo 'make build         build the hypervisor and the default guest only'
	@echo 'make format        clang-format all C sources'
	@echo 'make clean         remove what was compiled; make distclean: and what was downloaded'

build:
	@tools/setup run
	@$(configure-run) >/dev/null
	@$(build) run-assets

run-linux: build
	@$(TRAPROOM) $(RUN_ARGS)

debug: build
	@tools/setup debug
	@$(TRAPROOM) --gdb $(RUN_ARGS)

# One test more than CPUs: some wait for a guest's time to pass.
test:
	@tools/setup run test page page-test
	@$(configure-test) >/dev/null
	@$(build) all
	@cd $(BUILD) && ctest --output-on-failure --timeout 7200 -j "$$(($$(nproc) + 1))" $(CTEST_ARGS)

fuzz:
	@tools/setup fuzz
	@tools/fuzz --build $(BUILD)/fuzz --time $(TIME) $(ARGS)

coverage:
	@tools/setup run test coverage
	@tools/coverage --build $(BUILD)/coverage

analyze: build
	@tools/setup analyze
	@tools/analyze --build $(BUILD)

prove:
	@tools/setup prove
	@tools/prove --build $(BUILD)

bench: build
	@tools/setup bench
	@$(build) guest
	@tools/bench --build $(BUILD) $(ARGS)

elfpack: build
	@tools/setup elfpack
	@$(build) guest
	@cmake -S tools/elfpack -B $(BUILD)/elfpack -G Ninja --log-level=WARNING
	@cmake --build $(BUILD)/elfpack

report-page:
	@tools/setup page
	@$(configure-run) >/dev/null
	@$(build) report-page

soak: build
	@$(build) guest
	@test/boot/soak.py --build $(BUILD) --rounds $(ROUNDS) $(ARGS)

compat:
	@tools/setup run test
	@tools/compat --build $(BUILD) --release $(RELEASE) $(CTEST_ARGS)

headers: build
	@tools/setup headers
	@tools/headers $(BUILD)/debian/arm64 $(BUILD)/headers

guest-kernel:
	@tools/setup run guest-kernel $(if $(KERNEL_SRC),,guest-source)
	@tools/build-guest-kernel $(if $(KERNEL_SRC),--source $(KERNEL_SRC)) \
		$(if $(CONFIG),--config $(CONFIG)) $(BUILD)/guest-kernel

format:
	@tools/setup format
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	@if [ -d $(BUILD) ]; then find $(BUILD) -mindepth 1 -maxdepth 1 \
		! -name debian ! -name headers ! -name compat ! -name guest-kernel -exec rm -rf {} +; fi
	@rm -rf $(BUILD)/compat/*/build

distclean:
	@rm -rf $(BUILD)

.PHONY: efi-debian
efi-debian:
	@tools/setup run test
	@$(configure-test) >/dev/null
	@$(build) hyp efi-disk
	@TRAPROOM_BUILD=$(abspath $(BUILD)) /usr/bin/python3 -B test/boot/efi_debian.py
