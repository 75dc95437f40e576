//! TFTP: requests that name a file and a mode, and the blocks that follow on other ports.

use super::super::{Datagram, Likely, Look};
use crate::inspect::cursor::Cursor;
use crate::protocol::Protocol;

/// Operations. Source: RFC 1350 §5, RFC 2347 for the last.
const READ: u16 = 1;
const WRITE: u16 = 2;
const DATA: u16 = 3;
const ACKNOWLEDGEMENT: u16 = 4;
const ERROR: u16 = 5;
const OPTIONS: u16 = 6;

/// Modes of transfer, RFC 1350 §1.
const MODES: [&[u8]; 3] = [b"netascii", b"octet", b"mail"];
/// Options that servers agree to. Source: RFC 2348, RFC 2349, RFC 7440.
const OPTION_NAMES: [&[u8]; 5] = [
    b"blksize",
    b"timeout",
    b"tsize",
    b"windowsize",
    b"multicast",
];
/// Highest number of an error, RFC 2347 §5.
const MAX_ERROR: u16 = 8;
/// Bytes of the smallest block that is believed, with its header: what RFC 1350 §2 has everybody send who agreed to nothing else.
const MIN_DATA_LEN: usize = 516;
/// How many blocks of one size, or acknowledgements, have to follow each other before they are believed.
const BLOCKS: u8 = 3;

/// Whether a datagram asks for a file, agrees to options or tells an error; perhaps, whether it is a block or acknowledges one.
pub(super) fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let mut cursor = Cursor(datagram.bytes);
    let operation = cursor.u16()?;
    match operation {
        READ | WRITE => is_request(cursor.0).then(|| Protocol::Tftp.into()),
        OPTIONS => is_agreement(cursor.0).then(|| Protocol::Tftp.into()),
        ERROR => is_error(cursor)?.then(|| Protocol::Tftp.into()),
        DATA if datagram.origlen >= MIN_DATA_LEN => likely(datagram.origlen, cursor.u16()?),
        ACKNOWLEDGEMENT if datagram.origlen == 4 => likely(datagram.origlen, cursor.u16()?),
        _ => None,
    }
}

/// Blocks are all of one size but for the last, and so are acknowledgements.
fn likely(len: usize, block: u16) -> Option<Look> {
    Some(Look::Likely(Likely {
        what: Protocol::Tftp.into(),
        mark: len as u64,
        count: Some(block),
        wanted: BLOCKS,
    }))
}

/// A name, a mode, and then perhaps options; each ends with a zero.
fn is_request(bytes: &[u8]) -> bool {
    let mut strings = bytes.split(|&byte| byte == 0);
    let (Some(name), Some(mode), Some(_)) = (strings.next(), strings.next(), strings.next()) else {
        return false;
    };
    !name.is_empty()
        && !name.iter().any(u8::is_ascii_control)
        && MODES.iter().any(|known| mode.eq_ignore_ascii_case(known))
}

fn is_agreement(bytes: &[u8]) -> bool {
    let mut strings = bytes.split(|&byte| byte == 0);
    let is_known = |name: &[u8]| {
        OPTION_NAMES
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
    };
    strings.next().is_some_and(is_known) && strings.next().is_some_and(|value| !value.is_empty())
}

/// A number, and a text that a zero ends.
fn is_error(mut cursor: Cursor<'_>) -> Option<bool> {
    let number = cursor.u16()?;
    let (0, text) = cursor.0.split_last()? else {
        return Some(false);
    };
    let is_text = text.len() > 3
        && text.first().is_some_and(u8::is_ascii_alphabetic)
        && text.iter().all(|byte| matches!(byte, b' '..=b'~'));
    Some(number <= MAX_ERROR && is_text)
}

#[cfg(test)]
mod tests {
    use super::super::tests::datagram;
    use super::*;

    #[test]
    fn requests_agreements_and_errors_are_told_anywhere() {
        for bytes in [
            &b"\0\x01boot/pxelinux.0\0octet\0tsize\x000\0"[..],
            b"\0\x02x\0NetASCII\0",
            b"\0\x06blksize\x001428\0",
            b"\0\x05\0\x01File not found\0",
        ] {
            assert_eq!(datagram(9999, bytes), Some(Protocol::Tftp), "{bytes:?}");
        }
        for bytes in [
            &b"\0\x01boot\0octet"[..],
            b"\0\x01\0octet\0",
            b"\0\x01x\0binary\0",
            b"\0\x05\0\x09File not found\0",
            b"\0\x05\0\x01File",
            b"\0\x06something\x001\0",
        ] {
            assert_eq!(datagram(69, bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn blocks_are_a_guess_that_counts() {
        let look = |bytes: &[u8], origlen| {
            of_datagram(&Datagram {
                bytes,
                origlen,
                src_port: 40000,
                dst_port: 9999,
            })
        };
        let Some(Look::Likely(guess)) = look(b"\0\x03\0\x07", 516) else {
            panic!("no guess");
        };
        assert_eq!((guess.count, guess.wanted), (Some(7), BLOCKS));
        assert!(look(b"\0\x04\0\x07", 4).is_some());
        assert_eq!(look(b"\0\x03\0\x07", 100), None);
        assert_eq!(look(b"\0\x04\0\x07", 5), None);
    }
}
