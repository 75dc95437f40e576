//! Blocks → a pcapng file, every kind and in either byte order. Source: draft-ietf-opsawg-pcapng.
//!
//! By hand, because the files hold what a careful writer refuses: comments that are not UTF-8, obsolete blocks,
//! interfaces that were never described.

/// An option: code and value.
pub(crate) type Opt<'a> = (u16, &'a [u8]);

/// `opt_comment`, `if_tsresol`, `if_tsoffset`, `if_name`, `epb_flags`.
pub(crate) const COMMENT: u16 = 1;
pub(crate) const TSRESOL: u16 = 9;
pub(crate) const TSOFFSET: u16 = 14;
pub(crate) const IF_NAME: u16 = 2;
pub(crate) const EPB_FLAGS: u16 = 2;

/// A packet as a block carries it.
#[derive(Clone, Copy)]
pub(crate) struct Stamped<'a> {
    /// Number of the interface in its section.
    pub(crate) interface: u32,
    /// Units of the interface's resolution since the epoch.
    pub(crate) ticks: u64,
    /// The captured bytes.
    pub(crate) frame: &'a [u8],
    /// Length on the wire.
    pub(crate) origlen: u32,
}

impl<'a> Stamped<'a> {
    pub(crate) fn new(interface: u32, ticks: u64, frame: &'a [u8]) -> Self {
        Self {
            interface,
            ticks,
            frame,
            origlen: frame.len() as u32,
        }
    }
}

/// A file as it grows.
pub(crate) struct Blocks {
    pub(crate) bytes: Vec<u8>,
    big: bool,
}

impl Blocks {
    /// A file that begins with a section of this byte order.
    pub(crate) fn new(big_endian: bool, options: &[Opt<'_>]) -> Self {
        let mut blocks = Self {
            bytes: Vec::new(),
            big: big_endian,
        };
        blocks.section(big_endian, options);
        blocks
    }

    fn u16(&self, value: u16) -> [u8; 2] {
        if self.big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    }

    fn u32(&self, value: u32) -> [u8; 4] {
        if self.big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    }

    /// A block of any kind around `body`, which is padded to four bytes.
    pub(crate) fn block(&mut self, kind: u32, body: &[u8]) {
        let padded = body.len().next_multiple_of(4);
        let total = self.u32(padded as u32 + 12);
        let kind = self.u32(kind);
        self.bytes.extend(kind);
        self.bytes.extend(total);
        self.bytes.extend(body);
        self.bytes.resize(self.bytes.len() + padded - body.len(), 0);
        self.bytes.extend(total);
    }

    /// Options as they stand at the end of a body that is a multiple of four bytes long; none, when there are none.
    fn options(&self, options: &[Opt<'_>]) -> Vec<u8> {
        if options.is_empty() {
            return Vec::new();
        }
        let mut out = Vec::new();
        for (code, value) in options {
            out.extend(self.u16(*code));
            out.extend(self.u16(value.len() as u16));
            out.extend(*value);
            out.resize(out.len().next_multiple_of(4), 0);
        }
        out.extend([0; 4]);
        out
    }

    /// A section header of unknown section length; what follows has its byte order.
    pub(crate) fn section(&mut self, big_endian: bool, options: &[Opt<'_>]) {
        self.big = big_endian;
        let mut body = self.u32(0x1a2b_3c4d).to_vec();
        body.extend(self.u16(1));
        body.extend(self.u16(0));
        body.extend([0xff; 8]);
        body.extend(self.options(options));
        self.block(0x0a0d_0d0a, &body);
    }

    /// An interface description.
    pub(crate) fn interface(&mut self, link: u16, snaplen: u32, options: &[Opt<'_>]) {
        let mut body = self.u16(link).to_vec();
        body.extend([0; 2]);
        body.extend(self.u32(snaplen));
        body.extend(self.options(options));
        self.block(1, &body);
    }

    fn frame_and_options(&self, frame: &[u8], options: &[Opt<'_>]) -> Vec<u8> {
        let mut out = frame.to_vec();
        out.resize(frame.len().next_multiple_of(4), 0);
        out.extend(self.options(options));
        out
    }

    /// An enhanced packet block.
    pub(crate) fn enhanced(&mut self, packet: Stamped<'_>, options: &[Opt<'_>]) {
        let mut body = Vec::new();
        for field in [
            packet.interface,
            (packet.ticks >> 32) as u32,
            packet.ticks as u32,
            packet.frame.len() as u32,
            packet.origlen,
        ] {
            body.extend(self.u32(field));
        }
        body.extend(self.frame_and_options(packet.frame, options));
        self.block(6, &body);
    }

    /// A simple packet block: interface 0, no time.
    pub(crate) fn simple(&mut self, frame: &[u8], origlen: u32) {
        let mut body = self.u32(origlen).to_vec();
        body.extend(frame);
        self.block(3, &body);
    }

    /// A packet block as they were before the enhanced ones, with a count of drops.
    pub(crate) fn obsolete(&mut self, packet: Stamped<'_>, options: &[Opt<'_>]) {
        let mut body = self.u16(packet.interface as u16).to_vec();
        body.extend(self.u16(3));
        for field in [
            (packet.ticks >> 32) as u32,
            packet.ticks as u32,
            packet.frame.len() as u32,
            packet.origlen,
        ] {
            body.extend(self.u32(field));
        }
        body.extend(self.frame_and_options(packet.frame, options));
        self.block(2, &body);
    }

    /// A name resolution block with one IPv4 record.
    pub(crate) fn name(&mut self, addr: [u8; 4], name: &str) {
        let mut value = addr.to_vec();
        value.extend(name.as_bytes());
        value.push(0);
        let body = self.options(&[(1, &value)]);
        self.block(4, &body);
    }

    /// An interface statistics block: received and dropped.
    pub(crate) fn statistics(&mut self, interface: u32, ticks: u64) {
        let mut body = self.u32(interface).to_vec();
        body.extend(self.u32((ticks >> 32) as u32));
        body.extend(self.u32(ticks as u32));
        let counters: Vec<[u8; 8]> = [7_u64, 0]
            .iter()
            .map(|n| {
                if self.big {
                    n.to_be_bytes()
                } else {
                    n.to_le_bytes()
                }
            })
            .collect();
        body.extend(self.options(&[(4, &counters[0]), (5, &counters[1])]));
        self.block(5, &body);
    }

    /// A custom block; `copy` tells whether a rewriter may keep it. The enterprise number is the one for documentation (RFC 5612).
    pub(crate) fn custom(&mut self, copy: bool, data: &[u8]) {
        let mut body = self.u32(32_473).to_vec();
        body.extend(data);
        self.block(if copy { 0x0000_0bad } else { 0x4000_0bad }, &body);
    }

    /// A decryption secrets block that holds a TLS key log.
    pub(crate) fn secrets(&mut self, key_log: &str) {
        let mut body = self.u32(0x544c_534b).to_vec();
        body.extend(self.u32(key_log.len() as u32));
        body.extend(key_log.as_bytes());
        self.block(10, &body);
    }
}
