//! One protocol, one file: reads the bytes of a flow or a datagram and says what they hold.
//!
//! Inspectors are pure functions over byte slices. They keep nothing between calls (whoever holds a flow's bytes asks
//! again with more of them), allocate only for what they found, and take every length in the bytes for a lie until checked.

#![deny(clippy::indexing_slicing)]

mod cursor;
pub mod dns;
pub mod dtls;
pub mod h2;
pub mod http;
pub mod netbios;
pub mod openvpn;
pub mod quic;
mod scattered;
pub mod sctp;
pub mod signature;
pub mod tls;

/// An inspector's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<T> {
    /// These bytes are this protocol's, and this is what they say.
    Found(T),
    /// So far they look like it; ask again with more.
    NeedMore,
    /// They are something else.
    NotMine,
}

#[cfg(test)]
pub(crate) mod testing;
