//! Resource records: what stands behind a message's questions.

use super::name::skip_name;

/// Types of records, IANA registry "DNS Resource Record (RR) TYPEs".
pub(super) mod kind {
    pub(in super::super) const A: u16 = 1;
    pub(in super::super) const CNAME: u16 = 5;
    pub(in super::super) const SOA: u16 = 6;
    pub(in super::super) const SIG: u16 = 24;
    pub(in super::super) const AAAA: u16 = 28;
    pub(in super::super) const OPT: u16 = 41;
    pub(in super::super) const SVCB: u16 = 64;
    pub(in super::super) const HTTPS: u16 = 65;
    pub(in super::super) const TSIG: u16 = 250;
    pub(in super::super) const IXFR: u16 = 251;
}

/// A record, RFC 1035 §4.1.3.
pub(super) struct Record<'a> {
    pub(super) is_of_root: bool,
    pub(super) kind: u16,
    pub(super) class: u16,
    /// Seconds that it may be kept for.
    pub(super) ttl: u32,
    pub(super) data: &'a [u8],
    /// Where it ends in its message; its data ends there too.
    pub(super) end: usize,
}

impl<'a> Record<'a> {
    /// The record at `at`; `None` when it does not end in `message`.
    #[inline]
    pub(super) fn read(message: &'a [u8], at: usize) -> Option<Self> {
        let name_end = skip_name(message, at)?;
        let (fixed, rest) = message.get(name_end..)?.split_first_chunk::<10>()?;
        let [kind, kind_low, class, class_low, ttl @ .., len, len_low] = *fixed;
        let data = rest.get(..usize::from(u16::from_be_bytes([len, len_low])))?;
        Some(Self {
            is_of_root: name_end == at + 1,
            kind: u16::from_be_bytes([kind, kind_low]),
            class: u16::from_be_bytes([class, class_low]),
            ttl: u32::from_be_bytes(ttl),
            data,
            end: name_end + fixed.len() + data.len(),
        })
    }
}
