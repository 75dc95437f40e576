//! Resource records: what stands behind a message's questions.

use super::name::skip_name;
use crate::inspect::cursor::Cursor;

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
    pub(super) fn read(message: &'a [u8], at: usize) -> Option<Self> {
        let name_end = skip_name(message, at)?;
        let mut rest = Cursor(message.get(name_end..)?);
        let kind = rest.u16()?;
        let class = rest.u16()?;
        let ttl = u32::from(rest.u16()?) << 16 | u32::from(rest.u16()?);
        let len = rest.u16()?;
        Some(Self {
            is_of_root: name_end == at + 1,
            kind,
            class,
            ttl,
            data: rest.take(len.into())?,
            end: message.len() - rest.0.len(),
        })
    }
}
