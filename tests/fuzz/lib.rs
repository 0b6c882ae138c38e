//! The targets, from the same files as in the tests, built without the rest of the tests: nothing but the rules is
//! instrumented.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../src/fuzz/mod.rs"]
pub mod fuzz;
#[path = "../src/world.rs"]
pub mod world;
