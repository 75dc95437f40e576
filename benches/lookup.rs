//! What it costs to tell whose a name is.

use criterion::{Criterion, criterion_group, criterion_main};
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
    criterion.bench_function("eight names", |bencher| {
        bencher.iter(|| {
            for name in NAMES {
                black_box(catalogue.by_name(black_box(name)));
            }
        });
    });
}

criterion_group!(benches, lookup);
criterion_main!(benches);
