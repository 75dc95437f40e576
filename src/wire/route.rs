//! Source routes of IPv4: where a packet goes to in the end, while its header names the next stop.
//!
//! Replies come from there, and the transport's checksum is reckoned with it.
//!
//! Of IPv4 alone: a packet with an IPv6 routing header (RFC 8200 §4.4) that has segments left keeps the destination that its fixed header names,
//! as Wireshark has it.

/// Source: RFC 791 §3.1.
const END_OF_OPTIONS: u8 = 0;
const NO_OPERATION: u8 = 1;
const LOOSE_SOURCE_ROUTE: u8 = 131;
const STRICT_SOURCE_ROUTE: u8 = 137;
/// Kind, length, and where the next stop stands.
const ROUTE_HEADER_LEN: usize = 3;
const ADDRESS_LEN: usize = 4;

/// The last stop of a source route that is not at its end; `None` where the header's own destination is it.
///
/// Time: proportional to the options, of which there are 40 bytes at most.
pub(super) fn last_hop(mut options: &[u8]) -> Option<[u8; ADDRESS_LEN]> {
    while let [kind, rest @ ..] = options {
        options = match *kind {
            END_OF_OPTIONS => return None,
            NO_OPERATION => rest,
            kind => {
                let len = usize::from(*rest.first()?);
                let option = options.get(..len).filter(|_| len >= 2)?;
                if matches!(kind, LOOSE_SOURCE_ROUTE | STRICT_SOURCE_ROUTE) {
                    return last_of(option);
                }
                options.get(len..)?
            }
        };
    }
    None
}

fn last_of(route: &[u8]) -> Option<[u8; ADDRESS_LEN]> {
    // Counted from 1; past the end when the last stop is reached.
    let next = usize::from(*route.get(2)?);
    let stops = route.get(ROUTE_HEADER_LEN..)?;
    let (_, last) = stops.split_last_chunk::<ADDRESS_LEN>()?;
    let is_whole = stops.len().is_multiple_of(ADDRESS_LEN);
    (is_whole && next > ROUTE_HEADER_LEN && next <= route.len()).then_some(*last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTE: [u8; 12] = [
        LOOSE_SOURCE_ROUTE,
        11,
        4, // kind, length, the first stop is next
        192,
        0,
        2,
        9,
        198,
        51,
        100,
        9, // two stops
        END_OF_OPTIONS,
    ];

    #[test]
    fn the_last_stop_is_the_destination() {
        assert_eq!(last_hop(&ROUTE), Some([198, 51, 100, 9]));
        let mut strict = [&[NO_OPERATION, 68, 4, 5, 0][..], &ROUTE].concat();
        strict[5] = STRICT_SOURCE_ROUTE;
        assert_eq!(last_hop(&strict), Some([198, 51, 100, 9]));
    }

    #[test]
    fn a_route_that_is_at_its_end_changes_nothing() {
        let mut route = ROUTE;
        route[2] = 12;
        assert_eq!(last_hop(&route), None);
    }

    #[test]
    fn other_options_change_nothing() {
        for options in [
            &[][..],
            &[NO_OPERATION; 40],
            &[END_OF_OPTIONS, LOOSE_SOURCE_ROUTE, 7, 4, 1, 2, 3, 4],
            &[7, 7, 4, 1, 2, 3, 4], // record route
        ] {
            assert_eq!(last_hop(options), None, "{options:?}");
        }
    }

    #[test]
    fn a_malformed_route_changes_nothing() {
        for cut in 0..11 {
            assert_eq!(last_hop(&ROUTE[..cut]), None, "{cut}");
        }
        for (at, byte) in [(1, 0), (1, 1), (1, 10), (1, 255), (2, 0), (2, 3)] {
            let mut route = ROUTE;
            route[at] = byte;
            assert_eq!(last_hop(&route), None, "{at}: {byte}");
        }
    }
}
