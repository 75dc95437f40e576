//! The Huffman code of HPACK: bits in, text out.
//!
//! The code is canonical: codes of one length are consecutive numbers, in the order of their symbols, and the next length goes on
//! from there. So two short tables tell all of it, and a decoder counts its way through them.
//!
//! Source: RFC 7541 §5.2, Appendix B.

/// How many symbols have codes of each length, in bits.
#[rustfmt::skip]
const COUNTS: [u16; 31] = [
    0, 0, 0, 0, 0, 10, 26, 32, 6, 0, 5, 3, 2, 6, 2, 3, 0, 0, 0, 3, 8, 13, 26, 29, 12, 4, 15, 19, 29, 0, 4,
];

/// The symbols by length of code, then by number: bytes, and [`END`].
#[rustfmt::skip]
const SYMBOLS: [u16; 257] = [
    48, 49, 50, 97, 99, 101, 105, 111, 115, 116, // 5 bits
    32, 37, 45, 46, 47, 51, 52, 53, 54, 55, 56, 57, 61, 65, 95, 98, 100, 102, 103, 104, // 6 bits
    108, 109, 110, 112, 114, 117,
    58, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, // 7 bits
    85, 86, 87, 89, 106, 107, 113, 118, 119, 120, 121, 122,
    38, 42, 44, 59, 88, 90, // 8 bits
    33, 34, 40, 41, 63, // 10 bits
    39, 43, 124, // 11 bits
    35, 62, // 12 bits
    0, 36, 64, 91, 93, 126, // 13 bits
    94, 125, // 14 bits
    60, 96, 123, // 15 bits
    92, 195, 208, // 19 bits
    128, 130, 131, 162, 184, 194, 224, 226, // 20 bits
    153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230, // 21 bits
    129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, // 22 bits
    190, 196, 198, 228, 232, 233,
    1, 135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157, 158, 165, 166, 168, 174, // 23 bits
    175, 180, 182, 183, 188, 191, 197, 231, 239,
    9, 142, 144, 145, 148, 159, 171, 206, 215, 225, 236, 237, // 24 bits
    199, 207, 234, 235, // 25 bits
    192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255, // 26 bits
    203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252, 253, 254, // 27 bits
    2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, // 28 bits
    26, 27, 28, 29, 30, 31, 127, 220, 249,
    10, 13, 22, 256, // 30 bits
];

/// The symbol that ends no string: a decoder has to refuse it.
const END: u16 = 256;

/// Padding is shorter than a byte.
const MAX_PADDING_BITS: u32 = 7;

/// Appends what `bytes` encode to `text`, at most 8 bytes for every 5. `None` for what no encoder may write.
pub(super) fn decode(bytes: &[u8], text: &mut Vec<u8>) -> Option<()> {
    let mut code = Code::default();
    for byte in bytes {
        for shift in (0..8).rev() {
            if let Some(symbol) = code.push(byte >> shift & 1)? {
                text.push(symbol);
                code = Code::default();
            }
        }
    }
    // What is left has to be the beginning of the end symbol, which is ones.
    let is_padding = code.len <= MAX_PADDING_BITS && code.bits + 1 == 1 << code.len;
    is_padding.then_some(())
}

/// The bits of a code, as far as they were read.
#[derive(Default)]
struct Code {
    bits: u32,
    len: u32,
    /// The first code of this length, and its place in [`SYMBOLS`].
    first: u32,
    place: u32,
}

impl Code {
    /// Takes in a bit: `Some(None)` while the code goes on, `None` where there is no such code.
    fn push(&mut self, bit: u8) -> Option<Option<u8>> {
        let shorter = u32::from(*COUNTS.get(self.len as usize)?);
        self.first = (self.first + shorter) << 1;
        self.place += shorter;
        self.bits = self.bits << 1 | u32::from(bit);
        self.len += 1;
        let codes = u32::from(*COUNTS.get(self.len as usize)?);
        let offset = self.bits - self.first;
        if offset >= codes {
            return Some(None);
        }
        match *SYMBOLS.get((self.place + offset) as usize)? {
            END => None,
            symbol => Some(u8::try_from(symbol).ok()),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The code and its length, of each byte and of [`END`].
    fn codes() -> Vec<(u32, u32)> {
        let mut codes = vec![(0, 0); SYMBOLS.len()];
        let (mut code, mut symbols) = (0, SYMBOLS.iter());
        for (len, &count) in COUNTS.iter().enumerate() {
            for _ in 0..count {
                codes[usize::from(*symbols.next().unwrap())] = (code, len as u32);
                code += 1;
            }
            code <<= 1;
        }
        codes
    }

    /// What an encoder makes of `text`.
    pub(in super::super) fn encode(text: &[u8]) -> Vec<u8> {
        let codes = codes();
        let mut bits = String::new();
        for &byte in text {
            let (code, len) = codes[usize::from(byte)];
            bits += &format!("{code:0len$b}", len = len as usize);
        }
        while !bits.len().is_multiple_of(8) {
            bits.push('1');
        }
        bits.as_bytes()
            .chunks(8)
            .map(|byte| u8::from_str_radix(str::from_utf8(byte).unwrap(), 2).unwrap())
            .collect()
    }

    fn decoded(bytes: &[u8]) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        decode(bytes, &mut text).map(|()| text)
    }

    #[test]
    fn the_code_is_that_of_the_standard() {
        let codes = codes();
        // Rows of RFC 7541, Appendix B.
        for (symbol, code, len) in [
            (b'0'.into(), 0x0, 5),
            (b' '.into(), 0x14, 6),
            (b'z'.into(), 0x7b, 7),
            (b'&'.into(), 0xf8, 8),
            (0, 0x1ff8, 13),
            (b'\\'.into(), 0x7fff0, 19),
            (128, 0xfffe6, 20),
            (9, 0xffffea, 24),
            (255, 0x3ffffee, 26),
            (1, 0x7fffd8, 23),
            (10, 0x3ffffffc, 30),
            (END, 0x3fffffff, 30),
        ] {
            assert_eq!(codes[usize::from(symbol)], (code, len), "{symbol}");
        }
    }

    #[test]
    fn strings_of_the_standard_are_read() {
        // RFC 7541, Appendix C.4.1 and C.6.1.
        for (bytes, text) in [
            ("f1e3c2e5f23a6ba0ab90f4ff", "www.example.com"),
            ("a8eb10649cbf", "no-cache"),
            ("6402", "302"),
            (
                "9d29ad171863c78f0b97c8e9ae82ae43d3",
                "https://www.example.com",
            ),
            ("", ""),
        ] {
            let bytes = crate::inspect::testing::hex(bytes);
            assert_eq!(decoded(&bytes), Some(text.into()), "{text}");
            assert_eq!(encode(text.as_bytes()), bytes, "{text}");
        }
    }

    #[test]
    fn wrong_padding_and_the_end_symbol_are_refused() {
        // '0' is five zeros: then padding of zeros, of a whole byte, and none where it fits.
        assert_eq!(decoded(&[0x07]), Some(b"0".into()));
        for bad in [
            &[0x06][..],
            &[0x00],
            &[0x07, 0xff],
            &[0xff],
            &[0xff; 4],
            &[0xff; 9],
        ] {
            assert_eq!(decoded(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text: Vec<u8>) {
            prop_assert_eq!(decoded(&encode(&text)), Some(text));
        }

        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let mut text = Vec::new();
            let _ = decode(&bytes, &mut text);
            prop_assert!(text.len() * 5 <= bytes.len() * 8);
        }
    }
}
