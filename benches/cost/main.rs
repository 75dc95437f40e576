//! What each step of the way costs: `cargo bench` for all of them, `cargo bench -- decode` for those with a word in their path.
//!
//! * The traffic is that of the captures in `testdata`; a bench that needs more of it repeats them.
//! * A room that is private is entered by the nearest public door: the writer by the second pass of a whole-flow run.
//! * Times are for people to compare on one quiet machine; nothing fails by them.
#![expect(
    clippy::expect_used,
    reason = "a benchmark stops at the first thing that is not there"
)]

mod capture;
mod catalogue;
mod decode;
mod engine;
mod inspect;
mod judge;
mod pipeline;
mod signature;
mod traffic;

fn main() {
    divan::main();
}
