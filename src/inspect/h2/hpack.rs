//! HPACK: the fields of a header block, and the table that one block leaves to the next.
//!
//! In: whole header blocks, every one of a direction, in their order. Out: names and values. What one block puts into the table
//! later ones refer to, so after a block that is lost or can't be read nothing more can be.
//!
//! Our own, for the crates there are panic on cut integers or build their Huffman table anew for every string.

use std::collections::VecDeque;

use super::huffman;
use super::static_table::STATIC_TABLE;
use crate::inspect::cursor::Cursor;

/// Size of the dynamic table before the encoder says another, RFC 9113 §6.5.2.
const DEFAULT_TABLE_SIZE: usize = 4096;
/// Most that an encoder may enlarge it to. Clients don't go further, whatever their server permits.
const MAX_TABLE_SIZE: usize = 64 << 10;
/// What a field counts beyond its bytes, RFC 7541 §4.1.
const FIELD_OVERHEAD: usize = 32;
/// Most that the fields of one block may count together: one byte can stand for a field as large as the table. Servers stop at
/// 8 to 64 KiB (`SETTINGS_MAX_HEADER_LIST_SIZE`, RFC 9113 §6.5.2).
pub(super) const MAX_FIELDS_SIZE: usize = 256 << 10;
/// Most bytes of an integer after its first: then it is below 2^28 + 2^8.
const MAX_INTEGER_BYTES: u32 = 4;

/// The dynamic table of one direction.
///
/// Source: RFC 7541 §2.3.2, §4.
#[derive(Debug)]
pub(super) struct Table {
    /// The newest first.
    fields: VecDeque<Field>,
    size: usize,
    max_size: usize,
}

/// A field that was put into the table: its name, then its value.
#[derive(Debug)]
struct Field {
    bytes: Box<[u8]>,
    name_len: usize,
}

impl Field {
    fn size(&self) -> usize {
        self.bytes.len() + FIELD_OVERHEAD
    }
}

impl Default for Table {
    fn default() -> Self {
        Self {
            fields: VecDeque::new(),
            size: 0,
            max_size: DEFAULT_TABLE_SIZE,
        }
    }
}

impl Table {
    /// Reads a header block and calls `field` with each name and value in it.
    ///
    /// `None` when it can't be read to its end: then the table is worth nothing any more. The fields before that place were told.
    ///
    /// Source: RFC 7541 §6.
    pub(super) fn read(&mut self, block: &[u8], mut field: impl FnMut(&[u8], &[u8])) -> Option<()> {
        let mut cursor = Cursor(block);
        let mut text = Vec::new();
        let mut fields_size = 0;
        let mut count = |name: &[u8], value: &[u8]| {
            fields_size += name.len() + value.len() + FIELD_OVERHEAD;
            (fields_size <= MAX_FIELDS_SIZE).then_some(())
        };
        while let Some(first) = cursor.0.first() {
            match first.leading_zeros() {
                0 => {
                    let (name, value) = self.get(integer(&mut cursor, 7)?)?;
                    count(name, value)?;
                    field(name, value);
                }
                2 => self.resize(integer(&mut cursor, 5)?)?,
                zeros => {
                    let is_kept = zeros == 1;
                    let index = integer(&mut cursor, if is_kept { 6 } else { 4 })?;
                    text.clear();
                    if index == 0 {
                        string(&mut cursor, &mut text)?;
                    } else {
                        text.extend_from_slice(self.get(index)?.0);
                    }
                    let name_len = text.len();
                    string(&mut cursor, &mut text)?;
                    let (name, value) = text.split_at_checked(name_len)?;
                    count(name, value)?;
                    field(name, value);
                    if is_kept {
                        self.add(&text, name_len);
                    }
                }
            }
        }
        Some(())
    }

    /// Bytes that the table holds.
    pub(super) fn held_bytes(&self) -> usize {
        // The overhead that HPACK counts is about ours.
        self.size
    }

    fn get(&self, index: usize) -> Option<(&[u8], &[u8])> {
        let place = index.checked_sub(1)?;
        match place.checked_sub(STATIC_TABLE.len()) {
            None => STATIC_TABLE.get(place).copied(),
            Some(place) => {
                let field = self.fields.get(place)?;
                field.bytes.split_at_checked(field.name_len)
            }
        }
    }

    fn add(&mut self, bytes: &[u8], name_len: usize) {
        let size = bytes.len() + FIELD_OVERHEAD;
        self.shrink(self.max_size.saturating_sub(size));
        // One that is larger than the table empties it, and is not put there.
        if size <= self.max_size {
            self.size += size;
            let bytes = bytes.into();
            self.fields.push_front(Field { bytes, name_len });
        }
    }

    fn resize(&mut self, size: usize) -> Option<()> {
        if size > MAX_TABLE_SIZE {
            return None;
        }
        self.max_size = size;
        self.shrink(size);
        Some(())
    }

    /// Takes out the oldest fields until the others count no more than `size`.
    fn shrink(&mut self, size: usize) {
        while self.size > size {
            match self.fields.pop_back() {
                Some(field) => self.size -= field.size(),
                None => return,
            }
        }
    }
}

/// An integer whose first byte has `prefix` bits of it.
///
/// Source: RFC 7541 §5.1.
fn integer(cursor: &mut Cursor<'_>, prefix: u32) -> Option<usize> {
    let mask = (1 << prefix) - 1;
    let mut value = usize::from(cursor.u8()?) & mask;
    if value < mask {
        return Some(value);
    }
    for i in 0..MAX_INTEGER_BYTES {
        let byte = cursor.u8()?;
        value += usize::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Appends a string to `text`.
///
/// Source: RFC 7541 §5.2.
fn string(cursor: &mut Cursor<'_>, text: &mut Vec<u8>) -> Option<()> {
    let is_huffman = cursor.0.first()? & 0x80 != 0;
    let len = integer(cursor, 7)?;
    let bytes = cursor.take(len)?;
    if is_huffman {
        return huffman::decode(bytes, text);
    }
    text.extend_from_slice(bytes);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::testing::{each_mutation, hex};

    /// The fields of a block, as `name: value`; `None` when it can't be read.
    fn read(table: &mut Table, block: &[u8]) -> Option<Vec<String>> {
        let mut fields = Vec::new();
        table.read(block, |name, value| {
            fields.push(format!("{}: {}", name.escape_ascii(), value.escape_ascii()));
        })?;
        Some(fields)
    }

    /// Three requests of a connection. Source: RFC 7541, Appendix C.4.
    const REQUESTS: [&str; 3] = [
        "82 86 84 41 8c f1e3 c2e5 f23a 6ba0 ab90 f4ff",
        "82 86 84 be 58 86 a8eb 1064 9cbf",
        "82 87 85 bf 40 88 25a8 49e9 5ba9 7d7f 89 25a8 49e9 5bb8 e8b4 bf",
    ];

    /// Two responses of a connection whose table has room for 256 bytes, which the first block says here.
    /// Source: RFC 7541, Appendix C.5.
    const RESPONSES: [&str; 2] = [
        "3fe101
         48 03 333032 58 07 70726976617465
         61 1d 4d6f6e2c203231204f637420323031332032303a31333a323120474d54
         6e 17 68747470733a2f2f7777772e6578616d706c652e636f6d",
        "48 03 333037 c1 c0 bf",
    ];

    #[test]
    fn requests_that_build_on_each_other_are_read() {
        let mut table = Table::default();
        let read = REQUESTS.map(|block| read(&mut table, &hex(block)).unwrap());
        assert_eq!(
            read[0],
            [
                ":method: GET",
                ":scheme: http",
                ":path: /",
                ":authority: www.example.com"
            ]
        );
        assert_eq!(
            read[1][3..],
            [":authority: www.example.com", "cache-control: no-cache"]
        );
        assert_eq!(
            read[2],
            [
                ":method: GET",
                ":scheme: https",
                ":path: /index.html",
                ":authority: www.example.com",
                "custom-key: custom-value"
            ]
        );
        assert_eq!(table.size, 164);
    }

    #[test]
    fn the_oldest_fields_make_room() {
        let mut table = Table::default();
        assert!(read(&mut table, &hex(RESPONSES[0])).is_some());
        assert_eq!((table.size, table.max_size), (222, 256));
        assert_eq!(
            read(&mut table, &hex(RESPONSES[1])).unwrap(),
            [
                ":status: 307",
                "cache-control: private",
                "date: Mon, 21 Oct 2013 20:13:21 GMT",
                "location: https://www.example.com"
            ]
        );
        assert_eq!((table.size, table.fields.len()), (222, 4));
        // The first :status had to go.
        assert_eq!(read(&mut table, &[0xc2]), None);
    }

    #[test]
    fn a_field_larger_than_the_table_empties_it() {
        let mut table = Table::default();
        let large = [&hex("40 01 61 7f 81 1f")[..], &[b'x'; 4096]].concat();
        assert!(read(&mut table, &hex(REQUESTS[0])).is_some() && table.size > 0);
        assert!(read(&mut table, &large).is_some());
        assert_eq!((table.size, table.fields.len()), (0, 0));
    }

    #[test]
    fn fields_that_are_not_to_be_kept_are_not() {
        let mut table = Table::default();
        for block in [
            "00 01 61 01 62",
            "10 01 61 01 62",
            "01 01 62",
            "0f 0f 01 62",
        ] {
            assert_eq!(
                read(&mut table, &hex(block)).map(|fields| fields.len()),
                Some(1)
            );
        }
        assert_eq!((table.size, table.fields.len()), (0, 0));
    }

    #[test]
    fn what_no_encoder_may_write_is_refused() {
        for bad in [
            "80",                      // index 0
            "be",                      // nothing there yet
            "7f ff ff ff ff ff ff 00", // an integer without end
            "3f e2 ff 03",             // a table of more than 65,536 bytes
            "3f 81 80 80 80 80 00",
            "82 86 84 41 8c f1e3", // cut
            "41 81 00",            // no padding
            "41",
        ] {
            assert_eq!(read(&mut Table::default(), &hex(bad)), None, "{bad}");
        }
        assert!(read(&mut Table::default(), &hex("3f e1 ff 03")).is_some());
    }

    #[test]
    fn integers_are_those_of_the_standard() {
        // RFC 7541, Appendix C.1.
        for (bytes, prefix, value) in [(&[0x0a][..], 5, 10), (&[0x1f, 0x9a, 0x0a], 5, 1337)] {
            assert_eq!(integer(&mut Cursor(bytes), prefix), Some(value));
        }
    }

    #[test]
    fn every_cut_tells_whole_fields_only() {
        let block = hex(REQUESTS[0]);
        for cut in 0..block.len() {
            let mut names = Vec::new();
            let whole = Table::default().read(&block[..cut], |_, value| names.push(value.to_vec()));
            assert_eq!(whole.is_some(), cut <= 3, "{cut}");
            assert_eq!(names.len(), cut.min(3));
        }
    }

    #[test]
    fn one_byte_that_stands_for_much_is_counted_as_much() {
        let mut table = Table::default();
        let large = [&hex("40 01 61 7f 81 1e")[..], &[b'x'; 3968]].concat();
        assert!(read(&mut table, &large).is_some());
        let times = MAX_FIELDS_SIZE / table.size;
        assert!(read(&mut table, &vec![0xbe; times]).is_some());
        assert_eq!(read(&mut table, &vec![0xbe; times + 1]), None);
    }

    #[test]
    fn damaged_blocks_never_panic_and_stay_in_bounds() {
        let mut table = Table::default();
        for block in REQUESTS.iter().chain(&RESPONSES) {
            each_mutation(&hex(block), 3000, |block| {
                let _ = read(&mut table, block);
                assert!(table.size <= table.max_size && table.max_size <= MAX_TABLE_SIZE);
                let size: usize = table.fields.iter().map(Field::size).sum();
                assert_eq!(table.size, size);
            });
        }
    }
}
