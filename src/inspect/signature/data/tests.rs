//! What every look of this room has to show: it alone tells its own, no piece of it passes for something else, and damage does no harm.

use super::{DATAGRAMS, STREAMS};
use crate::inspect::signature::{Look, Opening, Recognised, testing};
use crate::inspect::testing::each_mutation;
use crate::protocol::Protocol;

/// A port that nothing is served at.
pub(super) const ANY_PORT: u16 = 40_000;

/// What the room's looks make of an opening: every answer.
pub(super) fn stream_answers(server_port: u16, client: &[u8], server: &[u8]) -> Vec<Recognised> {
    let opening = Opening {
        server_port,
        ..testing::opening(client, server)
    };
    testing::check_stream_table(&opening);
    STREAMS
        .iter()
        .filter_map(|(_, look)| look(&opening))
        .collect()
}

/// What the room's looks make of a datagram to `port`: every answer.
pub(super) fn datagram_answers(port: u16, bytes: &[u8]) -> Vec<Look> {
    let datagram = testing::datagram(bytes, 50_000, port);
    testing::check_datagram_table(&datagram);
    DATAGRAMS
        .iter()
        .filter_map(|(_, look)| look(&datagram))
        .collect()
}

/// The opening is told, by one look, as `wanted`; its prefixes as that or nothing; damaged copies never panic.
pub(super) fn assert_stream(
    wanted: impl Into<Recognised>,
    port: u16,
    client: &[u8],
    server: &[u8],
) {
    let wanted = wanted.into();
    assert_eq!(stream_answers(port, client, server), [wanted]);
    let is_own_or_none = |answers: Vec<Recognised>, cut: usize| {
        assert!(
            answers.iter().all(|told| *told == wanted),
            "{wanted:?} cut at {cut}: {answers:?}"
        );
    };
    for cut in 0..client.len() {
        is_own_or_none(stream_answers(port, &client[..cut], &[]), cut);
    }
    for cut in 0..server.len() {
        is_own_or_none(stream_answers(port, client, &server[..cut]), cut);
        is_own_or_none(stream_answers(port, &[], &server[..cut]), cut);
    }
    each_mutation(client, 300, |damaged| {
        stream_answers(port, damaged, server);
    });
    each_mutation(server, 300, |damaged| {
        stream_answers(port, client, damaged);
    });
}

/// No look tells anything of the opening.
pub(super) fn assert_no_stream(port: u16, client: &[u8], server: &[u8]) {
    assert_eq!(stream_answers(port, client, server), []);
}

/// The datagram is surely told, by one look, as `protocol`; damaged and cut copies never panic.
pub(super) fn assert_datagram(protocol: Protocol, port: u16, bytes: &[u8]) {
    assert_eq!(
        datagram_answers(port, bytes),
        [Look::Sure(protocol.into())],
        "{protocol}"
    );
    for cut in 0..bytes.len() {
        for told in datagram_answers(port, &bytes[..cut]) {
            assert_eq!(told, Look::Sure(protocol.into()), "{protocol} cut at {cut}");
        }
    }
    each_mutation(bytes, 500, |damaged| {
        datagram_answers(port, damaged);
    });
}
