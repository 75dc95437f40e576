//! Google's QUIC before TLS: finds the host name in a client's CHLO message.
//!
//! The message is looked for, not arrived at: what stands before it (packet number, hash, frames of other types) changed its
//! form with every few versions, the message itself never did.
//!
//! Source: "QUIC Crypto" (A. Langley, W. Chang; Chromium project, 2013 to 2016), "Handshake message format".

use crate::domain::DomainName;

/// Tags of the message and of the value that is asked for.
const CHLO: [u8; 4] = *b"CHLO";
const SNI: [u8; 4] = *b"SNI\0";

/// How far into a packet the message may begin: behind the longest headers and an acknowledgement.
const MAX_BEGIN: usize = 256;

/// Most values in a message; Chromium's `kMaxEntries`.
const MAX_ENTRIES: usize = 128;

/// What a CHLO says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chlo {
    pub(super) server_name: Option<DomainName>,
}

/// Finds a CHLO in `packet`, and the host name in it. The table of its values must be there, and the host name as long as it says.
pub(super) fn chlo(packet: &[u8]) -> Option<Chlo> {
    let searched = packet.get(..MAX_BEGIN + CHLO.len()).unwrap_or(packet);
    let begin = searched.windows(CHLO.len()).position(|tag| tag == CHLO)?;
    read(packet.get(begin + CHLO.len()..)?)
}

/// Reads a message after its tag: the number of values and two bytes without meaning; for each value its tag and where it
/// ends, least significant byte first; the values.
fn read(message: &[u8]) -> Option<Chlo> {
    let (&[low, high, _, _], after) = message.split_first_chunk()?;
    let count = usize::from(u16::from_le_bytes([low, high]));
    if count > MAX_ENTRIES {
        return None;
    }
    let (table, values) = after.split_at_checked(count * 8)?;
    let mut start = 0;
    for entry in table.as_chunks().0 {
        let [tag @ .., a, b, c, d]: &[u8; 8] = entry;
        let end = usize::try_from(u32::from_le_bytes([*a, *b, *c, *d])).ok()?;
        if *tag == SNI {
            let server_name = DomainName::from_bytes(values.get(start..end)?);
            return Some(Chlo { server_name });
        }
        start = end;
    }
    Some(Chlo { server_name: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing::{each_mutation, hex};

    /// The front of a CHLO.
    const MESSAGE: &str = "
        43484c4f 0300 0000     # 'CHLO', 3 values
        50414400 04000000      # 'PAD', ends at 4
        534e4900 0d000000      # 'SNI', ends at 13
        56455200 11000000      # 'VER', ends at 17
        2d2d2d2d               # padding
        412e4578616d706c65     # 'A.Example'
        51303433               # 'Q043'
    ";

    fn named(name: &[u8]) -> Option<Chlo> {
        let server_name = DomainName::from_bytes(name);
        Some(Chlo { server_name })
    }

    #[test]
    fn the_host_name_is_found_wherever_the_message_begins() {
        for before in [0, 1, 40, MAX_BEGIN] {
            let packet = [vec![b'C'; before], hex(MESSAGE)].concat();
            assert_eq!(chlo(&packet), named(b"a.example"), "{before}");
        }
        let too_far = [vec![0; MAX_BEGIN + 1], hex(MESSAGE)].concat();
        assert_eq!(chlo(&too_far), None);
    }

    #[test]
    fn every_prefix_is_no_message_until_the_name_is_there() {
        let message = hex(MESSAGE);
        let end_of_name = 8 + 3 * 8 + 13;
        for cut in 0..=message.len() {
            let expected = if cut < end_of_name {
                None
            } else {
                named(b"a.example")
            };
            assert_eq!(chlo(&message[..cut]), expected, "{cut}");
        }
    }

    #[test]
    fn a_message_without_a_name_is_a_message() {
        assert_eq!(chlo(&hex("43484c4f 0000 0000")), named(b""));
        assert_eq!(
            chlo(&hex("43484c4f 0100 0000 56455200 04000000 51303433")),
            named(b"")
        );
        // More values than there may be; values that end before they begin.
        assert_eq!(
            chlo(&[&hex("43484c4f 8100 0000")[..], &[0; 2000]].concat()),
            None
        );
        assert_eq!(
            chlo(&hex(
                "43484c4f 0200 0000 50414400 04000000 534e4900 01000000 00000000"
            )),
            None
        );
    }

    #[test]
    fn damaged_messages_never_panic() {
        each_mutation(&hex(MESSAGE), 5000, |bytes| {
            let _ = chlo(bytes);
        });
    }
}
