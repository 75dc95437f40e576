//! DNS and its kin on the local link: which names are asked for.
//!
//! In: a datagram's payload, or the bytes of a TCP connection. Out: the questions, and the addresses that answers give for them.
//!
//! Not dns-parser: it refuses a whole message for one type it doesn't know (HTTPS, which every browser asks for), and takes a
//! third of a second for a hostile one. It stands beside the tests, as a witness.

pub mod answers;
pub(super) mod name;
mod record;
mod strict;

use smallvec::SmallVec;

use self::name::{Labels, Stop};
use self::strict::check_question;
pub use self::strict::{is_surely_dns, is_surely_dns_over_tcp};
use super::Outcome;
use crate::domain::DomainName;
use crate::inspect::cursor::Cursor;

/// Most questions that are read of a message. Unicast DNS has one; multicast DNS asks for a few dozen names at once.
pub const MAX_QUESTIONS: usize = 64;

/// Bytes of a message's header, RFC 1035 §4.1.1.
const HEADER_LEN: usize = 12;
/// Fewest bytes of a question: the root's name, type, class. RFC 1035 §4.1.2.
const MIN_QUESTION_LEN: usize = 5;
/// Fewest bytes of a record: the root's name, type, class, time to live, and the length of no data. RFC 1035 §4.1.3.
const MIN_RECORD_LEN: usize = 11;

/// Which of the protocols that share DNS's format a message belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// DNS: the bytes of a name are ASCII, and others are escaped. RFC 1035.
    Dns,
    /// Multicast DNS: names are UTF-8, and the top bit of a question's class asks for a unicast response. RFC 6762 §5.4, §16.
    Mdns,
    /// Link-local multicast name resolution: names are UTF-8. RFC 4795 §2.1.
    Llmnr,
}

/// What a message asks, or repeats of what it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The number that its answer has too.
    pub id: u16,
    /// Whether it is an answer.
    pub is_response: bool,
    /// Its questions, at most [`MAX_QUESTIONS`]: those that could be read.
    pub questions: SmallVec<[Question; 1]>,
    /// How many more it claims to have than were looked at, past [`MAX_QUESTIONS`].
    pub unread_questions: u16,
}

/// A name that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The name; `None` is the root.
    pub name: Option<DomainName>,
    /// The type: `QTYPE`, RFC 1035 §3.2.3 and the IANA registry "DNS Resource Record (RR) TYPEs".
    pub qtype: u16,
    /// The class: `QCLASS`, RFC 1035 §3.2.5; for multicast DNS without its top bit.
    pub qclass: u16,
}

/// Reads the questions of a message, where a message is expected.
///
/// * `datagram`: the payload of a UDP datagram, or a message from a TCP connection without its length.
/// * One that is cut short gives the questions before the cut. What stands behind the questions is not looked at.
/// * Operations and answer codes that nobody has assigned are believed only beside a question that is beyond doubt.
/// * Never [`Outcome::NeedMore`]: a datagram is all there is.
///
/// Source: RFC 1035 §4.1.
pub fn message(datagram: &[u8], dialect: Dialect) -> Outcome<Message> {
    match read(datagram, dialect) {
        Some((message, _)) => Outcome::Found(message),
        None => Outcome::NotMine,
    }
}

/// Reads the questions of the message at the front of a TCP connection's bytes, where messages are expected.
///
/// * `prefix`: one side's bytes from the start of a message, in order, without gaps; call again with a longer one after
///   [`Outcome::NeedMore`].
/// * With the message comes its length, that of its length field included. It is told as soon as the questions are there,
///   so the length may be more than there is in `prefix`.
/// * A datagram on the port of DNS is hardly anything else, but a connection may be, and damaged besides. So the message must have
///   room for what its header counts, and its first question a name that is written out, and a class that is assigned.
///
/// Source: RFC 1035 §4.2.2; RFC 7766 §8. LLMNR frames its messages likewise.
pub fn tcp_message(prefix: &[u8], dialect: Dialect) -> Outcome<(usize, Message)> {
    let mut rest = Cursor(prefix);
    let Some(len) = rest.u16().map(usize::from) else {
        return Outcome::NeedMore;
    };
    let there = rest.0.get(..len).unwrap_or(rest.0);
    let is_whole = there.len() == len;
    if len < HEADER_LEN {
        return Outcome::NotMine;
    }
    if there.len() < HEADER_LEN {
        return Outcome::NeedMore;
    }
    if !has_room(there, len) {
        return Outcome::NotMine;
    }
    // Whatever the header says, the first question may bear it out; and how a message is cut into segments says nothing of it.
    let is_asking = Header::read(there).is_some_and(|header| header.questions > 0);
    let first = || read_question(there, HEADER_LEN, dialect);
    if is_asking && !is_whole && matches!(first(), Err(Stop::Cut)) {
        return Outcome::NeedMore;
    }
    match read(there, dialect) {
        Some((_, Some(Stop::Cut))) if !is_whole => Outcome::NeedMore,
        Some((message, stop)) if is_expected(&message, stop) => Outcome::Found((2 + len, message)),
        _ => Outcome::NotMine,
    }
}

/// Whether `len` bytes of a message that begins with `front` can hold what its header counts, and its first name points nowhere:
/// what could it point to, if not into the header?
fn has_room(front: &[u8], len: usize) -> bool {
    let Some(header) = Header::read(front) else {
        return false;
    };
    let questions = usize::from(header.questions) * MIN_QUESTION_LEN;
    let mut first = Labels::new(front, HEADER_LEN);
    while let Some(Ok(_)) = first.next() {}
    HEADER_LEN + questions + header.records() * MIN_RECORD_LEN <= len
        && !(header.questions > 0 && first.is_compressed())
}

/// Whether the first question that was read has an assigned class, and a type: IN, CH, HS, NONE, ANY, RFC 6895 §3.2; and where
/// `stop` ended the questions, whether there is one.
fn is_expected(message: &Message, stop: Option<Stop>) -> bool {
    match message.questions.first() {
        Some(first) => matches!(first.qclass, 1 | 3 | 4 | 254 | 255) && first.qtype != 0,
        None => stop.is_none(),
    }
}

/// The fixed part of a message, RFC 1035 §4.1.1.
struct Header {
    id: u16,
    flags: u16,
    questions: u16,
    answers: u16,
    authorities: u16,
    additionals: u16,
}

impl Header {
    fn read(message: &[u8]) -> Option<Self> {
        let (words, _) = message.first_chunk::<HEADER_LEN>()?.as_chunks::<2>();
        let mut words = words.iter().map(|&word| u16::from_be_bytes(word));
        Some(Self {
            id: words.next()?,
            flags: words.next()?,
            questions: words.next()?,
            answers: words.next()?,
            authorities: words.next()?,
            additionals: words.next()?,
        })
    }

    const fn is_response(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    const fn opcode(&self) -> u16 {
        self.flags >> 11 & 0xf
    }

    const fn rcode(&self) -> u16 {
        self.flags & 0xf
    }

    fn records(&self) -> usize {
        usize::from(self.answers) + usize::from(self.authorities) + usize::from(self.additionals)
    }

    /// Whether its codes are assigned (IANA registry "Domain Name System (DNS) Parameters"), and it is there for anything at all.
    fn is_plausible(&self) -> bool {
        // QUERY, IQUERY, STATUS, NOTIFY, UPDATE, DSO.
        let has_opcode = matches!(self.opcode(), 0..=2 | 4..=6);
        // NOERROR to NOTZONE, DSOTYPENI.
        let has_rcode = self.rcode() <= 11;
        let is_empty_query =
            !self.is_response() && self.opcode() == 0 && self.questions == 0 && self.records() == 0;
        has_opcode && has_rcode && !is_empty_query
    }
}

/// Whether a datagram asks for `name`, or repeats that it was asked for, and says nothing else that [`message`] would tell in
/// [`Dialect::Dns`].
///
/// Quick, and true for nearly every message that does. False also where something in the name is escaped, or the name's rest stands
/// elsewhere.
pub fn asks_only_for(datagram: &[u8], name: &DomainName) -> bool {
    let is_one =
        Header::read(datagram).is_some_and(|header| header.is_plausible() && header.questions == 1);
    let question = datagram.get(HEADER_LEN..).unwrap_or_default();
    let end = || name.written_out_len(question);
    // Behind the name stand its type and its class.
    is_one && end().is_some_and(|end| question.len() >= end + 4)
}

/// The message, and what ended its questions too early.
fn read(bytes: &[u8], dialect: Dialect) -> Option<(Message, Option<Stop>)> {
    let header = Header::read(bytes)?;
    if !header.is_plausible() && (header.questions == 0 || check_question(bytes).is_none()) {
        return None;
    }
    let count = usize::from(header.questions).min(MAX_QUESTIONS);
    let mut message = Message {
        id: header.id,
        is_response: header.is_response(),
        questions: SmallVec::with_capacity(count.min(bytes.len() / MIN_QUESTION_LEN)),
        unread_questions: 0,
    };
    let mut at = HEADER_LEN;
    for _ in 0..count {
        match read_question(bytes, at, dialect) {
            Ok((question, end)) => {
                message.questions.push(question);
                at = end;
            }
            Err(stop) => {
                // One question and its beginning, that is a message cut short. Anything else may be anything.
                let is_message = match stop {
                    Stop::Cut => header.questions == 1,
                    Stop::Malformed => false,
                };
                return (is_message || !message.questions.is_empty())
                    .then_some((message, Some(stop)));
            }
        }
    }
    message.unread_questions = header.questions.saturating_sub(MAX_QUESTIONS as u16);
    Some((message, None))
}

/// The question at `at` and where it ends.
fn read_question(message: &[u8], at: usize, dialect: Dialect) -> Result<(Question, usize), Stop> {
    let (name, end) = read_name(message, at, dialect)?;
    let rest = message.get(end..).and_then(<[u8]>::first_chunk);
    let &[qtype, qtype_low, qclass, qclass_low] = rest.ok_or(Stop::Cut)?;
    let qclass = u16::from_be_bytes([qclass, qclass_low]);
    let question = Question {
        name,
        qtype: u16::from_be_bytes([qtype, qtype_low]),
        qclass: match dialect {
            Dialect::Mdns => qclass & 0x7fff,
            Dialect::Dns | Dialect::Llmnr => qclass,
        },
    };
    Ok((question, end + 4))
}

/// The name at `at` and where it ends.
fn read_name(
    message: &[u8],
    at: usize,
    dialect: Dialect,
) -> Result<(Option<DomainName>, usize), Stop> {
    let here = message.get(at..).unwrap_or(&[]);
    if let Some((name, len)) = DomainName::from_written_out(here) {
        return Ok((Some(name), at + len));
    }
    let mut labels = Labels::new(message, at);
    let name = match dialect {
        Dialect::Dns => DomainName::from_labels(&mut labels)?,
        Dialect::Mdns | Dialect::Llmnr => DomainName::from_utf8_labels(&mut labels)?,
    };
    Ok((name, labels.end()?))
}

#[cfg(test)]
mod tests;
