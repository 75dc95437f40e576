//! IEEE 802.11, the frames of wireless networks. Those with data in them hold LLC, one packet or an aggregate of several; all others, and
//! what is encrypted, hold nothing to decode.
//!
//! A frame check sequence at the end is left where it is: the packet's own lengths end the packet before it, as they do before Ethernet's
//! trailer. A frame that the capture has cut no longer has it, and would lose four bytes of the packet instead.

use super::Step;
use super::llc;
use super::view::{Layer, Reason, Stop};
use super::window::Window;

/// Frame control, duration, three addresses, sequence control. Source: IEEE 802.11-2020 §9.3.2.1.
const BASE_LEN: usize = 24;
/// The fourth address, of frames that go from one distribution system to another.
const ADDRESS_LEN: usize = 6;
const QOS_LEN: usize = 2;
/// The HT, VHT or HE variant of a control field that may follow the QoS one.
const HT_CONTROL_LEN: usize = 4;
/// Where sequence control stands: the number of the fragment in four bits, then that of the frame.
const SEQUENCE_AT: usize = 22;
const FRAGMENT_NUMBER: u8 = 0x0f;

/// First byte of frame control. Source: IEEE 802.11-2020 §9.2.4.1.
const VERSION: u8 = 0x03;
const TYPE: u8 = 0x0c;
const TYPE_CONTROL: u8 = 0x04;
const TYPE_DATA: u8 = 0x08;
/// Bits of the subtype, for data frames.
const IS_NULL: u8 = 0x40;
const IS_QOS: u8 = 0x80;
/// Second byte of frame control.
const TO_DS: u8 = 0x01;
const FROM_DS: u8 = 0x02;
const IS_PROTECTED: u8 = 0x40;
const HAS_HT_CONTROL: u8 = 0x80;

/// First byte of QoS control: the body is an aggregate. Source: IEEE 802.11-2020 §9.2.4.5.
const IS_AGGREGATE: u8 = 0x80;
/// Second byte: mesh control is there, in frames within a mesh.
const HAS_MESH_CONTROL: u8 = 0x01;

/// Flags, time to live, sequence number; then as many addresses as the flags' two low bits say. Source: IEEE 802.11-2020 §9.2.4.7.3.
const MESH_LEN: usize = 6;
const MAX_MESH_ADDRESSES: u8 = 2;

/// Two addresses and a length. Source: IEEE 802.11-2020 §9.3.2.2.
const SUBFRAME_LEN: usize = 14;
/// Most subframes of an aggregate that are looked at, in search of one whose protocol is decoded.
const MAX_SUBFRAMES: usize = 64;

/// How the header departs from the standard's.
#[derive(Clone, Copy)]
struct Form {
    /// It is padded to a multiple of so many bytes.
    alignment: usize,
    /// Frame control and sequence control are big-endian.
    is_swapped: bool,
}

/// An 802.11 frame.
///
/// Loses, of an aggregate, all packets but the first whose protocol is decoded: a frame has one view. The packets of an aggregate have one
/// transmitter, receiver and priority, and are mostly of one flow, but need not be.
pub(super) fn read(window: Window<'_>) -> Step<'_> {
    let form = Form {
        alignment: 1,
        is_swapped: false,
    };
    read_data(form, window)
}

/// An 802.11 frame whose header the receiver has padded to a multiple of four bytes.
pub(super) fn read_padded(window: Window<'_>) -> Step<'_> {
    let form = Form {
        alignment: 4,
        is_swapped: false,
    };
    read_data(form, window)
}

/// An 802.11 frame to or from a distribution system, whose control fields may be big-endian: Cisco's access points write them so.
///
/// The version is 0 and the direction is not, so that the bytes of frame control tell which is which.
pub(super) fn read_tunnelled(window: Window<'_>) -> Step<'_> {
    let form = Form {
        alignment: 1,
        is_swapped: window.array(0).is_some_and(|[first]| first & VERSION != 0),
    };
    read_data(form, window)
}

fn read_data(form: Form, window: Window<'_>) -> Step<'_> {
    let layer = Layer::Ieee80211;
    let native = |[first, second]: [u8; 2]| match form.is_swapped {
        true => [second, first],
        false => [first, second],
    };
    let control = window.array(0).map(native);
    let [kind, flags] = control.ok_or_else(|| window.too_short(layer, BASE_LEN))?;
    if kind & VERSION != 0 {
        let flags = Reason::Flags(u16::from_be_bytes([kind, flags]));
        return Err(window.stop(layer, flags));
    }
    match kind & TYPE {
        TYPE_DATA if kind & IS_NULL == 0 => {}
        TYPE_DATA => return Err(window.stop(layer, Reason::NoData)),
        TYPE_CONTROL => return Err(window.stop(layer, Reason::Control)),
        _ => return Err(window.stop(layer, Reason::Management)),
    }
    let is_between = flags & TO_DS != 0 && flags & FROM_DS != 0;
    let qos_at = BASE_LEN + if is_between { ADDRESS_LEN } else { 0 };
    let header_len = match (kind & IS_QOS != 0, flags & HAS_HT_CONTROL != 0) {
        (false, _) => qos_at,
        (true, false) => qos_at + QOS_LEN,
        (true, true) => qos_at + QOS_LEN + HT_CONTROL_LEN,
    };
    let body = window.past(
        layer,
        header_len.next_multiple_of(form.alignment),
        header_len,
    )?;
    if flags & IS_PROTECTED != 0 {
        return Err(body.stop(layer, Reason::Encrypted));
    }
    let [fragment, _] = native(window.array(SEQUENCE_AT).unwrap_or_default());
    if fragment & FRAGMENT_NUMBER != 0 {
        return Err(body.stop(layer, Reason::LaterPart));
    }
    let [qos, mesh] = match kind & IS_QOS {
        0 => [0; QOS_LEN],
        _ => window.array(qos_at).unwrap_or_default(),
    };
    let may_have_mesh = flags & FROM_DS != 0 && mesh & HAS_MESH_CONTROL != 0;
    if qos & IS_AGGREGATE != 0 {
        return read_aggregate(may_have_mesh, body);
    }
    Ok(Some((Layer::Llc, past_mesh_control(may_have_mesh, body)?)))
}

/// What follows mesh control.
///
/// Outside a mesh the bit that announces it may mean something else: the first byte must be one that LLC never begins with.
fn past_mesh_control(may_have: bool, body: Window<'_>) -> Result<Window<'_>, Stop> {
    match body.array(0) {
        Some([addresses @ ..=MAX_MESH_ADDRESSES]) if may_have => {
            let len = MESH_LEN + ADDRESS_LEN * usize::from(addresses);
            body.past(Layer::Ieee80211, len, MESH_LEN)
        }
        _ => Ok(body),
    }
}

/// The first subframe of an aggregate whose protocol is decoded, else the first one.
///
/// Each has mesh control of its own, where there is any.
fn read_aggregate(may_have_mesh: bool, body: Window<'_>) -> Step<'_> {
    let first = subframe(body).ok_or_else(|| body.too_short(Layer::Ieee80211, SUBFRAME_LEN))?;
    let mut rest = body;
    for _ in 0..MAX_SUBFRAMES {
        let Some((content, next)) = subframe(rest) else {
            break;
        };
        if let Ok(packet) = past_mesh_control(may_have_mesh, content)
            && llc::is_decoded(packet)
        {
            return Ok(Some((Layer::Llc, packet)));
        }
        rest = next;
    }
    Ok(Some((
        Layer::Llc,
        past_mesh_control(may_have_mesh, first.0)?,
    )))
}

/// A subframe's content, and what follows the subframe.
fn subframe(window: Window<'_>) -> Option<(Window<'_>, Window<'_>)> {
    let len = usize::from(window.be16(SUBFRAME_LEN - 2)?);
    // All but the last are padded to a multiple of four bytes.
    let padded_len = (SUBFRAME_LEN + len).next_multiple_of(4);
    Some((
        window.skip(SUBFRAME_LEN).limit(len),
        window.skip(padded_len),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::golden::{REAL_DNS, hex, payload_numbers, tuple_text};
    use super::super::golden_wireless::{DNS_SUBFRAME, SNAP, WIFI_HEADER};
    use super::*;
    use crate::packet::LinkType;
    use crate::wire::{PacketView, decode};

    const DNS: &str = "udp 10.77.0.2:48513 > 10.77.1.53:53";
    const AGGREGATE: [&str; 3] = ["88 02", WIFI_HEADER, "80 00"];

    fn view(frame: &[u8]) -> PacketView {
        decode(Some(LinkType::IEEE802_11), frame)
    }

    /// An aggregate with `before` in front of a subframe that holds IP.
    fn aggregate(before: &[u8]) -> Vec<u8> {
        [
            hex(&AGGREGATE),
            before.to_vec(),
            hex(&[DNS_SUBFRAME, REAL_DNS]),
        ]
        .concat()
    }

    #[test]
    fn an_aggregate_is_searched_up_to_its_bound() {
        let empty = |count: usize| vec![0; SUBFRAME_LEN.next_multiple_of(4) * count];
        let found = view(&aggregate(&empty(MAX_SUBFRAMES - 1)));
        assert_eq!(tuple_text(&found), DNS);
        let missed = view(&aggregate(&empty(MAX_SUBFRAMES)));
        assert_eq!(
            (missed.net, missed.stop.map(|stop| stop.reason)),
            (None, Some(Reason::Short))
        );
    }

    #[test]
    fn a_subframe_ends_its_packet() {
        let mut frame = aggregate(&[]);
        let len_at = 26 + SUBFRAME_LEN - 1;
        assert_eq!(payload_numbers(&view(&frame)), (76, 33, 33));
        frame[len_at] -= 10;
        assert_eq!(payload_numbers(&view(&frame)), (76, 23, 23));
    }

    #[test]
    fn the_first_part_of_a_frame_has_the_headers() {
        let frame = hex(&["08 05", WIFI_HEADER, SNAP, REAL_DNS]);
        let view = view(&frame[..70]);
        assert_eq!(tuple_text(&view), DNS);
        assert_eq!(payload_numbers(&view), (60, 10, 33));
    }

    #[test]
    fn a_cut_header_tells_its_length() {
        let frame = hex(&[
            "88 83",
            WIFI_HEADER,
            "02 00 00 00 00 04 00 00 00 00 00 00",
            SNAP,
        ]);
        for cut in 2..36 {
            let stop = view(&frame[..cut]).stop.unwrap();
            assert_eq!(
                (stop.layer, stop.need, stop.have, stop.reason),
                (Layer::Ieee80211, 36, cut as u32, Reason::Cut)
            );
        }
    }
}
