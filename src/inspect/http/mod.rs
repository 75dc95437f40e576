//! HTTP/1: whom requests are for, and where each one ends, so that the next in the connection is found.
//!
//! In: the client's bytes from the start of a request. Out: host names, and the length and framing of what follows. Knows
//! nothing of responses but their first bytes.

mod chunked;
mod head;
mod hosts;

use httparse::{EMPTY_HEADER, Status};

pub use self::chunked::ChunkedBody;
use self::head::Head;
pub(super) use self::hosts::Hosts;
use super::Outcome;
use crate::domain::DomainName;

/// Most bytes of a request's head that are waited for. Servers stop at 8 to 32 KiB themselves.
pub const MAX_HEAD: usize = 32 * 1024;

/// Headers that httparse has room for; heads with more of them are read by our own scan.
const MAX_HEADERS: usize = 128;
/// Longest method that is taken for one. The longest registered is UPDATEREDIRECTREF, 17 bytes.
const MAX_METHOD: usize = 24;

/// The head of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Bytes of the head, empty lines before it and the blank line at its end included.
    pub len: usize,
    /// The hosts that it names, each once, without ports: of the Host header first, then of its target (absolute form and
    /// CONNECT, RFC 9112 §3.2), then of further Host headers. An IPv6 address stands without its brackets.
    ///
    /// Of very many Host headers the first few and the last are read.
    pub hosts: Vec<DomainName>,
    /// What follows the head.
    pub body: Body,
    /// Whether it is a CONNECT: when the server agrees, something else follows the head.
    pub is_connect: bool,
    /// Whether it has an Upgrade header: when the server answers 101, something else follows the request. RFC 9110 §7.8.
    pub has_upgrade: bool,
    /// Whether that header names WebSocket, RFC 6455 §4.1.
    pub wants_web_socket: bool,
    /// Whether it brings or asks for a DNS message, RFC 8484 §4.1.
    pub carries_dns: bool,
    /// Whether it asks a tracker of BitTorrent for the peers of a torrent, BEP 3 and BEP 48.
    pub asks_tracker: bool,
    /// Whether a later Host header names another host than the first.
    pub host_conflict: bool,
}

/// How the end of a request's body is told.
///
/// Source: RFC 9112 §6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// There is no body, or nothing valid tells how long it is.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks: [`ChunkedBody`] walks them.
    Chunked,
}

/// Whether an HTTP/1 request could begin with `start`: a method in capital letters, then a blank, as far as there are bytes.
///
/// Any token that is written like a method will do; [`request`] looks at the whole line.
pub fn looks_like_request(start: &[u8]) -> bool {
    let start = without_empty_lines(start);
    let len = start
        .iter()
        .take(MAX_METHOD + 1)
        .take_while(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_'))
        .count();
    start.first().is_none_or(u8::is_ascii_uppercase)
        && len <= MAX_METHOD
        && start.get(len).is_none_or(|&byte| is_blank(byte))
}

/// Whether an HTTP/1 response begins with `prefix`; not before there are the 7 bytes that tell.
///
/// Source: RFC 9112 §4.
pub fn is_response(prefix: &[u8]) -> bool {
    prefix.starts_with(b"HTTP/1.")
}

/// Reads the head of a request.
///
/// * `prefix`: the client's bytes from the start of a request, in order, without gaps; call again with a longer one after
///   [`Outcome::NeedMore`].
/// * Any method in capital letters is taken when its line ends in a version, whatever its numbers: servers differ in what they
///   refuse. Lines that no server should accept (folded, with spaces before the colon, with bytes that no header may hold) hide
///   no other.
/// * A head that is longer than [`MAX_HEAD`] is told as if it ended with `prefix`, without a body.
///
/// Source: RFC 9112 §2 to §6.
pub fn request(prefix: &[u8]) -> Outcome<Request> {
    if !looks_like_request(prefix) {
        return Outcome::NotMine;
    }
    let mut slots = [EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut slots);
    match parsed.parse(prefix) {
        Ok(Status::Complete(len)) => {
            let mut head = Head::new(
                parsed.method.unwrap_or_default().as_bytes(),
                parsed.path.unwrap_or_default().as_bytes(),
            );
            for header in parsed.headers.iter() {
                head.add(header.name.as_bytes(), header.value);
            }
            Outcome::Found(head.into_request(len))
        }
        Ok(Status::Partial) if prefix.len() < MAX_HEAD => Outcome::NeedMore,
        Ok(Status::Partial) | Err(_) => match scan(prefix) {
            Scan::Whole(request) => Outcome::Found(request),
            Scan::Cut(_) | Scan::LineCut if prefix.len() < MAX_HEAD => Outcome::NeedMore,
            Scan::Cut(request) => Outcome::Found(request),
            Scan::LineCut | Scan::Other => Outcome::NotMine,
        },
    }
}

/// Reads what there is of the head of a request that will not come whole, because the capture cut packets short or lost one.
///
/// * `prefix`: as for [`request`].
/// * Lines that are cut are not read, so a name is never a part of a name. Without the whole request line, it is `None`.
/// * Where the head is not whole, it is told as if it ended with `prefix`, without a body.
pub fn request_partial(prefix: &[u8]) -> Option<Request> {
    match scan(prefix) {
        Scan::Whole(request) | Scan::Cut(request) => Some(request),
        Scan::LineCut | Scan::Other => None,
    }
}

/// What the lines of a head say.
enum Scan {
    /// The blank line is there.
    Whole(Request),
    /// The request line is there.
    Cut(Request),
    /// The request line is not whole yet.
    LineCut,
    /// It is no request.
    Other,
}

/// Reads a head line by line, and believes of each what can be believed.
fn scan(prefix: &[u8]) -> Scan {
    if !looks_like_request(prefix) {
        return Scan::Other;
    }
    let Some((line, mut rest)) = split_line(without_empty_lines(prefix)) else {
        return Scan::LineCut;
    };
    let Some((method, target)) = split_request_line(line) else {
        return Scan::Other;
    };
    let mut head = Head::new(method, target);
    // The name of the last header while it has no value, which a folded line may bring (RFC 9112 §5.2); `None` before the first
    // header, where there is nothing to fold.
    let mut unfinished: Option<&[u8]> = None;
    while let Some((line, after)) = split_line(rest) {
        rest = after;
        if line.is_empty() {
            return Scan::Whole(head.into_request(prefix.len() - rest.len()));
        }
        let (name, value) = match (unfinished, line) {
            (Some(name), [b' ' | b'\t', ..]) => (name, line),
            _ => split_header(line),
        };
        let value = value.trim_ascii();
        unfinished = Some(if value.is_empty() { name } else { &[] });
        head.add(name, value);
    }
    Scan::Cut(head.into_unfinished_request(prefix.len()))
}

/// Method and target of a request line that ends in a version.
fn split_request_line(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.trim_ascii_end();
    let (method, rest) = line.split_at_checked(line.iter().position(|&byte| is_blank(byte))?)?;
    let (target, version) =
        rest.split_at_checked(rest.iter().rposition(|&byte| is_blank(byte))?)?;
    // What HTTP/2 begins with is no method of HTTP/1, RFC 9113 §11.6.
    (is_version(version.get(1..)?) && method != b"PRI").then_some((method, target.trim_ascii()))
}

/// Whether `word` is `HTTP/` and two numbers with a dot between. Only one digit each is allowed (RFC 9112 §2.3), but `HTTP/01.10`
/// is answered by some.
fn is_version(word: &[u8]) -> bool {
    let is_number = |part: Option<&[u8]>| {
        part.is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
    };
    let Some(numbers) = word.strip_prefix(b"HTTP/") else {
        return false;
    };
    let mut parts = numbers.splitn(2, |&byte| byte == b'.');
    is_number(parts.next()) && is_number(parts.next())
}

/// Whether `byte` may part the words of a request line: a space, and what else servers take for one. RFC 9112 §3.
const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0b | 0x0c | b'\r')
}

/// Name and value of a header line. The name of one without a colon is the line.
fn split_header(line: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = line.splitn(2, |&byte| byte == b':');
    let mut part = || parts.next().unwrap_or_default().trim_ascii();
    (part(), part())
}

/// The first line of `bytes`, without its end (LF, or CR LF), and what follows it.
fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (line, rest) = bytes.split_at_checked(bytes.iter().position(|&byte| byte == b'\n')?)?;
    Some((line.strip_suffix(b"\r").unwrap_or(line), rest.get(1..)?))
}

/// `bytes` without the empty lines that may stand before a request, RFC 9112 §2.2.
fn without_empty_lines(bytes: &[u8]) -> &[u8] {
    let len = bytes
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    bytes.get(len..).unwrap_or(&[])
}

#[cfg(test)]
mod tests;
