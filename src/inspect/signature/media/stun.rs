//! STUN, and TURN with it: how calls find a way through address translation.
//!
//! In: a datagram, or what a connection begins with. Out: which of the two it is, and whose call its attributes tell.
//!
//! Messages since RFC 5389 bear a cookie that nothing else has in its place. Those before it have none, and are believed
//! when all of their attributes are known ones.

use super::callers;
use crate::inspect::signature::numbers::{be16, be32};
use crate::inspect::signature::{Datagram, Likely, Look, Opening, Recognised};
use crate::protocol::Protocol;

/// Bytes of a message's header, RFC 8489 §5.
const HEADER_LEN: usize = 20;
/// What stands behind type and length, RFC 8489 §5.
const COOKIE: u32 = 0x2112_a442;
/// What the attribute MAGIC-COOKIE holds in messages of the first drafts of TURN, and in Microsoft's: MS-TURN §2.2.2.8.
const OLD_TURN_COOKIE: u32 = 0x72c6_4bc6;
/// Attributes of a message that are read; real ones have about ten.
const MAX_ATTRIBUTES: usize = 64;
/// Ports that STUN's servers listen on: IANA's, its neighbour for a second address, and those of Google's public servers.
const PORTS: [u16; 6] = [3478, 3479, 3480, 3481, 19302, 19305];

/// A message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    /// Class and method, in the order of the wire.
    pub(super) kind: u16,
    /// Whether it bears the cookie of RFC 5389 and later.
    pub(super) is_modern: bool,
    /// Attributes, as far as they were captured.
    body: &'a [u8],
}

/// Tells STUN and TURN by one datagram.
///
/// * A message without cookie and without attributes is believed to or from one of STUN's ports, elsewhere when it comes again.
///
/// Source: RFC 8489 §5, §6.3; RFC 3489 §11; RFC 8656 §17; MS-TURN §2.2.
pub(super) fn datagram(datagram: &Datagram<'_>) -> Option<Look> {
    let message = Message::read(datagram.bytes, datagram.origlen)?;
    if message.is_modern || message.is_classic() {
        return Some(Look::Sure(message.recognised()));
    }
    // 0x0001 without attributes, and a transaction that is anything but zeros.
    let is_bare = message.kind == 1
        && datagram.origlen == HEADER_LEN
        && datagram.bytes.get(4..)?.iter().any(|&byte| byte != 0);
    let is_port = PORTS.contains(&datagram.src_port) || PORTS.contains(&datagram.dst_port);
    match (is_bare, is_port) {
        (false, _) => None,
        (true, true) => Some(Protocol::Stun.into()),
        (true, false) => Some(Look::Likely(Likely {
            what: Protocol::Stun.into(),
            mark: u64::from(message.kind),
            count: None,
            wanted: 2,
        })),
    }
}

/// Tells STUN and TURN by the message that either side of a connection begins with, bare or behind its length.
///
/// Source: RFC 8489 §6.2.2; RFC 4571 §2.
pub(super) fn stream(opening: &Opening<'_>) -> Option<Recognised> {
    [opening.client, opening.server]
        .into_iter()
        .find_map(|said| {
            let message = Message::first(said).or_else(|| {
                let framed = said.get(2..)?;
                let len = usize::from(be16(said, 0)?);
                (Message::len(framed)? == len).then(|| Message::first(framed))?
            })?;
            Some(message.recognised())
        })
}

impl<'a> Message<'a> {
    /// A message that fills `origlen` bytes, of which these were captured.
    pub(super) fn read(bytes: &'a [u8], origlen: usize) -> Option<Self> {
        if Self::len(bytes)? != origlen {
            return None;
        }
        Some(Self {
            kind: be16(bytes, 0)?,
            is_modern: be32(bytes, 4)? == COOKIE,
            body: bytes.get(HEADER_LEN..)?,
        })
    }

    /// The message with a cookie that bytes begin with, whatever follows it.
    fn first(bytes: &'a [u8]) -> Option<Self> {
        let len = Self::len(bytes)?;
        let own = bytes.get(..len).unwrap_or(bytes);
        Self::read(own, len).filter(|message| message.is_modern)
    }

    /// Bytes of a message that begins like this; `None` for what is none: the first two bits are zeros, and no type is.
    fn len(bytes: &[u8]) -> Option<usize> {
        let kind = be16(bytes, 0)?;
        let len = usize::from(be16(bytes, 2)?);
        (kind != 0 && kind >> 14 == 0).then_some(HEADER_LEN + len)
    }

    /// Its attributes: type, and value as far as it was captured.
    ///
    /// Values are filled up to four bytes by all but Microsoft, whose lengths are the lengths on the wire.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        let alignment = if walk(self.body, 4).is_none() && walk(self.body, 1).is_some() {
            1
        } else {
            4
        };
        let mut rest = self.body;
        std::iter::from_fn(move || {
            let (kind, value, behind) = attribute(rest, alignment)?;
            rest = behind;
            Some((kind, value))
        })
        .take(MAX_ATTRIBUTES)
    }

    /// Whether a message without cookie has attributes, and none but those of its time.
    fn is_classic(&self) -> bool {
        // Binding, shared secret; of the first drafts of TURN allocate, send, data, set active destination.
        let is_kind = matches!(
            self.kind,
            0x0001..=0x0004 | 0x0006 | 0x0101..=0x0104 | 0x0106 | 0x0111..=0x0116
        );
        is_kind
            && walk(self.body, 4).or_else(|| walk(self.body, 1)).is_some()
            && self
                .attributes()
                .all(|(kind, value)| is_classic_attribute(kind, value))
    }

    /// Methods of TURN, RFC 8656 §17 and RFC 6062 §6.1; 5 is the data indication of its first drafts.
    fn is_turn(&self) -> bool {
        let method = self.kind & 0xf | self.kind >> 1 & 0x70 | self.kind >> 2 & 0xf80;
        matches!(method, 3..=12)
    }

    pub(super) fn recognised(&self) -> Recognised {
        let protocol = if self.is_turn() {
            Protocol::Turn
        } else {
            Protocol::Stun
        };
        Recognised::of(protocol, callers::whose(self))
    }
}

/// How many attributes fill `body` to its last byte; `None` when they do not, or when there are none.
fn walk(body: &[u8], alignment: usize) -> Option<usize> {
    let mut rest = body;
    let mut count = 0;
    while !rest.is_empty() {
        let len = usize::from(be16(rest, 2)?);
        // The last one may go without what fills it up.
        if len > rest.len().checked_sub(4)? {
            return None;
        }
        (_, _, rest) = attribute(rest, alignment)?;
        count += 1;
    }
    (count > 0).then_some(count)
}

/// Type and value of the attribute that `bytes` begin with, and what follows.
fn attribute(bytes: &[u8], alignment: usize) -> Option<(u16, &[u8], &[u8])> {
    let kind = be16(bytes, 0)?;
    let len = usize::from(be16(bytes, 2)?);
    let value = bytes.get(4..)?;
    let behind = value
        .get(len.next_multiple_of(alignment)..)
        .unwrap_or_default();
    Some((kind, value.get(..len).unwrap_or(value), behind))
}

/// Whether an attribute is one of RFC 3489 §11.2, of the first drafts of TURN, of MS-TURN or of Zoom's servers, and as long as it has to be.
fn is_classic_attribute(kind: u16, value: &[u8]) -> bool {
    match kind {
        // Addresses: a zero, the family, port, address.
        0x0001 | 0x0002 | 0x0004 | 0x0005 | 0x000b | 0x000e | 0x0011 | 0x0012 | 0x0020 | 0x8020 => {
            matches!((value.len(), value), (8, [_, 1, ..]) | (20, [_, 2, ..]))
        }
        0x0003 | 0x000d | 0x0010 | 0x8008 => value.len() == 4,
        0x000f => be32(value, 0) == Some(OLD_TURN_COOKIE),
        0x0008 => value.len() == 20,
        // Text, data, nonces; errors, attributes that were not understood.
        0x0006 | 0x0007 | 0x0009 | 0x000a | 0x0013..=0x0015 | 0x8022 => true,
        callers::ZOOM_REQUEST => value.len() == 20,
        callers::ZOOM_RESPONSE => value.len() == 8,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::signature::testing::{
        self, damage_datagram, damage_stream, listen, look_at,
    };
    use crate::inspect::testing::hex;
    use crate::protocol::Shape;

    /// RFC 5769 §2.1, the sample request, up to its signature.
    const REQUEST: &str = "
        0001 0044 2112a442 b7e7a701bc34d686fa87dfae         # binding request, 68 bytes
        8022 0010 5354554e207465737420636c69656e74          # STUN test client
        0024 0004 6e0001ff                                  # priority
        8029 0008 932ff9b151263b36                          # ice-controlled
        0006 0009 6576746a3a68367659 202020                 # evtj:h6vY, filled up
        8028 0004 e57a3bcf                                  # fingerprint
        8025 0000
    ";

    fn told(protocol: Protocol, shape: Option<Shape>) -> Option<Look> {
        Some(Look::Sure(Recognised::of(protocol, shape)))
    }

    /// A message of this kind with a cookie and these attributes.
    fn message(kind: u16, attributes: &[u8]) -> Vec<u8> {
        let mut bytes = kind.to_be_bytes().to_vec();
        bytes.extend((attributes.len() as u16).to_be_bytes());
        bytes.extend(hex("2112a442 000102030405060708090a0b"));
        bytes.extend(attributes);
        bytes
    }

    #[test]
    fn a_message_with_a_cookie_is_told_on_any_port() {
        assert_eq!(look_at(datagram, &hex(REQUEST)), told(Protocol::Stun, None));
        damage_datagram(datagram, &hex(REQUEST), 80);
        // One that the capture cut keeps its length.
        let request = hex(REQUEST);
        let cut = Datagram {
            origlen: request.len(),
            ..testing::datagram(&request[..24], 1, 2)
        };
        assert_eq!(datagram(&cut), told(Protocol::Stun, None));
    }

    #[test]
    fn methods_of_relays_are_turn() {
        // Allocate, its error; send and data indications; create permission, channel bind.
        for kind in [0x0003, 0x0113, 0x0016, 0x0017, 0x0008, 0x0109] {
            let bytes = message(kind, &hex("0019 0004 11000000"));
            assert_eq!(look_at(datagram, &bytes), told(Protocol::Turn, None));
        }
    }

    #[test]
    fn attributes_and_realms_tell_whose_call_it_is() {
        let cases = [
            (0x0003, "4000 0004 01020304", Shape::WhatsAppCall),
            (0x0800, "", Shape::WhatsAppCall),
            (
                0x0003,
                "000f 0004 72c64bc6 8008 0004 00000006",
                Shape::TeamsCall,
            ),
            (0x0101, "8070 0004 00000003", Shape::TeamsCall),
            // signal.org, filled up; eu.viber.com
            (
                0x0113,
                "0014 000a 7369676e616c2e6f7267 0000",
                Shape::SignalCall,
            ),
            (0x0113, "0014 000c 65752e76696265722e636f6d", Shape::Viber),
        ];
        for (kind, attributes, shape) in cases {
            let bytes = message(kind, &hex(attributes));
            let Some(Look::Sure(said)) = look_at(datagram, &bytes) else {
                panic!("{attributes}");
            };
            assert_eq!(said.shape, Some(shape), "{attributes}");
        }
        // notsignal.org; what every WebRTC client says of its network.
        for attributes in [
            "0014 000d 6e6f747369676e616c2e6f7267 000000",
            "c057 0004 00010032",
        ] {
            let bytes = message(0x0001, &hex(attributes));
            assert_eq!(look_at(datagram, &bytes), told(Protocol::Stun, None));
        }
    }

    #[test]
    fn a_message_without_cookie_needs_attributes_of_its_time() {
        let id = "5b1d0c7a9e3f48a2b6c4d8e0f1a2b3c4";
        let change = hex(&format!("0001 0008 {id} 0003 0004 00000000"));
        assert_eq!(look_at(datagram, &change), told(Protocol::Stun, None));
        damage_datagram(datagram, &change, 20);
        let mapped = hex(&format!("0101 000c {id} 0001 0008 0001 1234 c0000201"));
        assert_eq!(look_at(datagram, &mapped), told(Protocol::Stun, None));
        let zoom = hex(&format!("0002 000c {id} 0103 0008 0001 1234 c0000201"));
        assert_eq!(
            look_at(datagram, &zoom),
            told(Protocol::Stun, Some(Shape::ZoomMedia))
        );
        for unknown in [
            "0777 0004 00000000",
            "0003 0008 0000000000000000",
            "0001 0004 00010203",
        ] {
            let len = hex(unknown).len();
            let bytes = hex(&format!("0001 {len:04x} {id} {unknown}"));
            assert_eq!(look_at(datagram, &bytes), None, "{unknown}");
        }
    }

    #[test]
    fn a_bare_message_is_believed_on_a_port_of_stun_or_when_it_comes_again() {
        let bare = hex("0001 0000 5b1d0c7a9e3f48a2b6c4d8e0f1a2b3c4");
        let known = testing::datagram(&bare, 50_000, 3478);
        assert_eq!(datagram(&known), told(Protocol::Stun, None));
        assert!(matches!(
            look_at(datagram, &bare),
            Some(Look::Likely(Likely { wanted: 2, .. }))
        ));
        let empty = hex("0001 0000 00000000000000000000000000000000");
        assert_eq!(look_at(datagram, &empty), None);
    }

    #[test]
    fn a_connection_begins_with_a_message_bare_or_behind_its_length() {
        let bare = hex(REQUEST);
        let framed = [&hex("0058")[..], &bare].concat();
        let stun = Some(Recognised::from(Protocol::Stun));
        assert_eq!(listen(stream, &bare, b""), stun);
        assert_eq!(listen(stream, b"", &framed), stun);
        damage_stream(stream, [&framed, &[]], [22, 0]);
        assert_eq!(listen(stream, &hex("0059"), &bare[1..]), None);
    }
}
