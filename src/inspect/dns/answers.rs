//! What a response says of addresses: where the name that was asked for leads, and for how long.
//!
//! In: a response's bytes. Out: the question's name, and the addresses. Knows nothing of who asked, and when.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use smallvec::SmallVec;

use super::name::{Labels, skip_name};
use super::record::{Record, kind};
use super::{Dialect, HEADER_LEN, Header, read_name};
use crate::domain::{DomainName, MAX_NAME_LEN};
use crate::inspect::cursor::Cursor;

/// Most records that are read of a message. A resolver's answer has a handful, of all sections a few dozen.
pub const MAX_RECORDS: usize = 128;
/// Most names that are followed from one question, its own included: aliases of aliases. Resolvers follow about a dozen.
pub const MAX_ALIASES: usize = 16;
/// Most addresses that are taken from a message.
pub const MAX_ADDRESSES: usize = 32;

/// The class of the Internet, RFC 1035 §3.2.4.
const IN: u16 = 1;

/// Parameters of a service with addresses in them, RFC 9460 §14.3.2.
const IPV4_HINT: u16 = 4;
const IPV6_HINT: u16 = 6;

/// Where a name leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// The name that was asked for.
    pub name: DomainName,
    /// Its addresses in the order of their records, 1 to [`MAX_ADDRESSES`]; one may be there twice.
    pub addresses: Addresses,
}

/// The addresses of one answer: a few, as a rule.
pub type Addresses = SmallVec<[Address; 2]>;

/// An address that a name leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub addr: IpAddr,
    /// Seconds for which the name leads there: the least of the record's and of those of the aliases that lead to it.
    pub ttl: u32,
}

/// Reads the addresses that a response gives for its question.
///
/// * `message`: the payload of a UDP datagram, or a message from a TCP connection without its length. Of one that is cut short,
///   the records before the cut count.
/// * Costs no allocation where no record leads anywhere.
/// * `None` for what is no response, says no address, or has another number of questions than one.
/// * Addresses are those of A and AAAA records, and the hints of HTTPS and SVCB records. They count if they belong to the question's
///   name or to an alias that it leads to (CNAME, the target of HTTPS and SVCB), in whatever order the records come, in whatever section.
/// * DNAME records are not looked at: a CNAME record for the very name stands beside each (RFC 6672 §3.1).
///
/// Source: RFC 1035 §4.1, RFC 3596 §2.2, RFC 9460 §2.2 and §7.3; RFC 2181 §8 for the time to live.
pub fn answers(message: &[u8]) -> Option<Answers> {
    let header = Header::read(message)?;
    let is_answer = header.is_response() && header.opcode() == 0 && header.rcode() == 0;
    if !is_answer || header.questions != 1 || header.records() == 0 {
        return None;
    }
    let question_end = skip_name(message, HEADER_LEN)? + 4;
    let records = Leading {
        message,
        at: question_end,
        left: header.records().min(MAX_RECORDS),
    };
    let mut addresses = Addresses::new();
    // Nearly every answer: addresses of the very name, and nothing else.
    let is_direct = records.clone().all(|lead| {
        let is_of_question = lead.is_of_question(message);
        if is_of_question {
            lead.tell_addresses(message, u32::MAX, &mut addresses);
        }
        is_of_question
    });
    if !is_direct {
        addresses.clear();
        follow(message, &records.collect::<Vec<_>>(), &mut addresses)?;
    }
    if addresses.is_empty() {
        return None;
    }
    let (name, end) = read_name(message, HEADER_LEN, Dialect::Dns).ok()?;
    let [_, _, class @ ..] = *message.get(end..)?.first_chunk::<4>()?;
    (u16::from_be_bytes(class) == IN).then_some(Answers {
        name: name?,
        addresses,
    })
}

/// Reads the answers in a TCP segment that begins with a message: those of every message that ends in it.
///
/// * `segment`: what was captured of its payload; `origlen`: the payload's length on the wire.
/// * What does not begin with a message is taken for one, and has to look like a response.
///
/// Source: RFC 1035 §4.2.2.
pub fn answers_over_tcp(segment: &[u8], origlen: usize) -> Vec<Answers> {
    let mut found = Vec::new();
    let mut rest = Cursor(segment);
    let mut left = origlen;
    while let Some(len) = rest.u16().map(usize::from) {
        left = left.saturating_sub(2);
        if len > left {
            break;
        }
        left -= len;
        let captured = rest.0.len().min(len);
        let message = rest.take(captured).unwrap_or_default();
        found.extend(answers(message));
    }
    found
}

/// A record that may say where a name leads.
struct Lead<'a> {
    /// Where its owner's name begins.
    at: usize,
    record: Record<'a>,
}

impl Lead<'_> {
    /// Whether it belongs to the question's name, says so with a pointer, and leads to no other name.
    fn is_of_question(&self, message: &[u8]) -> bool {
        points_to_question(message, self.at) && matches!(self.record.kind, kind::A | kind::AAAA)
    }

    /// Adds the addresses in it, where its owner leads for `ttl` seconds.
    fn tell_addresses(&self, message: &[u8], ttl: u32, addresses: &mut Addresses) {
        let ttl = record_ttl(&self.record).min(ttl);
        addresses_of(message, &self.record, |addr| {
            if addresses.len() < MAX_ADDRESSES {
                addresses.push(Address { addr, ttl });
            }
        });
    }
}

/// The leads among the records from `at` on.
#[derive(Clone)]
struct Leading<'a> {
    message: &'a [u8],
    at: usize,
    /// Records that are still to be read.
    left: usize,
}

impl<'a> Iterator for Leading<'a> {
    type Item = Lead<'a>;

    fn next(&mut self) -> Option<Lead<'a>> {
        loop {
            self.left = self.left.checked_sub(1)?;
            let record = Record::read(self.message, self.at)?;
            let at = std::mem::replace(&mut self.at, record.end);
            let leads_on = matches!(
                record.kind,
                kind::A | kind::AAAA | kind::CNAME | kind::SVCB | kind::HTTPS
            );
            if leads_on && record.class == IN {
                return Some(Lead { at, record });
            }
        }
    }
}

/// Adds the addresses of the question's name and of all that it leads to. `None` when it has no name that can be read.
fn follow(message: &[u8], leads: &[Lead<'_>], addresses: &mut Addresses) -> Option<()> {
    let mut names = Names::new(message);
    let owners: Vec<Option<Span>> = leads.iter().map(|lead| names.at(lead.at)).collect();
    let aliases = aliases(&mut names, &owners, leads)?;
    for (owner, lead) in owners.iter().zip(leads) {
        let leads_here = |alias: &&(Span, u32)| names.are_same(Some(alias.0), *owner);
        if let Some((_, ttl)) = aliases.iter().find(leads_here) {
            lead.tell_addresses(message, *ttl, addresses);
        }
    }
    Some(())
}

/// The names that the question leads to, itself the first, and for how many seconds. `None` when it has no name that can be read.
fn aliases(
    names: &mut Names<'_>,
    owners: &[Option<Span>],
    leads: &[Lead<'_>],
) -> Option<Vec<(Span, u32)>> {
    let mut aliases = vec![(names.at(HEADER_LEN)?, u32::MAX)];
    let mut next = 0;
    while let Some(&(name, ttl)) = aliases.get(next) {
        next += 1;
        for (owner, Lead { record, .. }) in owners.iter().zip(leads) {
            if !names.are_same(Some(name), *owner) {
                continue;
            }
            let Some(target) = target(names, record) else {
                continue;
            };
            let is_known = |alias: &(Span, u32)| names.are_same(Some(alias.0), Some(target));
            if aliases.len() < MAX_ALIASES && !aliases.iter().any(is_known) {
                aliases.push((target, record_ttl(record).min(ttl)));
            }
        }
    }
    Some(aliases)
}

/// The other name that a record leads to.
fn target(names: &mut Names<'_>, record: &Record<'_>) -> Option<Span> {
    let data = record.end - record.data.len();
    let at = match record.kind {
        kind::CNAME => data,
        // Behind the priority. The root stands for the owner itself, or for nothing. RFC 9460 §2.5.
        kind::SVCB | kind::HTTPS => data + 2,
        _ => return None,
    };
    let end = Labels::new(names.message, at).end().ok()?;
    names
        .at(at)
        .filter(|name| end <= record.end && name.start < name.end)
}

/// Tells every address in a record.
fn addresses_of(message: &[u8], record: &Record<'_>, mut tell: impl FnMut(IpAddr)) {
    match record.kind {
        kind::A => {
            if let Ok(bytes) = <[u8; 4]>::try_from(record.data) {
                tell(Ipv4Addr::from(bytes).into());
            }
        }
        kind::AAAA => {
            if let Ok(bytes) = <[u8; 16]>::try_from(record.data) {
                tell(Ipv6Addr::from(bytes).into());
            }
        }
        kind::SVCB | kind::HTTPS => hints(message, record, tell),
        _ => {}
    }
}

/// Tells every address that a service's parameters hint at.
fn hints(message: &[u8], record: &Record<'_>, mut tell: impl FnMut(IpAddr)) {
    let data = record.end - record.data.len();
    let Ok(names_end) = Labels::new(message, data + 2).end() else {
        return;
    };
    let mut rest = Cursor(message.get(names_end..record.end).unwrap_or_default());
    while let (Some(key), Some(len)) = (rest.u16(), rest.u16()) {
        let Some(value) = rest.take(len.into()) else {
            return;
        };
        match key {
            IPV4_HINT => {
                let (addrs, _) = value.as_chunks::<4>();
                addrs
                    .iter()
                    .for_each(|&addr| tell(Ipv4Addr::from(addr).into()));
            }
            IPV6_HINT => {
                let (addrs, _) = value.as_chunks::<16>();
                addrs
                    .iter()
                    .for_each(|&addr| tell(Ipv6Addr::from(addr).into()));
            }
            _ => {}
        }
    }
}

/// A time to live with its highest bit set is none, RFC 2181 §8.
const fn record_ttl(record: &Record<'_>) -> u32 {
    if record.ttl > i32::MAX as u32 {
        0
    } else {
        record.ttl
    }
}

/// Whether the name at `at` is nothing but a pointer to the question's.
fn points_to_question(message: &[u8], at: usize) -> bool {
    const POINTER: [u8; 2] = [0xc0, HEADER_LEN as u8];
    message
        .get(at..)
        .is_some_and(|name| name.starts_with(&POINTER))
}

/// Names of a message in a form in which equal names are equal bytes: lower case, every label behind its length, no pointers, no root.
struct Names<'a> {
    message: &'a [u8],
    /// One behind the other.
    bytes: Vec<u8>,
    /// The question's, once it was asked for: most records are of it, and say so with a pointer.
    question: Option<Span>,
}

/// Where a name stands in [`Names`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: usize,
    end: usize,
}

impl<'a> Names<'a> {
    /// No names yet, with room for the question's and some more.
    fn new(message: &'a [u8]) -> Self {
        let mut names = Self {
            message,
            bytes: Vec::with_capacity(2 * MAX_NAME_LEN),
            question: None,
        };
        names.question = names.at(HEADER_LEN);
        names
    }

    /// Reads the name at `at`.
    fn at(&mut self, at: usize) -> Option<Span> {
        let is_question = at == HEADER_LEN || points_to_question(self.message, at);
        if is_question && self.question.is_some() {
            return self.question;
        }
        let start = self.bytes.len();
        for label in Labels::new(self.message, at) {
            let Ok(label) = label else {
                self.bytes.truncate(start);
                return None;
            };
            // A label has 63 bytes at most.
            self.bytes.push(label.len() as u8);
            self.bytes.extend_from_slice(label);
        }
        let end = self.bytes.len();
        // Lengths are no letters.
        self.bytes.get_mut(start..)?.make_ascii_lowercase();
        Some(Span { start, end })
    }

    /// Whether both are names, and the same.
    fn are_same(&self, a: Option<Span>, b: Option<Span>) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => {
                a == b || self.bytes.get(a.start..a.end) == self.bytes.get(b.start..b.end)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
