# syntax=docker/dockerfile:1
# One image with every program; what a container runs is its command: api (the default), flashcard-worker,
# pronunciation-worker, or unilingo.

FROM rust:1.95.0-slim-bookworm AS chef
RUN cargo install cargo-chef --locked --version 0.1.78
WORKDIR /build

# What the dependencies are, apart from the sources.
FROM chef AS planner
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM chef AS builder
# A layer that stays until Cargo.lock changes: the dependencies, compiled.
COPY --from=planner /build/recipe.json .
RUN cargo chef cook --locked --release -p api -p worker -p unilingo --recipe-path recipe.json
COPY . .
RUN cargo build --locked --release -p api -p worker -p unilingo \
    && mkdir /programs \
    && cd target/release \
    && cp api flashcard-worker pronunciation-worker unilingo /programs

# No shell and no package manager: libc, certificates, and a user who is not root.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=builder /programs/ /usr/local/bin/
ENV LOG_FORMAT=json
USER nonroot
EXPOSE 3001 3002 3003
# In exec form: the program is process 1 and gets SIGTERM itself.
CMD ["/usr/local/bin/api"]
