# The few commands that there are. Each installs what it needs and says so; a fresh machine needs
# Rust, Node (20 or later), Python (3.10 or later) and, for the browser test, the faults and the budgets,
# Debian's apt.

CARGO_TEST := $(shell cargo nextest --version >/dev/null 2>&1 && echo nextest run || echo test)
LOAD := tests/load/Cargo.toml
DRIVER := tests/load/target/release/driver
PYTHON ?= python3
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: run test test-rust test-load test-wire test-reference test-differential test-websocket test-e2e test-guard test-faults test-budgets guard faults models check deny doc fuzz

# Starts the server in development mode, with the demo page on http://127.0.0.1:3000/.
run: demo-client
	cargo build --release --bin sockeye
	target/release/sockeye serve

# Runs every test.
test: test-rust test-load test-wire test-reference test-differential test-websocket test-e2e test-guard test-faults test-budgets

test-rust:
	cargo $(CARGO_TEST) --workspace --all-targets
	cargo test --workspace --doc

# The load kit, each scenario for a moment: no times, but it can't rot.
test-load:
	cargo test --manifest-path $(LOAD) -p generator -p driver

# The wire, byte by byte, against the conformance example, over both hosts of WebSockets.
test-wire: release tests/wire/node_modules
	cd tests/wire && npm test
	cd tests/wire && npm run test:app

# The same situations against the reference server, so that the tests' own claims stay true.
test-reference: tests/wire/node_modules
	cd tests/wire && npm run test:node

# Our decoders and the official ones on the same inputs. SEED=… CASES=… repeats or prolongs a run.
test-differential: tests/differential/node_modules
	cargo test -p sockeye-tests --test differential -- --include-ignored --nocapture

# The Autobahn cases against the WebSocket layer, over both hosts.
test-websocket:
	@if $(PYTHON) -c 'import sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then \
		$(MAKE) --no-print-directory autobahn; \
	else \
		echo "=================================================================="; \
		echo "SKIPPED: the WebSocket conformance suite needs Python 3.10 or later"; \
		echo "=================================================================="; \
	fi

.PHONY: autobahn
autobahn: target/autobahn/installed
	cargo build -p sockeye --features testing --example frame_echo
	target/autobahn/bin/python tests/websocket/run.py target/debug/examples/frame_echo

target/autobahn/installed: tests/websocket/requirements.txt
	@echo "installing kosoku, a runner of the Autobahn cases, from PyPI in target/autobahn"
	$(PYTHON) -m venv target/autobahn
	target/autobahn/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

# Real clients and a real browser against the binary and the examples.
test-e2e: release examples tests/e2e/node_modules chromium
	cd tests/e2e && npm test

# Hostile clients against the binary, judged by what they cost everybody else.
test-guard: guard

# make guard CASES="ATK-07 placeholder" runs those whose id or title has one of the words;
# STRICT=1 holds the server to its figures on a machine that has nothing else to do.
guard: release
	cargo build -p sockeye-guard
	target/debug/guard $(CASES)

# What breaks in less than a minute each.
test-faults: release faketime tests/e2e/node_modules
	cargo build -p sockeye-faults
	target/debug/faults --short

# All that can break, at full size, on a machine that does nothing else: about an hour. Some of them:
# make faults IDS="FM-01 FM-02"; UPDATE=1 keeps what comes of it in docs/reliability.md.
faults: release faketime tests/e2e/node_modules
	cargo build --release -p sockeye-faults
	target/release/faults $(IDS) $(if $(UPDATE),--update docs/reliability.md)

# No path takes over 5 % more instructions than before; see docs/performance-budgets.md.
test-budgets: budgets

# make budgets ACCEPT=1 makes what is counted the budget; PATHS="echo ack" keeps to these.
.PHONY: budgets bench-micro
budgets: valgrind
	cargo build --release -p sockeye-benches --bin budgets
	target/release/budgets $(if $(ACCEPT),accept,check) $(PATHS)

# The time that codecs and actors take; make bench-micro FILTER=broadcast
bench-micro:
	cargo bench -p sockeye-benches --bench codecs --bench actors -- $(FILTER)

# What has to be clean before a commit.
check:
	cargo fmt --all --check
	cargo fmt --manifest-path $(LOAD) --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --manifest-path $(LOAD) -p generator -p driver --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --features sockeye/testing --no-deps --document-private-items

# What the product is made of: banned crates, licences, sources; known holes where the list of them
# can be fetched.
deny:
	@cargo deny --version >/dev/null 2>&1 || { \
		echo "installing cargo-deny with cargo install"; \
		cargo install --locked cargo-deny; }
	cargo deny --all-features check bans licenses sources
	@if cargo deny fetch db >/dev/null 2>&1; then \
		cargo deny --all-features check advisories; \
	else \
		echo "SKIPPED: advisories, as their database can't be fetched"; \
	fi

doc:
	cargo doc --workspace --features sockeye/testing --no-deps --open

# Many random cases of every model: sessions, rooms, acks, recovery, cancellation. A failure prints
# PROPTEST_RNG_SEED=…, which repeats its run.
models:
	PROPTEST_CASES=$(or $(CASES),100000) CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
	cargo test --release -p sockeye-protocol -p sockeye-router \
		--lib --test models --test recovery_model

# Searches for inputs that break a target; needs a nightly toolchain and a C++ compiler:
# make fuzz TARGET=engine_payload SECONDS=60, or make fuzz-all SECONDS=1200 for one after another.
# What is found lies in fuzz/artifacts, what is merely new in target/fuzz-corpus.
SECONDS ?= 60
FUZZ_TARGETS := $(patsubst fuzz/fuzz_targets/%.rs,%,$(wildcard fuzz/fuzz_targets/*.rs))

fuzz: cargo-fuzz
	@test -n "$(TARGET)" || { echo "which TARGET? One of: $(FUZZ_TARGETS)"; exit 2; }
	@mkdir -p target/fuzz-corpus/$(TARGET)
	CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
	cargo +nightly fuzz run --fuzz-dir fuzz --features libfuzzer $(TARGET) \
		target/fuzz-corpus/$(TARGET) fuzz/corpus/$(TARGET) -- \
		-max_total_time=$(SECONDS) -dict=fuzz/words.dict -timeout=10 -rss_limit_mb=2048

fuzz-all:
	@for target in $(FUZZ_TARGETS); do \
		$(MAKE) --no-print-directory fuzz TARGET=$$target SECONDS=$(SECONDS) || exit 1; \
	done

.PHONY: fuzz-all cargo-fuzz
cargo-fuzz:
	@rustup run nightly rustc --version >/dev/null 2>&1 || { \
		echo "installing a nightly toolchain with rustup"; \
		rustup toolchain install nightly --profile minimal; }
	@cargo fuzz --version >/dev/null 2>&1 || { \
		echo "installing cargo-fuzz with cargo install"; \
		cargo install --locked cargo-fuzz; }

.PHONY: bench bench-memory bench-curves load

# What each message, delivery and connection costs, beside socketioxide, Node and bare actix: about
# 25 minutes on a machine that does nothing else. For a quick look: make bench ROUNDS=1
# And: make bench BENCH="--only echo,ack --servers front,own-co --update docs/performance.md"
bench: load
	$(DRIVER) bench --rounds $(or $(ROUNDS),5) $(BENCH)

# What connections at rest cost, up to 50,000 where the limit of open files allows: about 20 minutes.
bench-memory: load
	$(DRIVER) memory --rounds $(or $(ROUNDS),3) $(BENCH)

# How all that changes with load, members, rooms and connections: about 20 minutes.
bench-curves: load
	$(DRIVER) curves --rounds $(or $(ROUNDS),3) $(BENCH)

load: tests/load/node/node_modules
	cargo build --release -p sockeye --example bench_server
	cargo build --release --manifest-path $(LOAD)

.PHONY: release examples demo-client chromium faketime valgrind
release: demo-client
	cargo build --release --bin sockeye --example conformance

# Not optimised: most of it is there after test-rust.
examples:
	cargo build --workspace --examples

demo-client: server/demo/node_modules

%/node_modules: %/package.json %/package-lock.json
	@echo "installing npm packages in $*"
	cd $* && npm ci
	@touch $@

chromium:
	@command -v chromium >/dev/null || { \
		echo "installing chromium with apt-get"; \
		$(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q chromium; }

faketime:
	@command -v faketime >/dev/null || { \
		echo "installing faketime with apt-get"; \
		$(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q faketime; }

valgrind:
	@command -v valgrind >/dev/null || { \
		echo "installing valgrind with apt-get"; \
		$(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q valgrind; }
