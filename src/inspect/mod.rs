//! One protocol, one file: reads the bytes of a flow or a datagram and says what they hold.

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
