//! Over eighty protocols by their first bytes: what it costs when none of them knows the bytes, which is the rule and the dearest case.

use divan::{Bencher, black_box};
use dpi_engine::inspect::signature::{Datagram, OPENING_LEN, Opening, of_datagram, of_stream};

use crate::traffic::noise;

#[divan::bench(args = [20, 100, 1200])]
fn datagram_of_nobody(bencher: Bencher<'_, '_>, len: usize) {
    let noise = noise(len);
    let datagram = Datagram {
        bytes: &noise,
        origlen: noise.len(),
        src_port: 40_000,
        dst_port: 50_000,
    };
    assert_eq!(of_datagram(&datagram), None);
    bencher.bench_local(|| of_datagram(black_box(&datagram)));
}

#[divan::bench]
fn stream_of_nobody(bencher: Bencher<'_, '_>) {
    stream(bencher, true);
}

/// The sides are not certain: all is asked twice.
#[divan::bench]
fn stream_of_nobody_from_the_middle(bencher: Bencher<'_, '_>) {
    stream(bencher, false);
}

fn stream(bencher: Bencher<'_, '_>, is_certain: bool) {
    let noise = noise(2 * OPENING_LEN);
    let (client, server) = noise.split_at(OPENING_LEN);
    let opening = Opening {
        client,
        server,
        is_certain,
        client_port: 40_000,
        server_port: 50_000,
    };
    assert_eq!(of_stream(&opening), None);
    bencher.bench_local(|| of_stream(black_box(&opening)));
}
