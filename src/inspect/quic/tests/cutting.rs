//! Hellos in pieces of any length and order, over packets and datagrams.

use super::*;

/// How a hello is cut up: where, in which order the pieces come, by how much each overlaps the next, how many go in a packet and a datagram.
#[derive(Debug, Clone)]
struct Cutting {
    cuts: Vec<usize>,
    order: Vec<u32>,
    overlap: usize,
    pieces_in_packet: usize,
    packets_in_datagram: usize,
}

fn cutting() -> impl Strategy<Value = Cutting> {
    let cuts = prop::collection::vec(0usize..1900, 0..30);
    let order = prop::collection::vec(any::<u32>(), 31);
    (cuts, order, 0usize..60, 1usize..6, 1usize..4).prop_map(
        |(cuts, order, overlap, pieces_in_packet, packets_in_datagram)| Cutting {
            cuts,
            order,
            overlap,
            pieces_in_packet,
            packets_in_datagram,
        },
    )
}

impl Cutting {
    fn datagrams(&self, hello: &[u8]) -> Vec<Vec<u8>> {
        let mut edges = self.cuts.clone();
        edges.extend([0, hello.len()]);
        edges.retain(|&edge| edge <= hello.len());
        edges.sort_unstable();
        let mut pieces: Vec<_> = edges
            .windows(2)
            .zip(&self.order)
            .map(|(edge, order)| {
                let end = (edge[1] + self.overlap).min(hello.len());
                let filler = ["00", "01", "02 05 10 00 00", "000000"][*order as usize % 4];
                (
                    order,
                    [hex(filler), crypto(edge[0], &hello[edge[0]..end])].concat(),
                )
            })
            .collect();
        pieces.sort();
        let packets: Vec<_> = pieces
            .chunks(self.pieces_in_packet)
            .enumerate()
            .map(|(number, pieces)| {
                let frames: Vec<u8> = pieces
                    .iter()
                    .flat_map(|(_, frames)| frames.clone())
                    .collect();
                Plan {
                    number: &[0, number as u8],
                    ..PLAN
                }
                .packet(&frames)
            })
            .collect();
        packets
            .chunks(self.packets_in_datagram)
            .map(|packets| packets.concat())
            .collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_cutting_gives_the_same_hello_once(cutting in cutting(), padding in 0usize..1800) {
        let hello = hello("a.example", padding);
        let mut initials = Initials::default();
        let mut found = 0;
        for datagram in cutting.datagrams(&hello) {
            match initials.datagram(&datagram) {
                Outcome::Found(hello) => {
                    prop_assert_eq!(hello.server_name, name("a.example"));
                    found += 1;
                }
                Outcome::NeedMore => {
                    let partial = initials.partial().and_then(|hello| hello.server_name);
                    prop_assert!(partial.is_none() || partial == name("a.example"));
                }
                Outcome::NotMine => prop_assert!(false),
            }
            prop_assert!(initials.held_bytes() <= 2 * MAX_CRYPTO);
        }
        prop_assert_eq!(found, 1);
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300), first in 0xc0u8..) {
        let _ = Initials::default().datagram(&bytes);
        let mut long = vec![first, 0, 0, 0, 1];
        long.extend(&bytes);
        let mut initials = Initials::default();
        let _ = initials.datagram(&long);
        let _ = initials.datagram(&PLAN.packet(&bytes));
        let _ = initials.partial();
    }
}
