//! The inspectors: one function for each, over the bytes that it is given or a script of them.

pub mod datagrams;
pub mod dns;
pub mod http;
pub mod sealed;
pub mod tls;

use std::fmt::Debug;

use dpi_engine::domain::DomainName;
use dpi_engine::inspect::Outcome;

use crate::script::Script;

/// Names are never empty, in lower case, and hold nothing that acts on a terminal.
pub fn is_fit_to_show(name: &DomainName) {
    let is_fit = |c: char| match c.is_ascii() {
        true => matches!(c, ' '..='~') && !c.is_ascii_uppercase(),
        false => c.is_alphanumeric(),
    };
    assert!(!name.as_str().is_empty());
    assert!(name.as_str().chars().all(is_fit), "{name:?}");
}

/// Splits an input: two bytes say where it is cut, the rest is the bytes that were said.
fn cut(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut script = Script(bytes);
    let cut = usize::from(script.u16());
    let whole = script.0;
    (
        &whole[..cut.checked_rem(whole.len() + 1).unwrap_or(0)],
        whole,
    )
}

/// Checks that an answer that is final stays as it is when more comes.
fn stays<T: PartialEq + Debug>(of_prefix: &Outcome<T>, of_whole: &Outcome<T>) {
    assert!(
        *of_prefix == Outcome::NeedMore || of_prefix == of_whole,
        "{of_prefix:?} became {of_whole:?}"
    );
}
