//! Half of a hash, kept beside what a table finds by it: so that the table grows without a look at what its entries lead to, which would be
//! as many lines of memory.

/// Half of a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HalfHash(u32);

impl HalfHash {
    /// The half of `hash` that is kept.
    pub(crate) const fn of(hash: u64) -> Self {
        Self(hash as u32)
    }

    /// Its bits.
    pub(crate) const fn get(self) -> u32 {
        self.0
    }
}
