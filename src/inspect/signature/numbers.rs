//! Numbers at a place, of bytes of which no length is believed: `None` where they end too early.

/// The big-endian number of two bytes at `at`.
pub(super) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    chunk(bytes, at).map(u16::from_be_bytes)
}

/// The big-endian number of four bytes at `at`.
pub(super) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    chunk(bytes, at).map(u32::from_be_bytes)
}

/// The big-endian number of eight bytes at `at`.
pub(super) fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    chunk(bytes, at).map(u64::from_be_bytes)
}

/// The little-endian number of two bytes at `at`.
pub(super) fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    chunk(bytes, at).map(u16::from_le_bytes)
}

/// The little-endian number of four bytes at `at`.
pub(super) fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    chunk(bytes, at).map(u32::from_le_bytes)
}

fn chunk<const LEN: usize>(bytes: &[u8], at: usize) -> Option<[u8; LEN]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_end_where_the_bytes_end() {
        let bytes = [1, 2, 3, 4, 5];
        assert_eq!(be16(&bytes, 3), Some(0x0405));
        assert_eq!(le16(&bytes, 3), Some(0x0504));
        assert_eq!(be32(&bytes, 1), Some(0x0203_0405));
        assert_eq!(le32(&bytes, 1), Some(0x0504_0302));
        assert_eq!(be64(&[[0; 4], [1; 4]].concat(), 0), Some(0x0101_0101));
        assert_eq!(be16(&bytes, 4), None);
        assert_eq!(le32(&bytes, 2), None);
        assert_eq!(be32(&bytes, usize::MAX), None);
    }
}
