//! Whether a port may be one of a list: no for nearly every one that is not, without a search.

/// The ports of a list, by their lowest bits: a few lines of memory, while the ports of a capture are everywhere.
pub(crate) struct PortSieve<const WORDS: usize>([u64; WORDS]);

impl<const WORDS: usize> PortSieve<WORDS> {
    /// The sieve of all ports in `lists`.
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    pub(crate) const fn of(lists: &[&[u16]]) -> Self {
        let mut words = [0; WORDS];
        let mut list = 0;
        while list < lists.len() {
            let mut i = 0;
            while i < lists[list].len() {
                let (word, bit) = Self::place(lists[list][i]);
                words[word] |= 1 << bit;
                i += 1;
            }
            list += 1;
        }
        Self(words)
    }

    /// Whether `port` may be in a list: it is, or is a multiple of the sieve's bits away from one that is.
    #[inline]
    pub(crate) fn may_have(&self, port: u16) -> bool {
        let (word, bit) = Self::place(port);
        self.0.get(word).is_some_and(|word| word >> bit & 1 != 0)
    }

    const fn place(port: u16) -> (usize, u32) {
        let bits = u64::BITS as usize;
        let place = port as usize % (WORDS * bits);
        (place / bits, (place % bits) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sieve_lets_through_its_ports_and_those_with_the_same_lowest_bits() {
        let sieve = PortSieve::<2>::of(&[&[0, 127], &[64 + 1024]]);
        for port in 0..=u16::MAX {
            let expected = matches!(port % 128, 0 | 64 | 127);
            assert_eq!(sieve.may_have(port), expected, "{port}");
        }
    }
}
