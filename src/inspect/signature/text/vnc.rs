//! VNC: both sides name the version of the remote framebuffer protocol.

use super::super::{Opening, Recognised};
use crate::protocol::Protocol;

/// Whether either side begins with `RFB 003.008` and a line's end, RFC 6143 §7.1.1, of whatever version.
pub(super) fn of_stream(opening: &Opening<'_>) -> Option<Recognised> {
    (is_version(opening.server) || is_version(opening.client)).then(|| Protocol::Vnc.into())
}

fn is_version(bytes: &[u8]) -> bool {
    let Some([major @ .., b'.', m1, m2, m3, b'\n']) = bytes
        .strip_prefix(b"RFB ")
        .and_then(|version| version.first_chunk::<8>())
    else {
        return false;
    };
    major.iter().chain([m1, m2, m3]).all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{speaks, spoken};
    use super::*;

    #[test]
    fn versions_are_told() {
        assert!(speaks(Protocol::Vnc, b"", b"RFB 003.008\n"));
        assert!(speaks(Protocol::Vnc, b"RFB 005.000\n\x01", b""));
        for text in [
            "RFB 003.008",
            "RFB 3.8\n",
            "RFB 0x3.008\n",
            "RFB 003-008\n",
            "RFC 003.008\n",
        ] {
            assert_eq!(spoken(text.as_bytes(), b""), None, "{text}");
        }
    }
}
