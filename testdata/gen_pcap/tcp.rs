//! A TCP conversation, told from the wire between the two ends.

use super::packet::{ACK, Ends, FIN, MS, PSH, RST, SYN, Segment, tcp};

/// Who speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

use Side::{Client, Server};

/// A conversation as it grows; `packets` are IP packets with their times.
pub(crate) struct Tcp {
    ends: Ends,
    next: [u32; 2],
    now: u64,
    pub(crate) packets: Vec<(u64, Vec<u8>)>,
}

impl Tcp {
    /// Nothing sent yet; `ends` are the client's side of it, sequence numbers come from the ports.
    pub(crate) fn new(ends: Ends, at: u64) -> Self {
        let seed = u32::from(ends.from.port()).wrapping_mul(2_654_435_761);
        Self {
            ends,
            next: [seed, seed ^ 0x5555_aaaa],
            now: at,
            packets: Vec::new(),
        }
    }

    /// SYN, SYN-ACK, ACK.
    pub(crate) fn open(mut self) -> Self {
        self.send(Client, SYN, &[]);
        self.wait(8 * MS);
        self.send(Server, SYN | ACK, &[]);
        self.wait(MS / 4);
        self.send(Client, ACK, &[]);
        self
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, ns: u64) {
        self.now += ns;
    }

    /// What the next packet's index will be.
    pub(crate) fn len(&self) -> usize {
        self.packets.len()
    }

    /// One packet as it is; data and SYN and FIN move the sender's sequence number on.
    pub(crate) fn send(&mut self, side: Side, flags: u8, payload: &[u8]) {
        let seq = self.next[side as usize];
        self.send_at(side, flags, seq, payload);
        let counted = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.next[side as usize] = seq.wrapping_add(counted);
    }

    /// One packet with a sequence number of the caller's choice; moves nothing but time.
    pub(crate) fn send_at(&mut self, side: Side, flags: u8, seq: u32, payload: &[u8]) {
        let (ends, ack) = match side {
            Client => (self.ends, self.next[Server as usize]),
            Server => (self.ends.reversed(), self.next[Client as usize]),
        };
        let segment = Segment {
            flags,
            seq,
            ack: if flags & ACK == 0 { 0 } else { ack },
            payload,
        };
        self.packets.push((self.now, tcp(ends, segment)));
        self.now += MS / 5;
    }

    /// The sequence number that `side` sends next.
    pub(crate) fn seq(&self, side: Side) -> u32 {
        self.next[side as usize]
    }

    /// Moves `side`'s sequence number past data sent with [`Tcp::send_at`].
    pub(crate) fn skip(&mut self, side: Side, bytes: usize) {
        self.next[side as usize] = self.seq(side).wrapping_add(bytes as u32);
    }

    /// Data in full segments, each second one and the last acknowledged. The index of the last data packet.
    pub(crate) fn say(&mut self, side: Side, data: &[u8]) -> usize {
        let size = if self.ends.from.is_ipv4() { 1460 } else { 1440 };
        let other = match side {
            Client => Server,
            Server => Client,
        };
        let count = data.chunks(size).count();
        let mut last = self.len();
        self.wait(2 * MS);
        for (i, chunk) in data.chunks(size).enumerate() {
            let is_last = i + 1 == count;
            last = self.len();
            self.send(side, if is_last { ACK | PSH } else { ACK }, chunk);
            if is_last || i % 2 == 1 {
                self.send(other, ACK, &[]);
            }
        }
        self.wait(6 * MS);
        last
    }

    /// Both sides end it, the client first.
    pub(crate) fn close(&mut self) {
        self.wait(5 * MS);
        self.send(Client, FIN | ACK, &[]);
        self.wait(4 * MS);
        self.send(Server, FIN | ACK, &[]);
        self.send(Client, ACK, &[]);
    }

    /// `side` breaks it off.
    pub(crate) fn reset(&mut self, side: Side) {
        self.wait(5 * MS);
        self.send(side, RST | ACK, &[]);
    }
}
