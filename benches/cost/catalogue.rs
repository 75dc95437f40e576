//! Telling whose a name is, and what every run pays before its first packet: reading the catalogue.

use std::sync::LazyLock;

use divan::{Bencher, black_box, counter::ItemsCount};
use dpi_engine::catalogue::{AppId, Catalogue};

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

static CATALOGUE: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::builtin().expect("the built-in catalogue"));

#[divan::bench(args = NAMES)]
fn by_name(bencher: Bencher<'_, '_>, name: &str) {
    let catalogue = &*CATALOGUE;
    bencher.bench_local(|| catalogue.by_name(black_box(name)));
}

/// The eight names one after the other: the time is that of one.
#[divan::bench]
fn by_name_of_each(bencher: Bencher<'_, '_>) {
    each(bencher, Catalogue::by_name);
}

#[divan::bench]
fn by_sni_of_each(bencher: Bencher<'_, '_>) {
    each(bencher, Catalogue::by_sni);
}

#[divan::bench]
fn by_certificate_of_each(bencher: Bencher<'_, '_>) {
    each(bencher, Catalogue::by_certificate);
}

fn each(bencher: Bencher<'_, '_>, owner: fn(&Catalogue, &str) -> Option<AppId>) {
    let catalogue = &*CATALOGUE;
    bencher
        .counter(ItemsCount::new(NAMES.len()))
        .bench_local(|| NAMES.map(|name| owner(catalogue, black_box(name))));
}

#[divan::bench]
fn reading() -> Option<Catalogue> {
    Catalogue::builtin().ok()
}
