//! What each step costs: `cargo bench` for all of them, `cargo bench -- decode` for those with a word in their name.

#![expect(
    clippy::expect_used,
    reason = "a benchmark stops at the first thing that is not there"
)]

mod catalogue;

fn main() {
    divan::main();
}
