# Shortcuts for the work on this repository. `make help` lists them; docs/testing.md says more.
# JOBS bounds the compilers that run at once: each takes up to 1 GiB.
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 40
SOAK_MINUTES ?= 30
export CCACHE_BASEDIR ?= $(CURDIR)
export CCACHE_NOHASHDIR ?= 1

.DEFAULT_GOAL := help
# Where `make install` puts the programs, below DESTDIR if that is set.
PREFIX ?= /usr/local

.PHONY: install deb dist help demo release dev gcc test test-gcc bare lint tidy format fuzz tsan coverage soak bench bench-quick gate micro profile image clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | \
	  awk -F'|' '{ printf "  make %-11s %s\n", $$1, $$2 }'

demo: ## set up, build the release and run the demo: nothing but this clone is needed
	@echo "make demo: installs Debian packages (about 400 MB), builds bottle and bottle-proxy (about 4 minutes on 2 cores,"
	@echo "           seconds when nothing changed), and runs the demo (10 seconds; it needs no internet)."
	@$(MAKE) --no-print-directory release
	build/release/bottle start demo

release: ## build build/release/bottle, bottle-proxy and the demo's origin
	@scripts/bootstrap build
	@cmake --preset release --log-level=WARNING
	cmake --build --preset release -j $(JOBS) --target bottle bottle-proxy go-programs

install: release ## install programs, man pages, completions and docs below PREFIX (default /usr/local; DESTDIR is for packagers)
	cmake --build --preset release -j $(JOBS) --target pages
	DESTDIR=$(DESTDIR) cmake --install build/release --prefix $(PREFIX) --strip

deb: ## build a Debian package for this system into build/release/package
	@scripts/bootstrap package
	@$(MAKE) --no-print-directory release
	cmake --build --preset release -j $(JOBS) --target pages
	cd build/release && cpack -G DEB

dist: ## build build/dist/bottle-VERSION-linux-ARCH.tar.gz: needs nothing but glibc 2.36 and bubblewrap
	@scripts/bootstrap build
	@cmake --preset dist --log-level=WARNING
	cmake --build --preset dist -j $(JOBS) --target bottle bottle-proxy go-programs pages
	scripts/dist build/dist

dev: ## build everything with AddressSanitizer and UndefinedBehaviorSanitizer into build/dev
	@scripts/bootstrap test
	@cmake --preset dev --log-level=WARNING
	cmake --build --preset dev -j $(JOBS)

test: dev release ## all tests with sanitizers, and the measuring ones with the release build
	cmake --build --preset release -j $(JOBS) --target failing_malloc
	scripts/run-tests --build build/dev --measure build/release

gcc: ## build with g++, the second compiler, into build/gcc
	@scripts/bootstrap test
	@cmake --preset gcc --log-level=WARNING
	cmake --build --preset gcc -j $(JOBS)

test-gcc: gcc ## unit and session tests of the g++ build
	scripts/run-tests --build build/gcc --only ctest

bare: ## demo and test as a stranger runs them, on a bare Debian 12 (root; BARE_FLAGS="--user" and the like are passed on)
	scripts/bare $(BARE_FLAGS)

lint: ## include rules, coroutine shapes, words and paths, format, the oldest Go
	@scripts/bootstrap test
	scripts/lint

tidy: ## clang-tidy with the list in .clang-tidy over all sources (or FILES="a.cc b.cc", or those that differ from BASE)
	@scripts/bootstrap test
	@cmake --preset $(if $(BASE)$(FILES),tidy,dev) --log-level=WARNING
	scripts/tidy -p build/$(if $(BASE)$(FILES),tidy,dev) $(if $(BASE),--base $(BASE)) $(FILES)

format: ## clang-format and gofmt, in place
	scripts/format

fuzz: ## build the fuzzers (FUZZ_TARGETS, else all) into build/fuzz and run each for FUZZ_SECONDS (40)
	@scripts/bootstrap test
	@cmake --preset fuzz --log-level=WARNING
	cmake --build --preset fuzz -j $(JOBS) --target $(if $(FUZZ_TARGETS),$(FUZZ_TARGETS:%=fuzz_%),fuzzers)
	scripts/fuzz --build build/fuzz --seconds $(FUZZ_SECONDS) --jobs $(JOBS) $(FUZZ_FLAGS) $(FUZZ_TARGETS)

TSAN_TESTS = session unit_exit unit_ledger unit_flow unit_upstream

tsan: ## the session, exit, ledger, flow and upstream tests with ThreadSanitizer, in build/tsan
	@scripts/bootstrap test
	@cmake --preset tsan --log-level=WARNING
	cmake --build --preset tsan -j $(JOBS) --target $(TSAN_TESTS)
	set -e; for test in $(TSAN_TESTS); do build/tsan/$$test --gtest_brief=1; done

COVERED = unit_http unit_guard unit_ledger unit_body session

coverage: ## the lines of parsers, rules, writers, ledger and guard that tests and corpora reach, in build/coverage
	@scripts/bootstrap test
	@cmake --preset coverage --log-level=WARNING
	cmake --build --preset coverage -j $(JOBS) --target $(COVERED) replays
	scripts/coverage --build build/coverage $(COVERED)

soak: release ## SOAK_MINUTES (30) of mixed load, a twentieth hostile, on the release build: errors, memory, descriptors, the end
	cd tests/go && BOTTLE_BIN_DIR=$(CURDIR)/build/release BOTTLE_RELEASE=1 BOTTLE_REQUIRE=1 SOAK_MINUTES=$(SOAK_MINUTES) \
	  go test ./attack -run '^TestSoak$$' -count=1 -v -timeout=0

bench: bench-programs ## what a request costs beside haproxy, nghttpx and mitmproxy, as far as they are installed
	bench/run --out bench/results/latest

bench-quick: bench-programs ## the same with fewer requests, below three minutes
	bench/run --quick

profile: bench-programs ## count what runs when requests of each kind come, for the compiler: cmake/profile.tar.xz
	@scripts/bootstrap test
	@cmake --preset profile --log-level=WARNING
	cmake --build --preset profile -j $(JOBS) --target bottle-proxy
	bench/profile

gate: bench-programs ## whether a request takes the instructions, allocations and system calls that bench/gate.json says
	@scripts/bootstrap test
	bench/gate

micro: release ## what the parts of a request take, each by itself (needs libbenchmark-dev; MICRO_FLAGS are passed on)
	cmake --build --preset release -j $(JOBS) --target bottle-micro
	build/release/bottle-micro $(MICRO_FLAGS)

.PHONY: bench-programs
bench-programs: release
	cmake --build --preset release -j $(JOBS) --target bottle-load bottle-bench-origin

image: ## the images bottle-proxy and bottle-agent, with docker; IMAGE_FLAGS="--network host" and the like are passed on
	docker build $(IMAGE_FLAGS) --build-arg JOBS=$(JOBS) --tag bottle-proxy:latest --file docker/Dockerfile .
	docker build $(IMAGE_FLAGS) --tag bottle-agent:latest --file docker/Dockerfile.agent docker

clean: ## remove build/
	rm -rf build
