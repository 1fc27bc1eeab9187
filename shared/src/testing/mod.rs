//! Servers for tests, benches and `./dev`: a Redis of one's own and the upstream simulator.
