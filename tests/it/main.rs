//! Tests across parts: backends side by side, and real processes with a real Redis and the upstream simulator.

mod conformance;
