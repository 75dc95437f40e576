//! The versions of QUIC: which of them can be read, and with which salt and labels.

use std::fmt;

use super::protection::Salt;

/// A version of QUIC, as its 32 bits stand in a packet.
///
/// Source: RFC 9000 §15; RFC 9369 §3.1; the IANA registry "QUIC Versions".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuicVersion(pub u32);

impl QuicVersion {
    /// RFC 9000.
    pub const V1: Self = Self(1);
    /// RFC 9369.
    pub const V2: Self = Self(0x6b33_43cf);
    /// What stands in the place of a version in a Version Negotiation packet, RFC 9000 §17.2.1.
    pub(super) const NEGOTIATION: Self = Self(0);

    /// How packets of this version are read; `None` when nothing is known of it.
    pub(super) fn dialect(self) -> Option<Dialect> {
        let sealed = match self.0 {
            1 | 0xff00_0021..=0xff00_0022 => &V1,
            0x6b33_43cf => &V2,
            0x709a_50c4 => &DRAFT_V2,
            0xff00_001d..=0xff00_0020 => &DRAFT_29,
            0xff00_0017..=0xff00_001c | MVFST_2 | MVFST_EXPERIMENTAL => &DRAFT_23,
            0xff00_0016 | MVFST_1 => &DRAFT_22,
            0x5130_3530 => &Q050,
            0x5430_3530 => &T050,
            0x5430_3531 => &T051,
            // Its packets are sealed as the client's newest version has it.
            _ if self.is_reserved() => &V1,
            _ => return self.google().map(|_| Dialect::Clear),
        };
        Some(Dialect::Sealed(sealed))
    }

    /// Whether it is reserved, so that a server has to refuse it and the client to begin anew. RFC 9000 §15.
    pub(super) const fn is_reserved(self) -> bool {
        self.0 & 0x0f0f_0f0f == 0x0a0a_0a0a
    }

    /// The number of a version of Google's QUIC with its hellos in the clear: 24 to 49 for Q024 to Q049.
    fn google(self) -> Option<u8> {
        match self.0.to_be_bytes() {
            [b'Q', b'0', tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
                Some((tens - b'0') * 10 + (ones - b'0')).filter(|number| (24..50).contains(number))
            }
            _ => None,
        }
    }
}

impl fmt::Display for QuicVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0.to_be_bytes();
        match self.0 {
            1 => f.write_str("1"),
            0x6b33_43cf => f.write_str("2"),
            0xff00_0001..=0xff00_00ff => write!(f, "draft-{:02}", self.0 & 0xff),
            _ if matches!(bytes, [b'Q' | b'T', b'0', ..]) && bytes.is_ascii() => {
                write!(f, "{}", bytes.escape_ascii())
            }
            other => write!(f, "0x{other:08x}"),
        }
    }
}

/// How the first packets of a version are read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Dialect {
    /// Google's own, its hello in the clear.
    Clear,
    /// Initial packets, sealed with keys that anybody can derive.
    Sealed(&'static Suite),
}

/// What one version with sealed Initial packets does differently from another.
#[derive(Debug)]
pub(super) struct Suite {
    /// Salt of the initial secret, RFC 9001 §5.2.
    pub(super) salt: &'static Salt,
    /// Labels of the packet key, the IV and the header protection key, RFC 9001 §5.1.
    pub(super) labels: [&'static [u8]; 3],
    /// Values of the long packet type, RFC 9000 §17.2.
    pub(super) initial_type: u8,
    pub(super) retry_type: u8,
    /// What is sealed.
    pub(super) content: Content,
}

/// What is sealed in Initial packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Frames of RFC 9000 with a TLS ClientHello.
    Tls,
    /// Google's frames with a TLS ClientHello.
    GoogleTls,
    /// Google's frames with a CHLO.
    Chlo,
}

/// Versions of Facebook's mvfst that are drafts 22 and 27 by another number.
const MVFST_1: u32 = 0xface_b001;
const MVFST_2: u32 = 0xface_b002;
const MVFST_EXPERIMENTAL: u32 = 0xface_b00e;

/// RFC 9001 §5.1, §5.2; drafts 33 and 34 as well.
static V1: Suite = Suite {
    salt: &V1_SALT,
    labels: [b"quic key", b"quic iv", b"quic hp"],
    initial_type: 0,
    retry_type: 3,
    content: Content::Tls,
};
static V1_SALT: Salt = Salt::new([
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad,
    0xcc, 0xbb, 0x7f, 0x0a,
]);

/// RFC 9369 §3.2, §3.3.
static V2: Suite = Suite {
    salt: &V2_SALT,
    labels: [b"quicv2 key", b"quicv2 iv", b"quicv2 hp"],
    initial_type: 1,
    retry_type: 0,
    ..V1
};
static V2_SALT: Salt = Salt::new([
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb,
    0xf9, 0xbd, 0x2e, 0xd9,
]);

/// draft-ietf-quic-v2-01 to -04 §3.
static DRAFT_V2: Suite = Suite {
    salt: &DRAFT_V2_SALT,
    ..V2
};
static DRAFT_V2_SALT: Salt = Salt::new([
    0xa7, 0x07, 0xc2, 0x03, 0xa5, 0x9b, 0x47, 0x18, 0x4a, 0x1d, 0x62, 0xca, 0x57, 0x04, 0x06, 0xea,
    0x7a, 0xe3, 0xe5, 0xd3,
]);

/// draft-ietf-quic-tls-29 to -32 §5.2.
static DRAFT_29: Suite = Suite {
    salt: &DRAFT_29_SALT,
    ..V1
};
static DRAFT_29_SALT: Salt = Salt::new([
    0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0,
    0x43, 0x90, 0xa8, 0x99,
]);

/// draft-ietf-quic-tls-23 to -28 §5.2.
static DRAFT_23: Suite = Suite {
    salt: &DRAFT_23_SALT,
    ..V1
};
static DRAFT_23_SALT: Salt = Salt::new([
    0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65,
    0xbe, 0xf9, 0xf5, 0x02,
]);

/// draft-ietf-quic-tls-22 §5.2.
static DRAFT_22: Suite = Suite {
    salt: &DRAFT_22_SALT,
    ..V1
};
static DRAFT_22_SALT: Salt = Salt::new([
    0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x19, 0x3a, 0x96, 0xcd, 0x21, 0x51, 0x9e, 0xbd,
    0x7a, 0x02, 0x64, 0x4a,
]);

/// Google's Q050, after Chromium's `net/third_party/quiche/src/quic/core/crypto/crypto_utils.cc`; and so the next two.
static Q050: Suite = Suite {
    salt: &Q050_SALT,
    content: Content::Chlo,
    ..V1
};
static Q050_SALT: Salt = Salt::new([
    0x50, 0x45, 0x74, 0xef, 0xd0, 0x66, 0xfe, 0x2f, 0x9d, 0x94, 0x5c, 0xfc, 0xdb, 0xd3, 0xa7, 0xf0,
    0xd3, 0xb5, 0x6b, 0x45,
]);

/// Google's T050: Q050 with TLS.
static T050: Suite = Suite {
    salt: &T050_SALT,
    content: Content::GoogleTls,
    ..V1
};
static T050_SALT: Salt = Salt::new([
    0x7f, 0xf5, 0x79, 0xe5, 0xac, 0xd0, 0x72, 0x91, 0x55, 0x80, 0x30, 0x4c, 0x43, 0xa2, 0x36, 0x7c,
    0x60, 0x48, 0x83, 0x10,
]);

/// Google's T051.
static T051: Suite = Suite {
    salt: &T051_SALT,
    content: Content::GoogleTls,
    ..V1
};
static T051_SALT: Salt = Salt::new([
    0x7a, 0x4e, 0xde, 0xf4, 0xe7, 0xcc, 0xee, 0x5f, 0xa4, 0x50, 0x6c, 0x19, 0x12, 0x4f, 0xc8, 0xcc,
    0xda, 0x6e, 0x03, 0x3d,
]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_the_names_that_people_know() {
        for (version, name) in [
            (1, "1"),
            (0x6b33_43cf, "2"),
            (0xff00_001d, "draft-29"),
            (0x5130_3436, "Q046"),
            (0x5430_3531, "T051"),
            (0xface_b002, "0xfaceb002"),
            (0x5130_1b5b, "Q0\\x1b["),
            (0, "0x00000000"),
        ] {
            assert_eq!(QuicVersion(version).to_string(), name);
        }
    }

    #[test]
    fn only_versions_that_can_be_read_have_a_dialect() {
        let kind = |version: u32| match QuicVersion(version).dialect() {
            Some(Dialect::Clear) => "clear",
            Some(Dialect::Sealed(_)) => "sealed",
            None => "none",
        };
        for version in [
            1,
            0x6b33_43cf,
            0xff00_0016,
            0xff00_0022,
            0xface_b001,
            0x5130_3530,
            0xbaba_baba,
        ] {
            assert_eq!(kind(version), "sealed", "{version:x}");
        }
        for version in [0x5130_3234, 0x5130_3436, 0x5130_3439] {
            assert_eq!(kind(version), "clear", "{version:x}");
        }
        for version in [
            0,
            2,
            0xff00_0015,
            0xff00_0023,
            0x5130_3233,
            0x5130_3939,
            0x5130_3a30,
        ] {
            assert_eq!(kind(version), "none", "{version:x}");
        }
    }
}
