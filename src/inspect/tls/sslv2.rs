//! The ClientHello of SSL 2, which clients of SSL 3 and TLS 1.0 sent as well, to be understood by every server.
//!
//! It has no extensions, so it names nothing; but a server of TLS answers with its certificate.

use crate::evidence::TlsVersion;
use crate::inspect::Outcome;
use crate::inspect::cursor::Cursor;

/// `MSG-CLIENT-HELLO`.
const CLIENT_HELLO: u8 = 1;
/// Bytes of a cipher specification.
const CIPHER_LEN: u16 = 3;

/// The version that a client offers in a hello of SSL 2.
///
/// * `prefix`: the client's bytes from the start of the flow, in order, without gaps.
/// * `NeedMore` only where something stands that can be nothing but such a hello.
///
/// Source: RFC 5246 §E.2; for version 2 itself, "The SSL Protocol" of 1995 §2.5.
pub fn sslv2_client_hello(prefix: &[u8]) -> Outcome<TlsVersion> {
    read(prefix).unwrap_or(Outcome::NotMine)
}

/// `None` where the fixed part is not there, or not such a hello's.
fn read(prefix: &[u8]) -> Option<Outcome<TlsVersion>> {
    let mut fields = Cursor(prefix);
    let header = fields.u16()?;
    let kind = fields.u8()?;
    let version = fields.u16()?;
    let [ciphers, session, challenge] = [fields.u16()?, fields.u16()?, fields.u16()?];
    // In 64 bits, for the lengths are anything.
    let len = [kind.into(), 2 + 6, ciphers, session, challenge];
    let len: u64 = len.into_iter().map(u64::from).sum();
    let is_hello = kind == CLIENT_HELLO
        && (version == 0x0002 || (0x0300..=0x0303).contains(&version))
        && ciphers > 0
        && ciphers % CIPHER_LEN == 0
        && matches!(session, 0 | 16)
        && (16..=32).contains(&challenge)
        && header & 0x8000 != 0
        && u64::from(header & 0x7fff) == len;
    if !is_hello {
        return None;
    }
    let is_whole = (prefix.len() as u64) >= 2 + len;
    Some(if is_whole {
        Outcome::Found(TlsVersion(version))
    } else {
        Outcome::NeedMore
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing::{each_mutation, hex};

    /// As OpenSSL 0.9.8 sends it.
    const HELLO: &str = "
        8025            # two-byte header, 37 bytes
        01 0301         # ClientHello, TLS 1.0
        000c 0000 0010  # 12 bytes of ciphers, no session, a challenge of 16
        000039 000038 000035 0700c0
        000102030405060708090a0b0c0d0e0f
    ";

    #[test]
    fn the_version_is_read() {
        let mut bytes = hex(HELLO);
        assert_eq!(
            sslv2_client_hello(&bytes),
            Outcome::Found(TlsVersion(0x0301))
        );
        bytes[3..5].copy_from_slice(&[0, 2]);
        assert_eq!(
            sslv2_client_hello(&bytes),
            Outcome::Found(TlsVersion(0x0002))
        );
        bytes[4] = 3;
        assert_eq!(sslv2_client_hello(&bytes), Outcome::NotMine);
    }

    #[test]
    fn a_cut_hello_needs_more_once_it_is_sure() {
        let bytes = hex(HELLO);
        for cut in 0..bytes.len() {
            let expected = if cut < 11 {
                Outcome::NotMine
            } else {
                Outcome::NeedMore
            };
            assert_eq!(sslv2_client_hello(&bytes[..cut]), expected, "{cut}");
        }
    }

    #[test]
    fn damage_never_panics_and_wrong_lengths_are_refused() {
        each_mutation(&hex(HELLO), 2000, |bytes| {
            let _ = sslv2_client_hello(bytes);
        });
        for at in [1, 6, 8, 10] {
            let mut bytes = hex(HELLO);
            bytes[at] ^= 1;
            assert_eq!(sslv2_client_hello(&bytes), Outcome::NotMine, "{at}");
        }
    }
}
