//! Whether bytes are DNS beyond doubt: for ports where none is expected.
//!
//! A chance is not taken: of 12 bytes of header at most five bits of flags are free, the counts are nearly all given, and what
//! follows must be a printable name with an assigned type and class, and end where the bytes end. Random bytes get as far as
//! the end of the header once in 2^60 datagrams; other protocols are tried in the tests.

use super::name::{Labels, Stop};
use super::record::{Record, kind};
use super::{HEADER_LEN, Header, Outcome};
use crate::inspect::cursor::Cursor;

/// Shortest message with a question: the root's.
const MIN_LEN: usize = HEADER_LEN + 5;
/// Longest message that is waited for before its header is there. No text begins with a length below this.
const MAX_UNSEEN_LEN: usize = 512;

/// Operations, IANA registry "DNS OpCodes".
mod opcode {
    pub(super) const QUERY: u16 = 0;
    pub(super) const NOTIFY: u16 = 4;
    pub(super) const UPDATE: u16 = 5;
}

/// Whether a datagram is a message of DNS beyond doubt: for ports where none is expected.
///
/// * A query, notification or update, or the answer to one, of one question (RFC 9619) with a known type and class and a
///   printable name, in which every byte belongs to a record that the header counts.
/// * NetBIOS names, which have the same format, are none; nor is what has neither number nor flags, as multicast DNS asks.
/// * One that the capture cut short is never sure.
pub fn is_surely_dns(datagram: &[u8]) -> bool {
    check(datagram).is_some()
}

/// Whether a TCP connection's bytes begin with a message of DNS beyond doubt: for ports where none is expected.
///
/// * `prefix`: one side's bytes from the start of a message, in order, without gaps.
/// * `Found` as soon as the question is there; a message that is wholly there is as [`is_surely_dns`] says.
/// * `NeedMore` is said only of what can't be text: whoever asks loses nothing of other protocols by waiting.
///
/// Source: RFC 1035 §4.2.2.
pub fn is_surely_dns_over_tcp(prefix: &[u8]) -> Outcome<()> {
    let mut rest = Cursor(prefix);
    let Some(len) = rest.u16().map(usize::from).filter(|&len| len >= MIN_LEN) else {
        return Outcome::NotMine;
    };
    let there = rest.0;
    if let Some(message) = there.get(..len) {
        return match check(message) {
            Some(()) => Outcome::Found(()),
            None => Outcome::NotMine,
        };
    }
    if there.len() < HEADER_LEN && len > MAX_UNSEEN_LEN || !can_be_header(there) {
        return Outcome::NotMine;
    }
    match read_question(there) {
        Ok((end, kind)) => match Header::read(there) {
            Some(header) if is_sane(&header, kind) && end <= len => Outcome::Found(()),
            _ => Outcome::NotMine,
        },
        Err(Some(Stop::Cut)) => Outcome::NeedMore,
        Err(_) => Outcome::NotMine,
    }
}

/// Where the first question ends, when it is beyond doubt: a printable name, a type and a class that are assigned.
pub(super) fn check_question(message: &[u8]) -> Option<usize> {
    read_question(message).ok().map(|(end, _)| end)
}

/// `Some` when everything in `message` is as [`is_surely_dns`] says.
fn check(message: &[u8]) -> Option<()> {
    let header = Header::read(message)?;
    // Cheap, and each turns away nearly everything.
    if header.questions != 1 || !can_be_header(message) {
        return None;
    }
    let (mut at, kind) = read_question(message).ok()?;
    if !is_sane(&header, kind) {
        return None;
    }
    let plain = usize::from(header.answers) + usize::from(header.authorities);
    for i in 0..header.records() {
        let record = Record::read(message, at)?;
        if i >= plain && !header.is_response() && !record.is_about_the_message() {
            return None;
        }
        at = record.end;
    }
    (at == message.len()).then_some(())
}

/// Whether the header that begins with `front` can be a sane one: what is not there yet is taken for good.
fn can_be_header(front: &[u8]) -> bool {
    let mut bytes = [0x5a, 0x5a, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for (byte, &there) in bytes.iter_mut().zip(front) {
        *byte = there;
    }
    // An incremental transfer may have an authority record; any question may turn out to be one.
    Header::read(&bytes)
        .is_some_and(|header| is_sane(&header, kind::IXFR) || is_sane(&header, kind::SOA))
}

/// Whether flags and counts are such as this operation has, with a question of type `kind`.
fn is_sane(header: &Header, kind: u16) -> bool {
    /// AA, TC, RA, Z and RCODE: for answers only, or for nobody.
    const NOT_IN_QUERIES: u16 = 0x06cf;
    const AA: u16 = 0x0400;
    const Z: u16 = 0x0040;
    if header.questions != 1 || header.id == 0 && header.flags == 0 {
        return false;
    }
    if header.is_response() {
        let is_known = matches!(
            header.opcode(),
            opcode::QUERY | opcode::NOTIFY | opcode::UPDATE
        );
        return is_known && header.flags & Z == 0 && header.rcode() <= 10;
    }
    // An OPT record, and one with a signature. RFC 6891 §6.1.1, RFC 8945 §5.1.
    if header.additionals > 2 {
        return false;
    }
    match header.opcode() {
        opcode::QUERY => {
            header.flags & NOT_IN_QUERIES == 0
                && header.answers == 0
                && header.authorities <= u16::from(kind == kind::IXFR)
        }
        // RFC 1996 §3.7.
        opcode::NOTIFY => {
            header.flags & NOT_IN_QUERIES & !AA == 0
                && header.answers <= 1
                && header.authorities == 0
        }
        // RFC 2136 §2.2, §2.3.
        opcode::UPDATE => header.flags & 0x07ff == 0 && kind == kind::SOA,
        _ => false,
    }
}

/// Where the first question ends, and its type; `Err` with what ended it too early, `None` for what is there and in doubt.
fn read_question(message: &[u8]) -> Result<(usize, u16), Option<Stop>> {
    let mut labels = Labels::new(message, HEADER_LEN);
    for (i, label) in labels.by_ref().enumerate() {
        let label = label.map_err(Some)?;
        // 16 bytes of a NetBIOS name, a letter from A to P for every half. RFC 1001 §14.1.
        let is_netbios =
            i == 0 && label.len() == 32 && label.iter().all(|byte| matches!(byte, b'A'..=b'P'));
        if is_netbios || !label.iter().all(u8::is_ascii_graphic) {
            return Err(None);
        }
    }
    let is_compressed = labels.is_compressed();
    let end = labels.end().map_err(Some)?;
    if is_compressed {
        return Err(None);
    }
    let mut rest = Cursor(message.get(end..).unwrap_or_default());
    let cut = Some(Stop::Cut);
    let (kind, class) = (rest.u16().ok_or(cut)?, rest.u16().ok_or(cut)?);
    // Types up to the last assigned of each range; IN, CH, HS, NONE, ANY.
    let is_known =
        matches!(kind, 1..=264 | 0x8000..=0x8001) && matches!(class, 1 | 3 | 4 | 254 | 255);
    if is_known {
        Ok((end + 4, kind))
    } else {
        Err(None)
    }
}

impl Record<'_> {
    /// Whether it is a record that a query may have: one that says something of the message itself.
    fn is_about_the_message(&self) -> bool {
        match self.kind {
            // Zero is what dnscrypt-proxy writes, which pads its queries with an OPT record and forgets to say so.
            0 | kind::OPT => self.is_of_root && is_options(self.data),
            kind::TSIG | kind::SIG => true,
            _ => false,
        }
    }
}

/// Whether `data` is a list of EDNS options to its last byte, RFC 6891 §6.1.2.
fn is_options(data: &[u8]) -> bool {
    let mut rest = Cursor(data);
    while !rest.0.is_empty() {
        let is_option = rest.u16().is_some()
            && rest
                .u16()
                .is_some_and(|len| rest.take(len.into()).is_some());
        if !is_option {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests;
