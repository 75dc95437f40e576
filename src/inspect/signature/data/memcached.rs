//! Memcached, in its text and its binary protocol, over TCP and UDP.
//!
//! In: what the two sides said first, or a datagram. Out: whether that is a request of Memcached, or an answer to one. Requests that
//! other protocols of text know too are believed with an answer that fits, or at Memcached's port.

use crate::inspect::signature::numbers::{be16, be32};
use crate::inspect::signature::row::row;
use crate::inspect::signature::{Datagram, Look, Opening, Recognised};
use crate::protocol::Protocol;

/// The port that Memcached is served at.
const PORT: u16 = 11_211;
/// Bytes of the frame header of a datagram, memcached's `doc/protocol.txt`, "UDP protocol".
const FRAME_LEN: usize = 8;
/// Bytes of the binary header, memcached's wiki, "BinaryProtocolRevamped".
const BINARY_HEADER_LEN: usize = 24;
/// The longest key, in bytes.
const MAX_KEY_LEN: usize = 250;

/// The longest body that is believed, in bytes: eight times what an item may have unless a server is told otherwise.
const MAX_BODY_LEN: u32 = 8 << 20;

/// How much a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    /// Nobody else says this.
    Sure,
    /// Others may say it.
    Open,
}

/// Memcached, when the client asks and nothing speaks against it, or the server answers.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    let is_told = match text_request(opening.client) {
        Some(Request::Sure) => true,
        Some(Request::Open) => {
            is_answered(opening) || opening.server.is_empty() && opening.server_port == PORT
        }
        None => {
            is_binary(opening.client, 0x80)
                || is_binary(opening.server, 0x81)
                || is_text_answer(opening.server)
        }
    };
    is_told.then_some(Protocol::Memcached.into())
}

/// Memcached, when the datagram's frame holds a request or an answer.
pub(super) fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let (sequence, total) = (be16(datagram.bytes, 2)?, be16(datagram.bytes, 4)?);
    if sequence >= total || be16(datagram.bytes, 6)? != 0 {
        return None;
    }
    let message = datagram.bytes.get(FRAME_LEN..)?;
    let is_at_home = datagram.src_port == PORT || datagram.dst_port == PORT;
    let is_told = match (total, text_request(message)) {
        (1, Some(request)) => request == Request::Sure || is_at_home,
        _ => {
            is_text_answer(message)
                || is_at_home && (is_binary(message, 0x80) || is_binary(message, 0x81))
        }
    };
    is_told.then_some(Protocol::Memcached.into())
}

/// Source: memcached's `doc/protocol.txt`.
fn text_request(bytes: &[u8]) -> Option<Request> {
    if !bytes.first()?.is_ascii_lowercase() {
        return None;
    }
    let (command, rest) = words(bytes)?;
    let mut rest = rest.filter(|word| !word.is_empty());
    match command {
        b"set" | b"add" | b"replace" | b"append" | b"prepend" | b"cas" => {
            let is_storage = is_key(rest.next())
                && is_number(rest.next())
                // A life that is over may be negative.
                && is_number(rest.next().map(|life| life.strip_prefix(b"-").unwrap_or(life)))
                && is_number(rest.next());
            is_storage.then_some(Request::Sure)
        }
        b"incr" | b"decr" | b"touch" => {
            (is_key(rest.next()) && is_number(rest.next())).then_some(Request::Open)
        }
        b"gat" | b"gats" => {
            (is_number(rest.next()) && is_key(rest.next())).then_some(Request::Open)
        }
        b"get" | b"gets" | b"delete" | b"mg" | b"ms" | b"md" | b"ma" => {
            is_key(rest.next()).then_some(Request::Open)
        }
        b"stats" | b"version" | b"flush_all" | b"verbosity" | b"mn" => Some(Request::Open),
        _ => None,
    }
}

/// The first word of the first line, which is there to its end, and the others.
fn words(bytes: &[u8]) -> Option<(&[u8], impl Iterator<Item = &[u8]>)> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    let line = bytes.get(..end)?.strip_suffix(b"\r")?;
    let mut words = line.split(|&byte| byte == b' ');
    Some((words.next()?, words))
}

fn is_key(word: Option<&[u8]>) -> bool {
    word.is_some_and(|word| word.len() <= MAX_KEY_LEN && word.iter().all(|&byte| byte > b' '))
}

/// Answers that nobody else gives: values with their numbers, statistics.
fn is_text_answer(bytes: &[u8]) -> bool {
    if !matches!(bytes.first(), Some(b'V' | b'S')) {
        return false;
    }
    let Some((kind, mut rest)) = words(bytes) else {
        return false;
    };
    match kind {
        b"VALUE" => is_key(rest.next()) && is_number(rest.next()) && is_number(rest.next()),
        b"STAT" => is_key(rest.next()) && rest.next().is_some(),
        _ => false,
    }
}

/// Whether the server answers in text as Memcached does.
fn is_answered(opening: &Opening<'_>) -> bool {
    // Beanstalkd, which knows some of the words, answers this one with a length.
    let is_count_of_others =
        opening.client.starts_with(b"stats") && opening.server.starts_with(b"OK ");
    is_any_text_answer(opening.server) && !is_count_of_others
}

/// Any answer to a request in text, to the end of its line.
fn is_any_text_answer(bytes: &[u8]) -> bool {
    const ANSWERS: [&[u8]; 16] = [
        b"END",
        b"STORED",
        b"NOT_STORED",
        b"EXISTS",
        b"NOT_FOUND",
        b"DELETED",
        b"TOUCHED",
        b"OK",
        b"RESET",
        b"ERROR",
        b"CLIENT_ERROR",
        b"SERVER_ERROR",
        b"VERSION",
        b"HD",
        b"EN",
        b"MN",
    ];
    let is_count = || {
        bytes
            .strip_suffix(b"\r\n")
            .is_some_and(|line| is_number(Some(line)))
    };
    is_text_answer(bytes)
        || words(bytes).is_some_and(|(word, _)| ANSWERS.contains(&word))
        || is_count()
}

/// A header of the binary protocol whose lengths fit its command: `magic` is 0x80 for requests, 0x81 for answers.
///
/// Source: memcached's wiki, "BinaryProtocolRevamped".
fn is_binary(bytes: &[u8], magic: u8) -> bool {
    row(bytes, BINARY_HEADER_LEN, |bytes| binary_len(bytes, magic)).is_some()
}

fn binary_len(bytes: &[u8], magic: u8) -> Option<usize> {
    let &[first, command, _, _, extras_len, data_type] = bytes.first_chunk()?;
    let (key_len, state) = (be16(bytes, 2)?, be16(bytes, 6)?);
    let body_len = be32(bytes, 8)?;
    // Set, add, replace; counting; append, prepend; flush and its like; touch and get with it; authentication.
    let (has_key, extras) = match command {
        0x01..=0x03 | 0x11..=0x13 => (true, 8),
        0x05 | 0x06 | 0x15 | 0x16 => (true, 20),
        0x00 | 0x04 | 0x09 | 0x0c..=0x0f | 0x14 | 0x19 | 0x1a | 0x21 | 0x22 => (true, 0),
        0x1b..=0x1e | 0x23 | 0x24 => (command != 0x1b, 4),
        0x07 | 0x0a | 0x0b | 0x17 | 0x20 => (false, 0),
        0x08 | 0x18 => (false, extras_len & 4),
        0x10 => (key_len > 0, 0),
        _ => return None,
    };
    // Behind key and extras: what is to be stored, or to be proved with.
    let has_value = matches!(
        command,
        0x01..=0x03 | 0x0e | 0x0f | 0x11..=0x13 | 0x19 | 0x1a | 0x21 | 0x22
    );
    let value_len = body_len.checked_sub(u32::from(key_len) + u32::from(extras_len))?;
    let fits = match magic {
        0x80 => {
            extras_len == extras
                && has_key == (key_len > 0)
                && (has_value || value_len == 0)
                && state < 0x400
        }
        _ => matches!(extras_len, 0 | 4 | 8) && state <= 0x86,
    };
    let is_header = first == magic
        && data_type == 0
        && fits
        && usize::from(key_len) <= MAX_KEY_LEN
        && body_len <= MAX_BODY_LEN;
    is_header.then_some(BINARY_HEADER_LEN + body_len as usize)
}

fn is_number(word: Option<&[u8]>) -> bool {
    word.is_some_and(|word| !word.is_empty() && word.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::super::tests::*;
    use super::*;
    use crate::inspect::testing::hex;

    const MEMCACHED: Protocol = Protocol::Memcached;

    #[test]
    fn a_stored_item_is_memcached() {
        assert_stream(
            MEMCACHED,
            ANY_PORT,
            b"set colour 0 3600 4\r\nblue\r\n",
            b"STORED\r\n",
        );
        assert_stream(
            MEMCACHED,
            ANY_PORT,
            b"",
            b"VALUE colour 0 4\r\nblue\r\nEND\r\n",
        );
    }

    #[test]
    fn open_requests_need_an_answer_or_the_port() {
        let version = b"VERSION 1.6.21\r\n";
        assert_stream(MEMCACHED, ANY_PORT, b"version\r\n", version);
        assert_stream(MEMCACHED, ANY_PORT, b"incr hits 1\r\n", b"17\r\n");
        assert_stream(MEMCACHED, PORT, b"stats\r\n", b"");
        assert_stream(
            MEMCACHED,
            PORT,
            b"stats\r\n",
            b"STAT pid 8837\r\nSTAT uptime 193\r\n",
        );
        assert_no_stream(ANY_PORT, b"stats\r\n", b"");
        assert_no_stream(ANY_PORT, b"stats\r\n", b"OK 922\r\n---\n");
        // Redis knows the word as well.
        let redis = stream_answers(PORT, b"get colour\r\n", b"$4\r\nblue\r\n");
        assert_eq!(redis, [Protocol::Redis.into()]);
        assert_no_stream(ANY_PORT, b"get /index.html\r\n", b"<html>");
    }

    #[test]
    fn the_binary_protocol_is_memcached() {
        let get = hex("80 00 0005 00 00 0000 00000005 00000000 0000000000000000 48656c6c6f");
        let found = hex("
            81 00 0000 04 00 0000 00000009 00000000 0000000000000001
            deadbeef 576f726c64");
        assert_stream(MEMCACHED, ANY_PORT, &get, &found);
        // A body too short for the key, and too long where nothing is stored; mostly zeros.
        for len in [4, 6] {
            let mut wrong = get.clone();
            wrong[11] = len;
            assert_no_stream(ANY_PORT, &wrong, &[]);
        }
        assert_no_stream(ANY_PORT, &[&[0x80, 0x1b][..], &[0; 30]].concat(), &[]);
    }

    #[test]
    fn datagrams_have_a_frame() {
        let framed = |text: &[u8]| [&[0, 7, 0, 0, 0, 1, 0, 0], text].concat();
        assert_datagram(MEMCACHED, PORT, &framed(b"stats\r\n"));
        assert_datagram(MEMCACHED, ANY_PORT, &framed(b"STAT pid 8837\r\n"));
        assert_datagram(MEMCACHED, ANY_PORT, &framed(b"set a 0 0 1\r\nx\r\n"));
        assert_eq!(datagram_answers(ANY_PORT, &framed(b"stats\r\n")), []);
        assert_eq!(datagram_answers(PORT, b"stats\r\n"), []);
    }
}
