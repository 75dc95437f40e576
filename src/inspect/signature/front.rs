//! First bytes: which looks a connection or a datagram is shown to.
//!
//! Nearly every protocol begins with one of a few bytes. Each look's row says with which, so that one step through a table leaves the
//! few looks that may have something to say, in their order. A row may let more through than its look knows, never less.

use super::{DatagramLook, StreamLook};

/// A set of first bytes; that nothing was said yet may be in it as well.
#[derive(Clone, Copy)]
pub(super) struct Front {
    /// One bit each.
    bytes: [u128; 2],
    has_silence: bool,
}

/// What the sides of a connection have to begin with.
#[derive(Clone, Copy)]
pub(super) enum Begins {
    /// The client with one of these, or the server with one of those.
    Either(Front, Front),
    /// The client with one of these, and the server with one of those.
    Both(Front, Front),
}

/// A look at connections, and those that it is for.
pub(super) type StreamRow = (Begins, StreamLook);
/// A look at datagrams, and those that it is for.
pub(super) type DatagramRow = (Front, DatagramLook);

impl Front {
    /// Nothing.
    pub(super) const NONE: Self = Self {
        bytes: [0; 2],
        has_silence: false,
    };
    /// Everything, silence too.
    pub(super) const ANY: Self = Self {
        bytes: [u128::MAX; 2],
        has_silence: true,
    };
    /// Silence.
    pub(super) const SILENCE: Self = Self {
        has_silence: true,
        ..Self::NONE
    };
    /// Letters of either case.
    pub(super) const LETTERS: Self = Self::range(b'a', b'z').or(Self::range(b'A', b'Z'));
    /// Digits.
    pub(super) const DIGITS: Self = Self::range(b'0', b'9');

    /// These bytes.
    pub(super) const fn of(mut bytes: &[u8]) -> Self {
        let mut front = Self::NONE;
        while let [first, rest @ ..] = bytes {
            front = front.or(Self::range(*first, *first));
            bytes = rest;
        }
        front
    }

    /// These letters in either case.
    pub(super) const fn letters(mut letters: &[u8]) -> Self {
        let mut front = Self::NONE;
        while let [first, rest @ ..] = letters {
            front = front.or(Self::of(&[
                first.to_ascii_lowercase(),
                first.to_ascii_uppercase(),
            ]));
            letters = rest;
        }
        front
    }

    /// The bytes from `first` to `last`.
    pub(super) const fn range(first: u8, last: u8) -> Self {
        let [mut low, mut high] = [0; 2];
        let mut byte = 0;
        while byte < 128 {
            if first <= byte && byte <= last {
                low |= 1 << byte;
            }
            if first <= byte + 128 && byte + 128 <= last {
                high |= 1 << byte;
            }
            byte += 1;
        }
        Self {
            bytes: [low, high],
            has_silence: false,
        }
    }

    /// What is in either.
    pub(super) const fn or(self, other: Self) -> Self {
        let [[low, high], [other_low, other_high]] = [self.bytes, other.bytes];
        Self {
            bytes: [low | other_low, high | other_high],
            has_silence: self.has_silence || other.has_silence,
        }
    }

    /// Whether it has what stands at this place in a table: a byte, or behind the bytes silence.
    const fn has(&self, at: usize) -> bool {
        let [low, high] = self.bytes;
        match at {
            0..128 => low >> at & 1 == 1,
            128..256 => high >> (at - 128) & 1 == 1,
            _ => self.has_silence,
        }
    }
}

impl Begins {
    /// Anything.
    pub(super) const ANY: Self = Self::Both(Front::ANY, Front::ANY);

    /// The client with one of these.
    pub(super) const fn client(front: Front) -> Self {
        Self::Both(front, Front::ANY)
    }

    /// The server with one of these.
    pub(super) const fn server(front: Front) -> Self {
        Self::Both(Front::ANY, front)
    }

    /// One side with one of these.
    pub(super) const fn a_side(front: Front) -> Self {
        Self::Either(front, front)
    }

    /// What the client may begin with, and the server, and whether both have to.
    const fn parts(&self) -> (&Front, &Front, bool) {
        match self {
            Self::Either(client, server) => (client, server, false),
            Self::Both(client, server) => (client, server, true),
        }
    }
}

/// For every first byte, and behind them for silence, the rows that have it: a bit each, the first row's the lowest.
type Masks = [u64; 257];

/// The rows of looks at connections, by what the sides begin with.
pub(super) struct StreamTable {
    /// Of rows that want either side, and of those that want both: by the client's front, and by the server's.
    either: [Masks; 2],
    both: [Masks; 2],
}

impl StreamTable {
    pub(super) const fn new(mut rows: &[StreamRow]) -> Self {
        let mut table = Self {
            either: [[0; 257]; 2],
            both: [[0; 257]; 2],
        };
        let mut bit = 1;
        while let [(begins, _), rest @ ..] = rows {
            let (client, server, needs_both) = begins.parts();
            let [of_client, of_server] = if needs_both {
                &mut table.both
            } else {
                &mut table.either
            };
            mark(of_client, client, bit);
            mark(of_server, server, bit);
            bit <<= 1;
            rows = rest;
        }
        table
    }

    /// The rows for what a client and a server said.
    pub(super) fn rows(&self, client: &[u8], server: &[u8]) -> Rows {
        let of = |masks: &Masks, said| masks.get(place(said)).copied().unwrap_or_default();
        let [[either_client, either_server], [both_client, both_server]] =
            [&self.either, &self.both];
        Rows(
            of(either_client, client)
                | of(either_server, server)
                | of(both_client, client) & of(both_server, server),
        )
    }
}

/// The rows of looks at datagrams, by their first byte.
pub(super) struct DatagramTable(Masks);

impl DatagramTable {
    pub(super) const fn new(mut rows: &[DatagramRow]) -> Self {
        let mut masks = [0; 257];
        let mut bit = 1;
        while let [(front, _), rest @ ..] = rows {
            mark(&mut masks, front, bit);
            bit <<= 1;
            rows = rest;
        }
        Self(masks)
    }

    /// The rows for a datagram.
    pub(super) fn rows(&self, datagram: &[u8]) -> Rows {
        Rows(self.0.get(place(datagram)).copied().unwrap_or_default())
    }
}

/// Numbers of rows, in order.
pub(super) struct Rows(u64);

impl Iterator for Rows {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let row = (self.0 != 0).then_some(self.0.trailing_zeros() as usize);
        self.0 &= self.0.wrapping_sub(1);
        row
    }
}

/// Where in a table the front of `said` stands.
fn place(said: &[u8]) -> usize {
    said.first().map_or(256, |&first| usize::from(first))
}

/// Sets `bit` wherever `front` says.
const fn mark(mut masks: &mut [u64], front: &Front, bit: u64) {
    let mut at = 0;
    while let [mask, rest @ ..] = masks {
        if front.has(at) {
            *mask |= bit;
        }
        at += 1;
        masks = rest;
    }
}

/// The rows of all rooms, one room behind the other; there have to be `N`, and no more than a mask has bits.
pub(super) const fn join<Row: Copy, const N: usize>(mut rooms: &[&[Row]], any: Row) -> [Row; N] {
    assert!(N == count(rooms) && N <= u64::BITS as usize);
    let mut all = [any; N];
    let mut left: &mut [Row] = &mut all;
    while let [room, behind @ ..] = rooms {
        let (here, others) = left.split_at_mut(room.len());
        here.copy_from_slice(room);
        left = others;
        rooms = behind;
    }
    all
}

/// How many rows there are in all rooms.
pub(super) const fn count<Row>(mut rooms: &[&[Row]]) -> usize {
    let mut count = 0;
    while let [room, behind @ ..] = rooms {
        count += room.len();
        rooms = behind;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(front: Front) -> Vec<usize> {
        (0..=256).filter(|&at| front.has(at)).collect()
    }

    #[test]
    fn fronts_are_the_bytes_that_they_name() {
        assert!(bytes(Front::NONE).is_empty());
        assert_eq!(bytes(Front::ANY), (0..=256).collect::<Vec<_>>());
        assert_eq!(bytes(Front::SILENCE), [256]);
        assert_eq!(bytes(Front::of(&[0, 127, 128, 255])), [0, 127, 128, 255]);
        assert_eq!(bytes(Front::range(126, 129)), [126, 127, 128, 129]);
        assert_eq!(bytes(Front::range(0, 255)).len(), 256);
        assert_eq!(bytes(Front::letters(b"aZ")), [65, 90, 97, 122]);
        assert_eq!(bytes(Front::of(&[7]).or(Front::SILENCE)), [7, 256]);
    }

    #[test]
    fn rows_come_in_their_order_and_as_their_sides_begin() {
        let (a, b) = (Front::of(b"a"), Front::of(b"b"));
        let look: StreamLook = |_| None;
        let table = StreamTable::new(&[
            (Begins::ANY, look),
            (Begins::Either(a, b), look),
            (Begins::Both(a, b), look),
            (Begins::client(b.or(Front::SILENCE)), look),
            (Begins::server(a), look),
            (Begins::a_side(b), look),
        ]);
        for (client, server, rows) in [
            ("a", "b", &[0, 1, 2, 5][..]),
            ("ab", "", &[0, 1]),
            ("", "b", &[0, 1, 3, 5]),
            ("b", "a", &[0, 3, 4, 5]),
            ("", "", &[0, 3]),
            ("x", "x", &[0]),
        ] {
            let told: Vec<_> = table.rows(client.as_bytes(), server.as_bytes()).collect();
            assert_eq!(told, rows, "{client} {server}");
        }
    }

    #[test]
    fn rooms_are_joined_in_order() {
        let rooms: [&[u8]; 4] = [&[1, 2], &[], &[3], &[4, 5]];
        assert_eq!(join::<u8, 5>(&rooms, 0), [1, 2, 3, 4, 5]);
    }
}
