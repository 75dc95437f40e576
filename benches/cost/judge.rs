//! What is concluded, asked and counted: classification, rules, statistics, hosts.

use std::net::IpAddr;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use dpi_engine::catalogue::AppId;
use dpi_engine::classify::{Classification, owner};
use dpi_engine::evidence::{Basis, NameSource};
use dpi_engine::flow::FlowSummary;
use dpi_engine::hosts::{Hosts, Thresholds};
use dpi_engine::packet::IpProtocol;
use dpi_engine::protocol::Protocol;
use dpi_engine::rules::{Action, End};
use dpi_engine::stats::FlowStats;

use crate::traffic::{flows, policy};

/// Rules of each kind.
const RULES: u16 = 1000;

/// From two protocols and a name to an application.
#[divan::bench]
fn classification(bencher: Bencher<'_, '_>) {
    let policy = policy(0);
    bencher.bench_local(|| {
        let mut flow = Classification::default();
        flow.add_protocol(Protocol::Tls);
        flow.add_protocol(Protocol::Https);
        let name = black_box("www.youtube.com");
        if let Some(app) = owner(name, NameSource::TlsSni, &policy.catalogue) {
            flow.consider(app, Basis::Name(NameSource::TlsSni));
        }
        flow.application()
    });
}

#[divan::bench(args = ["198.18.2.7", "192.0.2.1", "2001:db8::1"])]
fn rule_for_address(bencher: Bencher<'_, '_>, address: &str) {
    let policy = policy(RULES);
    let address: IpAddr = address.parse().expect("an address");
    bencher.bench_local(|| {
        policy
            .rules
            .tables(Action::Block)
            .for_address(End::Sender, black_box(address))
    });
}

#[divan::bench(args = [443, 20_500])]
fn rule_for_port(bencher: Bencher<'_, '_>, port: u16) {
    let policy = policy(RULES);
    bencher.bench_local(|| {
        policy
            .rules
            .tables(Action::Block)
            .for_port(IpProtocol::TCP, black_box(port))
    });
}

#[divan::bench]
fn rule_for_app(bencher: Bencher<'_, '_>) {
    let policy = policy(RULES);
    bencher.bench_local(|| {
        policy
            .rules
            .tables(Action::Block)
            .for_app(black_box(AppId(7)))
    });
}

#[divan::bench(args = ["a.b.ads-500.example", "www.example.org"])]
fn rule_for_domain(bencher: Bencher<'_, '_>, name: &str) {
    let policy = policy(RULES);
    bencher.bench_local(|| {
        policy
            .rules
            .tables(Action::Block)
            .for_domain(black_box(name))
    });
}

/// A time a flow.
#[divan::bench]
fn statistics(bencher: Bencher<'_, '_>) {
    each_flow(bencher, FlowStats::default, FlowStats::observe);
}

/// A time a flow.
#[divan::bench]
fn hosts(bencher: Bencher<'_, '_>) {
    each_flow(
        bencher,
        || Hosts::new(Thresholds::default()),
        Hosts::observe,
    );
}

fn each_flow<T>(
    bencher: Bencher<'_, '_>,
    new: impl Fn() -> T,
    observe: impl Fn(&mut T, &FlowSummary),
) {
    let flows = flows("web.pcap");
    bencher
        .counter(ItemsCount::new(flows.len()))
        .with_inputs(new)
        .bench_local_refs(|counts| {
            for flow in &flows {
                observe(counts, black_box(flow));
            }
        });
}
