//! What it costs to tell whose a name is: a time a name, for names of several kinds, and for all of them one after the other.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dpi_engine::catalogue::Catalogue;
use std::hint::black_box;

/// Names of hosts: of applications, deep below one, of nobody.
const NAMES: [&str; 8] = [
    "www.youtube.com",
    "rr3---sn-4g5e6nz7.googlevideo.com",
    "github.com",
    "oca-api.eu-west-1.internal.netflix.com",
    "www.example.org",
    "a.very.deep.name.that.belongs.to.nobody.example.net",
    "localhost",
    "s3.dualstack.eu-central-1.amazonaws.com",
];

fn lookup(criterion: &mut Criterion) {
    let Ok(catalogue) = Catalogue::builtin() else {
        return;
    };
    let mut group = criterion.benchmark_group("by_name");
    for name in NAMES {
        group.bench_function(name, |bencher| {
            bencher.iter(|| catalogue.by_name(black_box(name)));
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("all names");
    group.throughput(Throughput::Elements(NAMES.len() as u64));
    group.bench_function("by_name", |bencher| {
        bencher.iter(|| NAMES.map(|name| catalogue.by_name(black_box(name))));
    });
    group.bench_function("by_sni", |bencher| {
        bencher.iter(|| NAMES.map(|name| catalogue.by_sni(black_box(name))));
    });
    group.finish();
}

/// What every run pays before its first packet.
fn reading(criterion: &mut Criterion) {
    criterion.bench_function("read the catalogue", |bencher| {
        bencher.iter(Catalogue::builtin);
    });
}

criterion_group!(benches, lookup, reading);
criterion_main!(benches);
