# Names for what CI runs, and nothing that can't be typed without it.

# The whole system on this machine.
dev *args:
    ./dev {{args}}

# The tests.
check *args:
    ./check {{args}}

# Everything that has to pass before a change lands.
ci:
    .ci/run

fmt:
    cargo fmt --all

clippy:
    cargo clippy --workspace --all-targets --features shared/testing -- -D warnings

doc:
    RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --document-private-items --features shared/testing
