//! Links to Tor's relays, by the certificate that a relay makes up for them.
//!
//! In: the name that a client asks for, and the server's certificate, of TLS up to 1.2. Out: whether that is Tor beyond doubt.
//! Links of TLS 1.3 show nothing.

use std::ops::RangeInclusive;

use super::certificate::lone_common_names;
use crate::domain::DomainName;

/// Letters of the hosts that a client and a relay make up.
///
/// Source: Tor, `tor_tls_new` and `tor_tls_context_init_one` in `src/lib/tls`, `crypto_random_hostname`.
const ASKED_LEN: RangeInclusive<usize> = 4..=25;
const CERTIFIED_LEN: RangeInclusive<usize> = 8..=20;

/// Whether a client of Tor may have made up this name: `www.`, letters of base 32, `.com`.
///
/// Says little by itself: `www.example.com` is such a name.
pub fn may_be_made_up(name: &DomainName) -> bool {
    label(name.as_str(), ".com").is_some_and(|label| ASKED_LEN.contains(&label.len()))
}

/// Whether `certificate`, in DER, is one of those that relays make up, answering a client that asked for `asked`.
///
/// * Its subject is a host in `.net` and nothing else, its issuer another in `.com`, both of random letters of base 32, and it has
///   no extensions. Of letters without any digit, which one in several hundred has, nobody can tell whether they are random.
pub(super) fn is_certificate(certificate: &[u8], asked: Option<&DomainName>) -> bool {
    let Some((issuer, subject)) = lone_common_names(certificate) else {
        return false;
    };
    let labels = label(issuer.as_str(), ".com").zip(label(subject.as_str(), ".net"));
    let is_random = labels.is_some_and(|(issuer, subject)| {
        let has_digit = |label: &str| label.bytes().any(|byte| byte.is_ascii_digit());
        CERTIFIED_LEN.contains(&issuer.len())
            && CERTIFIED_LEN.contains(&subject.len())
            && issuer != subject
            && (has_digit(issuer) || has_digit(subject))
    });
    is_random && asked.is_none_or(|asked| may_be_made_up(asked) && *asked != issuer)
}

/// The letters of base 32 between `www.` and `end`.
fn label<'a>(name: &'a str, end: &str) -> Option<&'a str> {
    let label = name.strip_prefix("www.")?.strip_suffix(end)?;
    let is_random = label
        .bytes()
        .all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'));
    is_random.then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing::{each_mutation, hex};

    /// A certificate such as a relay makes: version 3, a serial number of 8 bytes, no extensions.
    const CERTIFICATE: &str = include_str!("hellos/tor_certificate.hex");
    const ISSUER: &str = "www.k5rqf2hxwmgo7e.com";
    const SUBJECT: &str = "www.c3yzt6bnlauv.net";

    fn name(text: &str) -> DomainName {
        DomainName::from_bytes(text.as_bytes()).unwrap()
    }

    fn is_tor(certificate: &[u8]) -> bool {
        is_certificate(certificate, None)
    }

    /// `bytes` with other letters in the place of some.
    fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let mut places = bytes.windows(from.len());
        let at = places.position(|there| there == from.as_bytes()).unwrap();
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        bytes
    }

    #[test]
    fn a_made_up_certificate_is_told_for_a_made_up_name_or_none() {
        let certificate = hex(CERTIFICATE);
        assert_eq!(
            lone_common_names(&certificate),
            Some((name(ISSUER), name(SUBJECT)))
        );
        assert!(is_certificate(&certificate, None));
        for (asked, is_it) in [
            ("www.q4x7mzo.com", true),
            ("www.abcd.com", true),
            ("www.abc.com", false),
            ("www.abcd.net", false),
            ("www.abcd1.com", false),
            ("abcdefgh.com", false),
            ("www.abcdefghijklmnopqrstuvwxyz.com", false),
            (ISSUER, false),
            (SUBJECT, false),
        ] {
            let asked = name(asked);
            assert_eq!(is_certificate(&certificate, Some(&asked)), is_it, "{asked}");
        }
    }

    #[test]
    fn a_certificate_that_anybody_else_might_have_is_none() {
        for (from, to) in [
            (SUBJECT, "www.c3yzt6bnlauv.org"),
            (SUBJECT, "wwx.c3yzt6bnlauv.net"),
            (SUBJECT, "www.c3yzt6bnl-uv.net"),
            (SUBJECT, "www.c3yzt6b.lauv.net"),
            (ISSUER, "www.k5rqf2hxwmgo8e.com"),
            (ISSUER, "www.k5rqf2hxwmgo7e.net"),
        ] {
            assert!(!is_tor(&replaced(&hex(CERTIFICATE), from, to)), "{to}");
        }
        // The attribute is a country, and no common name.
        let mut other = hex(CERTIFICATE);
        let at = other.windows(3).rposition(|oid| oid == [0x55, 4, 3]);
        other[at.unwrap() + 2] = 6;
        assert!(!is_tor(&other));
    }

    #[test]
    fn words_are_not_taken_for_random_letters() {
        let words = [
            (SUBJECT, "www.abbreviation.net"),
            (ISSUER, "www.authentication.com"),
        ];
        for (from, to) in words {
            assert!(is_tor(&replaced(&hex(CERTIFICATE), from, to)), "{to}");
        }
        let both = words.iter().fold(hex(CERTIFICATE), |bytes, (from, to)| {
            replaced(&bytes, from, to)
        });
        assert!(!is_tor(&both));
    }

    #[test]
    fn a_cut_or_damaged_certificate_is_no_reason_to_panic() {
        let certificate = hex(CERTIFICATE);
        for cut in 0..certificate.len() {
            assert!(!is_tor(&certificate[..cut]), "{cut}");
        }
        each_mutation(&certificate, 2000, |damaged| {
            is_tor(damaged);
        });
    }
}
