//! What is gathered from a request's target and headers, whoever split them.

use super::hosts::{Hosts, host_of};
use super::{Body, Request};
use crate::domain::DomainName;

/// Bytes of the hash that names a torrent: SHA-1's, and SHA-256 cut to it. BEP 3, BEP 52.
const INFO_HASH_LEN: usize = 20;

/// A head, header by header.
pub(super) struct Head {
    /// Of its Host headers.
    hosts: Hosts,
    target_host: Option<DomainName>,
    length: Length,
    /// Whether the last Transfer-Encoding ends in `chunked`; `None` without one.
    is_chunked: Option<bool>,
    is_connect: bool,
    has_upgrade: bool,
    wants_web_socket: bool,
    carries_dns: bool,
    asks_tracker: bool,
}

/// What the Content-Length headers say together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Length {
    Absent,
    Is(u64),
    /// No number, or not always the same.
    Invalid,
}

impl Head {
    /// The head that begins with this request line.
    pub(super) fn new(method: &[u8], target: &[u8]) -> Self {
        let is_connect = method == b"CONNECT";
        let authority = if is_connect {
            Some(target)
        } else {
            authority_of(target)
        };
        Self {
            hosts: Hosts::default(),
            target_host: authority.and_then(host_of),
            length: Length::Absent,
            is_chunked: None,
            is_connect,
            has_upgrade: false,
            wants_web_socket: false,
            carries_dns: false,
            asks_tracker: method == b"GET" && has_info_hash(target),
        }
    }

    /// Takes in a header.
    pub(super) fn add(&mut self, name: &[u8], value: &[u8]) {
        if name.eq_ignore_ascii_case(b"host") {
            self.hosts.add(value);
        } else if name.eq_ignore_ascii_case(b"content-length") {
            for text in value.split(|&byte| byte == b',') {
                self.length = self.length.and(text.trim_ascii());
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            let last = value.rsplit(|&byte| byte == b',').next();
            let last = last.unwrap_or_default().trim_ascii();
            self.is_chunked = Some(last.eq_ignore_ascii_case(b"chunked"));
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            self.has_upgrade = true;
            self.wants_web_socket |= lists(value, b"websocket");
        } else if name.eq_ignore_ascii_case(b"content-type") || name.eq_ignore_ascii_case(b"accept")
        {
            self.carries_dns |= lists(value, b"application/dns-message");
        }
    }

    /// The request, after its last header; its head has `len` bytes.
    pub(super) fn into_request(self, len: usize) -> Request {
        // Transfer-Encoding overrules Content-Length, also where the receiver doesn't know it. RFC 9112 §6.3.
        let body = match (self.is_chunked, self.length) {
            _ if self.is_connect => Body::None,
            (Some(true), _) => Body::Chunked,
            (None, Length::Is(len)) if len > 0 => Body::Length(len),
            _ => Body::None,
        };
        let mut request = self.into_unfinished_request(len);
        request.body = body;
        request
    }

    /// The request, of whose head there are only `len` bytes.
    pub(super) fn into_unfinished_request(self, len: usize) -> Request {
        let mut hosts = self.hosts.into_names();
        let host_conflict = hosts.len() > 1;
        if let Some(host) = self.target_host.filter(|host| !hosts.contains(host)) {
            hosts.insert(hosts.len().min(1), host);
        }
        Request {
            len,
            hosts,
            body: Body::None,
            is_connect: self.is_connect,
            has_upgrade: self.has_upgrade,
            wants_web_socket: self.wants_web_socket,
            carries_dns: self.carries_dns,
            asks_tracker: self.asks_tracker,
            host_conflict,
        }
    }
}

impl Length {
    fn and(self, text: &[u8]) -> Self {
        let digits = text.iter().all(u8::is_ascii_digit).then_some(text);
        let number = digits.and_then(|text| str::from_utf8(text).ok()?.parse().ok());
        match (self, number) {
            (Self::Absent, Some(len)) => Self::Is(len),
            (Self::Is(first), Some(len)) if first == len => self,
            _ => Self::Invalid,
        }
    }
}

/// Whether `word` is among the values in a list, each of which may have parameters.
fn lists(list: &[u8], word: &[u8]) -> bool {
    list.split(|&byte| byte == b',').any(|value| {
        let value = value.split(|&byte| byte == b';').next();
        value.is_some_and(|value| value.trim_ascii().eq_ignore_ascii_case(word))
    })
}

/// Whether a target's query names a torrent by its hash as trackers are asked for it.
///
/// * The hash is all that counts: trackers are reached under many paths.
///
/// Source: BEP 3, trackers; RFC 3986 §2.1 for how its bytes are written.
fn has_info_hash(target: &[u8]) -> bool {
    let Some(at) = target.iter().position(|&byte| byte == b'?') else {
        return false;
    };
    let query = target.get(at + 1..).unwrap_or_default();
    query
        .split(|&byte| byte == b'&')
        .filter_map(|pair| pair.strip_prefix(b"info_hash="))
        .any(|hash| written_len(hash) == Some(INFO_HASH_LEN))
}

/// Bytes that a percent-encoded value stands for; `None` when it is not sound.
fn written_len(value: &[u8]) -> Option<usize> {
    let mut rest = value;
    let mut len = 0;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = match byte {
            b'%' => match behind.split_first_chunk::<2>() {
                Some((digits, behind)) if digits.iter().all(u8::is_ascii_hexdigit) => behind,
                _ => return None,
            },
            _ => behind,
        };
        len += 1;
    }
    Some(len)
}

/// The authority in a target of absolute form, such as `http://user@example.com:8080/path`.
fn authority_of(target: &[u8]) -> Option<&[u8]> {
    if !target.first()?.is_ascii_alphabetic() {
        return None;
    }
    let colon = target.iter().position(|&byte| byte == b':')?;
    let rest = target.get(colon..)?.strip_prefix(b"://")?;
    rest.split(|byte| matches!(byte, b'/' | b'?' | b'#')).next()
}
