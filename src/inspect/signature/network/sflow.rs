//! sFlow: a version, an agent's address, and samples.

use super::super::{Datagram, Look};
use crate::inspect::signature::numbers::be32;
use crate::protocol::Protocol;

/// Where collectors listen.
const PORT: u16 = 6343;
/// Kinds of addresses, and bytes of each. Source: sFlow Version 5, §5.
const IPV4: u32 = 1;
const IPV6: u32 = 2;
/// Most samples in a datagram that are believed.
const MAX_SAMPLES: u32 = 512;
/// Kinds of samples of version 5: of flows and counters, each also in a wide form; then dropped packets and others since.
const MAX_FORMAT: u32 = 7;

/// Whether a datagram begins as sFlow's do, and its first sample fits into it.
///
/// * Before version 5 samples had no length; those versions are believed at the port only.
///
/// Source: sFlow Version 5 (July 2004), §5; RFC 3176 §4 for versions 2 and 4.
pub(super) fn of_datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let bytes = datagram.bytes;
    let version = be32(bytes, 0)?;
    if !matches!(version, 2 | 4 | 5) {
        return None;
    }
    let behind_address = match be32(bytes, 4)? {
        IPV4 => 12,
        IPV6 => 24,
        _ => return None,
    };
    // Version 5 numbers the agents behind an address; then a sequence, and milliseconds that it has run.
    let samples_at = behind_address + if version == 5 { 12 } else { 8 };
    let samples = be32(bytes, samples_at)?;
    let is_at_port = datagram.src_port == PORT || datagram.dst_port == PORT;
    let is_sflow = if version == 5 && samples > 0 {
        samples <= MAX_SAMPLES && is_sample(datagram, samples_at + 4)?
    } else {
        is_at_port && samples <= MAX_SAMPLES
    };
    is_sflow.then(|| Protocol::Sflow.into())
}

/// A kind, of sFlow's own or of an enterprise's, and a length.
fn is_sample(datagram: &Datagram<'_>, at: usize) -> Option<bool> {
    let (kind, len) = (be32(datagram.bytes, at)?, be32(datagram.bytes, at + 4)?);
    let (enterprise, format) = (kind >> 12, kind & 0xfff);
    let is_kind = enterprise != 0 || (1..=MAX_FORMAT).contains(&format);
    Some(is_kind && len % 4 == 0 && len > 0 && u64::from(len) <= datagram.origlen as u64)
}

#[cfg(test)]
mod tests {
    use super::super::tests::datagram;
    use super::*;
    use crate::inspect::testing::hex;

    /// A sample of counters, 16 bytes of it.
    const SAMPLE: &str = "
        00000005 00000001 c0000201 00000000 0000002a 00012345 00000001
        00000002 00000010 00000001 00000001 00000000 00000000
    ";

    #[test]
    fn a_first_sample_that_fits_says_it() {
        let mut bytes = hex(SAMPLE);
        assert_eq!(datagram(9999, &bytes), Some(Protocol::Sflow));
        bytes[35] = 0x50;
        assert_eq!(datagram(9999, &bytes), None);
    }

    #[test]
    fn older_versions_are_believed_at_the_port() {
        // No number of the agent.
        let mut bytes = hex("00000004 00000001 c0000201 0000002a 00012345 00000001 00000002");
        assert_eq!(datagram(9999, &bytes), None);
        assert_eq!(datagram(PORT, &bytes), Some(Protocol::Sflow));
        bytes[7] = 3;
        assert_eq!(datagram(PORT, &bytes), None);
    }
}
