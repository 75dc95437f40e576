//! IKE, and what it sets up where addresses are translated: ESP in UDP.
//!
//! In: a datagram, or what a connection begins with. Out: IKE beyond doubt; IPsec when packets of one association follow each other.

use crate::inspect::signature::numbers::{be16, be32, be64};
use crate::inspect::signature::{Datagram, Likely, Look, Opening, Recognised};
use crate::protocol::Protocol;

/// Bytes of IKE's header, RFC 7296 §3.1.
const HEADER_LEN: usize = 28;
/// The port of both where addresses are translated, RFC 3948 §2.
const NAT_PORT: u16 = 4500;
/// Bytes before an IKE message on that port: no ESP, RFC 3948 §2.2.
const MARKER_LEN: usize = 4;
/// What a connection with IKE in it begins with, RFC 9329 §2.
const STREAM_PREFIX: &[u8] = b"IKETCP";
/// Security parameter indexes up to this are reserved, RFC 4303 §2.1.
const MAX_RESERVED_SPI: u32 = 255;
/// Bytes of ESP up to what is encrypted.
const ESP_HEADER_LEN: usize = 8;

/// Tells IKE, versions 1 and 2, bare or behind the marker that it is no ESP.
///
/// Source: RFC 7296 §3.1; RFC 2408 §3.1; RFC 3948 §2.2; IANA, IKEv2 Parameters and ISAKMP Exchange Types.
pub(super) fn datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let bytes = datagram.bytes;
    let is_ours = if be32(bytes, 0)? == 0 {
        let len = datagram.origlen.checked_sub(MARKER_LEN)?;
        is_message(bytes.get(MARKER_LEN..)?, len)
    } else {
        is_message(bytes, datagram.origlen)
    };
    is_ours.then(|| Protocol::Ike.into())
}

/// Guesses at ESP in UDP: packets of one association whose sequence goes up.
///
/// Source: RFC 3948 §2.1; RFC 4303 §2.
pub(super) fn payload(datagram: &Datagram<'_>) -> Option<Look> {
    if datagram.src_port != NAT_PORT && datagram.dst_port != NAT_PORT {
        return None;
    }
    let spi = be32(datagram.bytes, 0).filter(|spi| *spi > MAX_RESERVED_SPI)?;
    let sequence = be32(datagram.bytes, 4).filter(|sequence| *sequence != 0)?;
    (datagram.origlen > ESP_HEADER_LEN).then_some(Look::Likely(Likely {
        what: Protocol::Ipsec.into(),
        mark: u64::from(spi) << 16 | u64::from(sequence >> 16),
        count: be16(datagram.bytes, 6),
        wanted: 3,
    }))
}

/// Tells IKE over TCP by its prefix.
///
/// Source: RFC 9329 §2.
pub(super) fn stream(opening: &Opening<'_>) -> Option<Recognised> {
    opening
        .client
        .starts_with(STREAM_PREFIX)
        .then(|| Protocol::Ike.into())
}

/// Whether `bytes`, as far as they were captured, are a message of `origlen` bytes.
fn is_message(bytes: &[u8], origlen: usize) -> bool {
    let &[next, version, exchange, flags] = bytes
        .get(16..)
        .and_then(|rest| rest.first_chunk())
        .unwrap_or(&[0; 4]);
    let is_kind = match version {
        // Base to informational, quick mode, new group mode; payloads to NAT-OA, and those of its drafts.
        0x10 => {
            matches!(exchange, 1..=6 | 32..=33)
                && matches!(next, 0..=21 | 130..=132)
                && flags & 0xf8 == 0
        }
        // IKE_SA_INIT to the last that is registered; payloads from SA on.
        0x20 => matches!(exchange, 34..=44) && matches!(next, 0 | 33..=55) && flags & 0xc7 == 0,
        _ => false,
    };
    let is_len = be32(bytes, 24).is_some_and(|len| len as usize == origlen);
    is_kind && is_len && origlen >= HEADER_LEN && be64(bytes, 0).is_some_and(|spi| spi != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::signature::testing::{
        self, damage_datagram, damage_stream, listen, look_at,
    };
    use crate::inspect::testing::hex;

    /// IKE_SA_INIT of version 2 with an empty SA, and main mode of version 1.
    const INIT: &str = "05ac0f4d122013f4 0000000000000000 21 20 22 08 00000000 00000020 00000004";
    const MAIN: &str = "05ac0f4d122013f4 0000000000000000 01 10 02 00 00000000 00000020 00000004";

    #[test]
    fn messages_are_told_bare_and_behind_the_marker() {
        for text in [INIT, MAIN] {
            let marked = hex(&format!("00000000 {text}"));
            for bytes in [hex(text), marked] {
                assert_eq!(
                    look_at(datagram, &bytes),
                    Some(Protocol::Ike.into()),
                    "{text}"
                );
                damage_datagram(datagram, &bytes, bytes.len());
            }
        }
    }

    #[test]
    fn messages_that_do_not_fit_are_none() {
        for (from, to) in [
            ("20 22 08", "30 22 08"),
            ("20 22 08", "20 02 08"),
            ("00000020", "00000021"),
            ("05ac0f4d122013f4", "0000000000000001 "),
        ] {
            let mut bytes = hex(&INIT.replacen(from, to, 1));
            if to.len() == 17 {
                bytes[7] = 0;
            }
            assert_eq!(look_at(datagram, &bytes), None, "{to}");
        }
    }

    #[test]
    fn esp_in_udp_is_a_guess_on_its_port() {
        let bytes = [&hex("c0ffee01 00010002")[..], &[0x5a; 64]].concat();
        let Some(Look::Likely(guess)) = payload(&testing::datagram(&bytes, 4500, 61_000)) else {
            panic!();
        };
        assert_eq!((guess.mark, guess.count), (0xc0ff_ee01_0001, Some(2)));
        assert_eq!(look_at(payload, &bytes), None);
        testing::each_prefix_and_mutation(&bytes, |bytes| {
            payload(&testing::datagram(bytes, 4500, 4500));
        });
    }

    #[test]
    fn a_connection_is_told_by_its_prefix() {
        assert_eq!(
            listen(stream, b"IKETCP\0\x24", b""),
            Some(Protocol::Ike.into())
        );
        damage_stream(stream, [b"IKETCP", b""], [6, 0]);
    }
}
