//! The part of a frame that one layer may read: from its first byte to where the headers around it say that it ends.
//!
//! Knows nothing of protocols.

use super::view::{Layer, Payload, Reason, Stop};
use crate::tunnel::{Tunnel, Tunnels};

/// A frame's bytes from one layer's first byte on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window<'a> {
    /// The frame, without the captured bytes after the layer's end (an Ethernet trailer).
    frame: &'a [u8],
    /// Offset of the layer's first byte; at most the length of `frame`.
    start: usize,
    /// Bytes of the layer on the wire, when a length field says so.
    origlen: Option<usize>,
    /// The tunnels that the layer is in.
    tunnels: Tunnels,
}

impl<'a> Window<'a> {
    /// The whole of `frame`, of unknown length on the wire.
    pub(super) fn new(frame: &'a [u8]) -> Self {
        Self {
            frame,
            start: 0,
            origlen: None,
            tunnels: Tunnels::default(),
        }
    }

    /// The same bytes, in a tunnel.
    #[inline]
    pub(super) fn through(mut self, tunnel: Tunnel) -> Self {
        self.tunnels.push(tunnel);
        self
    }

    /// The tunnels that the bytes are in.
    #[inline]
    pub(super) const fn tunnels(&self) -> Tunnels {
        self.tunnels
    }

    /// The layer's bytes, as far as they were captured.
    #[inline]
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.frame.get(self.start..).unwrap_or_default()
    }

    /// The `N` bytes that begin `at` bytes into the layer; `None` when they were not all captured.
    #[inline]
    pub(super) fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.bytes().get(at..)?.first_chunk().copied()
    }

    /// The big-endian number `at` bytes into the layer.
    #[inline]
    pub(super) fn be16(&self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_be_bytes)
    }

    /// What follows a header that says of itself that it is `len` bytes long, and has to have `min`.
    pub(super) fn past(self, layer: Layer, len: usize, min: usize) -> Result<Self, Stop> {
        if len < min {
            return Err(self.limit(len).too_short(layer, min));
        }
        if self.bytes().len() < len {
            return Err(self.too_short(layer, len));
        }
        Ok(self.skip(len))
    }

    /// What follows the layer's first `len` bytes.
    #[inline]
    pub(super) fn skip(self, len: usize) -> Self {
        Self {
            start: self.frame.len().min(self.start.saturating_add(len)),
            origlen: self.origlen.map(|origlen| origlen.saturating_sub(len)),
            ..self
        }
    }

    /// The layer's first `len` bytes: what a length field says that there are. They do not outgrow the header around it.
    #[inline]
    pub(super) fn limit(self, len: usize) -> Self {
        let end = self.start.saturating_add(len);
        Self {
            frame: self.frame.get(..end).unwrap_or(self.frame),
            origlen: Some(self.origlen.map_or(len, |origlen| origlen.min(len))),
            ..self
        }
    }

    /// Bytes of the layer on the wire: what the length fields say, else what was captured.
    #[inline]
    pub(super) fn origlen(&self) -> usize {
        self.origlen.unwrap_or(self.bytes().len())
    }

    /// Whether `len` bytes may be in the layer, for all that the length fields say.
    pub(super) fn may_hold(&self, len: usize) -> bool {
        self.origlen.is_none_or(|origlen| len <= origlen)
    }

    /// The window as a payload.
    #[inline]
    pub(super) fn payload(&self) -> Payload {
        Payload {
            offset: number(self.start),
            caplen: number(self.bytes().len()),
            origlen: number(self.origlen()),
        }
    }

    /// An empty payload at the window's start.
    pub(super) fn empty_payload(&self) -> Payload {
        self.limit(0).payload()
    }

    /// A stop in this layer whose reason is not a lack of bytes.
    #[cold]
    pub(super) fn stop(&self, layer: Layer, reason: Reason) -> Stop {
        Stop {
            layer,
            offset: number(self.start),
            need: 0,
            have: number(self.bytes().len()),
            reason,
        }
    }

    /// A stop because the layer's header takes `need` bytes, and fewer are there.
    #[cold]
    pub(super) fn too_short(&self, layer: Layer, need: usize) -> Stop {
        let reason = match self.origlen {
            Some(origlen) if origlen < need => Reason::Short,
            _ => Reason::Cut,
        };
        Stop {
            need: number(need),
            ..self.stop(layer, reason)
        }
    }
}

/// An offset or a length in a frame. No capture format has frames past 4 GiB, so that nothing saturates in fact.
#[inline]
fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_past_the_captured_bytes_tells_the_length_on_the_wire() {
        let window = Window::new(&[0; 60]).skip(14);
        assert_eq!(
            window.limit(1480).payload(),
            Payload {
                offset: 14,
                caplen: 46,
                origlen: 1480
            }
        );
    }

    #[test]
    fn a_limit_within_them_takes_the_trailer_off() {
        let window = Window::new(&[0; 60]).skip(14).limit(28).skip(20);
        assert_eq!(window.bytes().len(), 8);
        assert_eq!(window.payload().origlen, 8);
    }

    #[test]
    fn a_limit_does_not_outgrow_the_one_around_it() {
        let window = Window::new(&[0; 60]).limit(100).skip(20);
        for (len, origlen) in [(10, 10), (80, 80), (81, 80), (60_000, 80), (usize::MAX, 80)] {
            let inner = window.limit(len);
            assert_eq!(inner.origlen(), origlen);
            assert!(inner.may_hold(origlen) && !inner.may_hold(origlen + 1));
            let payload = inner.payload();
            assert_eq!(payload.caplen, payload.origlen.min(40));
        }
        let layer = Layer::Ipv4;
        let inner = window.limit(60_000);
        assert_eq!(inner.too_short(layer, 80).reason, Reason::Cut);
        assert_eq!(inner.too_short(layer, 81).reason, Reason::Short);
        assert_eq!(inner.limit(0).too_short(layer, 1).reason, Reason::Short);
    }

    #[test]
    fn a_skip_past_the_end_stays_in_the_frame() {
        let window = Window::new(&[0; 4]).skip(2).skip(usize::MAX);
        assert_eq!(
            window.payload(),
            Payload {
                offset: 4,
                caplen: 0,
                origlen: 0
            }
        );
        assert_eq!(window.be16(0), None);
    }

    #[test]
    fn a_lack_of_bytes_is_the_captures_fault_unless_a_length_field_says_so() {
        let window = Window::new(&[0; 10]);
        assert_eq!(window.too_short(Layer::Ethernet, 14).reason, Reason::Cut);
        let layer = Layer::Ipv4;
        assert_eq!(window.limit(30).too_short(layer, 20).reason, Reason::Cut);
        assert_eq!(window.limit(10).too_short(layer, 20).reason, Reason::Short);
    }
}
