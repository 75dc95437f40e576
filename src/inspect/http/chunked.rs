//! Bodies in chunks: walks over them to their end, and keeps nothing of them.

use crate::inspect::Outcome;

/// A walk over a chunked body, resumable at every byte.
///
/// Source: RFC 9112 §7.1.
#[derive(Debug, Clone, Default)]
pub struct ChunkedBody {
    place: Place,
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, Default)]
enum Place {
    /// The first digit of a chunk's size.
    #[default]
    SizeStart,
    /// A further digit of a chunk's size, so far this much; or what ends the digits.
    Size(u64),
    /// The rest of the line that began with this size.
    SizeLine(u64),
    /// The chunk: so many bytes are left of it.
    Data(u64),
    /// The end of line behind a chunk; whether its CR has been there.
    DataEnd { after_cr: bool },
    /// A line of the trailer; whether it has been empty so far.
    Trailer { is_empty: bool },
}

impl ChunkedBody {
    /// Walks on over `bytes`, which follow those of the last call.
    ///
    /// * `Found(n)`: the body ends after `n` of them. Do not call again.
    /// * `NeedMore`: all of them are the body's, and it goes on.
    /// * `NotMine`: they are no chunks; where the next request begins can't be told from here.
    pub fn skip(&mut self, bytes: &[u8]) -> Outcome<usize> {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            self.place = match (self.place, byte) {
                (Place::SizeStart, _) => match digit(byte) {
                    Some(digit) => Place::Size(digit),
                    None => return Outcome::NotMine,
                },
                (Place::Size(size), b'\n') | (Place::SizeLine(size), b'\n') => after_size(size),
                (Place::Size(size), b';' | b' ' | b'\t' | b'\r') => Place::SizeLine(size),
                (Place::Size(size), _) => {
                    // 16 digits and more than 64 bits: nobody sends that much.
                    let digit = digit(byte).filter(|_| size <= u64::MAX >> 4);
                    match digit {
                        Some(digit) => Place::Size(size << 4 | digit),
                        None => return Outcome::NotMine,
                    }
                }
                (Place::SizeLine(size), _) => Place::SizeLine(size),
                (Place::Data(left), _) => {
                    // This byte is the first of those left.
                    let more = (left - 1).min(rest.len() as u64);
                    rest = rest.get(more as usize..).unwrap_or(&[]);
                    match left - 1 - more {
                        0 => Place::DataEnd { after_cr: false },
                        left => Place::Data(left),
                    }
                }
                (Place::DataEnd { after_cr: false }, b'\r') => Place::DataEnd { after_cr: true },
                (Place::DataEnd { .. }, b'\n') => Place::SizeStart,
                (Place::DataEnd { .. }, _) => return Outcome::NotMine,
                (Place::Trailer { is_empty: true }, b'\n') => {
                    return Outcome::Found(bytes.len() - rest.len());
                }
                (Place::Trailer { .. }, b'\n') => Place::Trailer { is_empty: true },
                (Place::Trailer { is_empty }, _) => Place::Trailer {
                    is_empty: is_empty && byte == b'\r',
                },
            };
        }
        Outcome::NeedMore
    }
}

/// What follows the line of a chunk's size. The chunk of size 0 is the last.
fn after_size(size: u64) -> Place {
    match size {
        0 => Place::Trailer { is_empty: true },
        _ => Place::Data(size),
    }
}

fn digit(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(16).map(u64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] =
        b"5\r\nhello\r\n1A;name=\"v\"\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nExpires: never\r\n\r\n";

    fn walk(bytes: &[u8]) -> Outcome<usize> {
        ChunkedBody::default().skip(bytes)
    }

    #[test]
    fn a_body_ends_where_its_trailer_ends() {
        assert_eq!(walk(BODY), Outcome::Found(BODY.len()));
        assert_eq!(walk(b"0\r\n\r\nGET / HTTP/1.1\r\n"), Outcome::Found(5));
        assert_eq!(walk(b"000\n\nGET"), Outcome::Found(5));
        assert_eq!(walk(b"3 \nabc\n0\n\n"), Outcome::Found(10));
        // A CR inside a line of the trailer does not end it.
        assert_eq!(walk(b"0\r\na\r\r\n\r\n"), Outcome::Found(9));
    }

    #[test]
    fn a_walk_resumes_at_every_byte() {
        for cut in 0..BODY.len() {
            let mut walk = ChunkedBody::default();
            assert_eq!(walk.skip(&BODY[..cut]), Outcome::NeedMore);
            let left = [&BODY[cut..], b"GET"].concat();
            assert_eq!(walk.skip(&left), Outcome::Found(BODY.len() - cut));
        }
        let mut walk = ChunkedBody::default();
        let (last, before) = BODY.split_last().unwrap();
        for byte in before {
            assert_eq!(walk.skip(&[*byte]), Outcome::NeedMore);
        }
        assert_eq!(walk.skip(&[*last]), Outcome::Found(1));
    }

    #[test]
    fn what_is_no_chunk_is_told() {
        for bad in [
            &b"\r\n"[..],
            b"x\r\n",
            b";\r\n",
            b"-1\r\n",
            b"2\r\nabc\r\n",
            b"2\r\nab\r\r\n",
            b"10000000000000000\r\n",
            b"GET / HTTP/1.1\r\n",
        ] {
            assert_eq!(walk(bad), Outcome::NotMine, "{bad:?}");
        }
        // The largest size there is, and leading zeros.
        assert_eq!(walk(b"ffffffffffffffff\r\nabc"), Outcome::NeedMore);
        assert_eq!(
            walk(b"00000000000000000001\r\na\r\n0\r\n\r\n"),
            Outcome::Found(30)
        );
    }

    #[test]
    fn damaged_bodies_never_panic() {
        crate::inspect::testing::each_mutation(BODY, 5000, |bytes| {
            if let Outcome::Found(len) = walk(bytes) {
                assert!(len <= bytes.len());
            }
        });
    }
}
