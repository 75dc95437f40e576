//! Radiotap: what a monitor tells about the reception of an 802.11 frame.

use super::Step;
use super::ieee80211;
use super::view::{Layer, Reason};
use super::window::Window;

/// Version, padding, length, fields present. Source: radiotap.org.
const MIN_LEN: usize = 8;
const PRESENT_AT: usize = 4;
const WORD_LEN: usize = 4;
/// Most words of presence bits that are passed; there is one for each antenna.
const MAX_WORDS: usize = 32;

/// Presence bits. Source: radiotap.org, "Defined Fields".
const HAS_TIME: u32 = 1 << 0;
const HAS_FLAGS: u32 = 1 << 1;
/// Another word of presence bits follows.
const HAS_MORE: u32 = 1 << 31;
/// Length and alignment of the time of arrival.
const TIME_LEN: usize = 8;

/// The 802.11 header is padded to a multiple of four bytes. The flag for a frame check sequence at the end makes no difference.
const IS_PADDED: u8 = 0x20;

/// A radiotap header, and the 802.11 header behind it. All its numbers are little-endian.
pub(super) fn read(window: Window<'_>) -> Step<'_> {
    let start = window.array(0);
    let [version, pad, l0, l1] = start.ok_or_else(|| window.too_short(Layer::Radiotap, MIN_LEN))?;
    if version != 0 {
        let flags = u16::from_be_bytes([version, pad]);
        return Err(window.stop(Layer::Radiotap, Reason::Flags(flags)));
    }
    let len = usize::from(u16::from_le_bytes([l0, l1]));
    let frame = window.past(Layer::Radiotap, len, MIN_LEN)?;
    match flags(window.limit(len)) & IS_PADDED {
        0 => Ok(Some((Layer::Ieee80211, frame))),
        _ => ieee80211::read_padded(frame),
    }
}

/// The flags of the frame; 0 where the header tells none.
fn flags(header: Window<'_>) -> u8 {
    let word = |at| header.array(at).map_or(0, u32::from_le_bytes);
    let first = word(PRESENT_AT);
    if first & HAS_FLAGS == 0 {
        return 0;
    }
    let words =
        (0..MAX_WORDS).take_while(|index| word(PRESENT_AT + index * WORD_LEN) & HAS_MORE != 0);
    let mut at = PRESENT_AT + (words.count() + 1) * WORD_LEN;
    if first & HAS_TIME != 0 {
        at = at.next_multiple_of(TIME_LEN) + TIME_LEN;
    }
    header.array(at).map_or(0, |[flags]| flags)
}

#[cfg(test)]
mod tests {
    use super::super::golden::{REAL_DNS, hex, tuple_text};
    use super::super::golden_wireless::{SNAP, WIFI_HEADER};
    use super::MAX_WORDS;
    use crate::packet::LinkType;
    use crate::wire::decode;

    #[test]
    fn the_flags_are_looked_for_behind_words_up_to_a_bound() {
        for (words, is_found) in [(1, true), (MAX_WORDS, true), (MAX_WORDS + 1, false)] {
            let mut header = vec![0, 0, 0, 0, 0x02, 0, 0, 0x80];
            header.extend([0, 0, 0, 0x80].repeat(words - 1));
            header.extend([0, 0, 0, 0, 0x20]);
            header[2] = header.len() as u8;
            let frame = hex(&["88 01", WIFI_HEADER, "00 00", "00 00", SNAP, REAL_DNS]);
            let view = decode(
                Some(LinkType::IEEE802_11_RADIOTAP),
                &[header, frame].concat(),
            );
            assert_eq!(!tuple_text(&view).is_empty(), is_found, "{words}: {view:?}");
        }
    }
}
