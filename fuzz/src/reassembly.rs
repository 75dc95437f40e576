//! One direction of a TCP connection put in order, against a map of which byte came first for each place.

use dpi_engine::flow::assembly::{
    Assembly, MAX_UNREAD_BYTES, MAX_WAITING_BYTES, MAX_WAITING_SEGMENTS, Reader, Segment,
};

use crate::script::Script;

/// Segments of a script.
const MAX_SEGMENTS: usize = 512;
/// Bytes that the segments of a script say together.
const MAX_SAID: usize = 256 << 10;
/// How far from the first byte segments lie that are no other connection's: before it, and after it.
const WINDOW: (u32, u32) = (1 << 16, 1 << 19);
/// Bytes that may be held: what waits, what is unread with what its vector has in reserve, and the list of what waits.
const MAX_HELD: usize =
    2 * (MAX_WAITING_BYTES + MAX_UNREAD_BYTES) + (1 << 16) + 64 * MAX_WAITING_SEGMENTS;

/// Which byte came first for each place, from a little before the connection's first byte on.
struct Map {
    base: u32,
    /// Captured bytes; `None` where none came.
    bytes: Vec<Option<u8>>,
    /// How many came without a gap from `base` on.
    contiguous: usize,
}

impl Map {
    fn place(&self, seq: u32) -> usize {
        seq.wrapping_sub(self.base).wrapping_add(WINDOW.0) as usize
    }

    /// Whether `seq` is near enough to be of this connection.
    fn holds(&self, seq: u32) -> bool {
        self.place(seq) < (WINDOW.0 + WINDOW.1) as usize
    }

    fn get(&self, seq: u32) -> Option<u8> {
        self.bytes.get(self.place(seq)).copied().flatten()
    }

    fn add(&mut self, seq: u32, content: &[u8]) {
        let from = self.place(seq);
        let to = from + content.len();
        if self.bytes.len() < to {
            self.bytes.resize(to, None);
        }
        for (place, byte) in self.bytes[from..to].iter_mut().zip(content) {
            place.get_or_insert(*byte);
        }
        let there = self.bytes.iter().skip(WINDOW.0 as usize + self.contiguous);
        self.contiguous += there.take_while(|byte| byte.is_some()).count();
    }
}

/// Reads what it is given as a script says, and holds it against what came.
struct Listener<'a> {
    first: Map,
    /// Place of the next byte in order; `None` after a jump.
    next: Option<u32>,
    /// How much it was given and not done with.
    unread: usize,
    /// How greedily it reads.
    appetite: Script<'a>,
    /// Whether everything that comes is what came first.
    is_certain: bool,
    gaps: usize,
}

impl Reader for Listener<'_> {
    fn read(&mut self, bytes: &[u8]) -> usize {
        assert!(bytes.len() >= self.unread, "unread bytes come again");
        if let Some(next) = self.next.filter(|_| self.is_certain) {
            for (place, byte) in bytes.iter().enumerate() {
                let seq = next.wrapping_add(place as u32);
                assert_eq!(self.first.get(seq), Some(*byte), "at {seq}");
            }
        }
        let done = match self.appetite.u8() {
            0..128 => bytes.len(),
            few => usize::from(few - 128).min(bytes.len()),
        };
        self.next = self.next.map(|next| next.wrapping_add(done as u32));
        self.unread = bytes.len() - done;
        done
    }

    fn gap(&mut self, unread: &[u8], missing: Option<u32>) {
        assert!(unread.len() >= self.unread);
        self.gaps += 1;
        self.unread = 0;
        self.next = self
            .next
            .zip(missing)
            .map(|(next, missing)| next.wrapping_add(unread.len() as u32).wrapping_add(missing));
    }

    fn peek(&mut self, _: &[u8]) {}
}

/// A script of segments: where each lies, how long it is, whether the capture cut it, whether it repeats the connection's bytes.
pub fn reassembly(bytes: &[u8]) {
    let mut script = Script(bytes);
    let base = script.u32();
    let appetite_len = usize::from(script.u8());
    let appetite = Script(script.take(appetite_len));
    let mut assembly = Assembly::default();
    assembly.synchronise(base.wrapping_sub(1));
    let mut listener = Listener {
        first: Map {
            base,
            bytes: Vec::new(),
            contiguous: 0,
        },
        next: Some(base),
        unread: 0,
        appetite,
        is_certain: true,
        gaps: 0,
    };
    let (mut said, mut end) = (0, base);
    for count in 1..=MAX_SEGMENTS {
        if script.is_over() || said > MAX_SAID {
            break;
        }
        let kind = script.u8();
        let seq = match kind & 7 {
            0..=2 => end,
            3..=5 => base.wrapping_add(script.u16().into()),
            6 => end.wrapping_add(script.u16().into()).wrapping_sub(1 << 15),
            _ => script.u32(),
        };
        let len = match kind >> 3 & 3 {
            0 => u32::from(script.u8()),
            1 | 2 => u32::from(script.u16() % 1500),
            _ => script.u16().into(),
        };
        let salt = if kind & 0x20 == 0 { 0 } else { script.u8() };
        let cut: u32 = if kind & 0x40 == 0 {
            0
        } else {
            script.u8().into()
        };
        let content: Vec<_> = (0..len)
            .map(|place| byte_at(seq.wrapping_add(place)) ^ salt)
            .collect();
        said += content.len();
        let is_near = listener.first.holds(seq);
        if is_near {
            listener.first.add(seq, &content);
            end = seq.wrapping_add(len).wrapping_add(cut);
        }
        // What the capture cut off, and what is of another connection, leaves places without a byte.
        listener.is_certain &= is_near && cut == 0;
        let segment = Segment {
            seq,
            bytes: &content,
            origlen: len + cut,
        };
        assembly.push(segment, &mut listener);
        assert!(
            assembly.held_bytes() <= MAX_HELD,
            "{}",
            assembly.held_bytes()
        );
        assert!(assembly.waiting().count() <= MAX_WAITING_SEGMENTS);
        // One that lies over others is kept in pieces, between them.
        let is_within = said <= MAX_WAITING_BYTES && 2 * count <= MAX_WAITING_SEGMENTS;
        if listener.is_certain && is_within {
            assert_eq!(listener.gaps, 0);
            let next = base.wrapping_add(listener.first.contiguous as u32);
            assert_eq!(assembly.next(), Some(next));
        }
    }
    let _ = assembly.take_caveats();
    assembly.lose(None, &mut listener);
}

/// The connection's byte at a place: no two stretches of it are alike.
fn byte_at(seq: u32) -> u8 {
    (seq.wrapping_mul(0x9e37_79b1) >> 24) as u8
}
