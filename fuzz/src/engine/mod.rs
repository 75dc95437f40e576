//! The whole engine: a capture in, all outputs out, and the guarantees as assertions.
//!
//! What holds: forwarded and dropped packets are the input, byte for byte and in order; the figures add up; and three workers,
//! with a source that gives its bytes in other pieces, tell what a run without threads tells of the whole source.

mod pool;
mod run;

use std::io::Cursor;
use std::sync::{Arc, OnceLock};

use dpi_engine::catalogue::Catalogue;
use dpi_engine::engine::{DEFAULT_MAX_FLOWS, Policy};
use dpi_engine::key::SHARDS;
use dpi_engine::rules::{Action, Kind, Removal, RuleSetBuilder};

use crate::capture::{self, Choppy};
use crate::script::Script;
use run::{Run, is_an_interleaving};

/// Rules, and what becomes of the flows that they block.
type Given = (&'static [&'static str], Removal);

/// What the policies block and allow.
const GIVEN: [Given; 6] = [
    (&[], Removal::Inline),
    (
        &[
            "app:YouTube",
            "app:TLS",
            "app:DNS",
            "domain:*.example.com",
            "port:8000-9000",
            "app:SSH",
        ],
        Removal::Inline,
    ),
    (
        &[
            "app:HTTP",
            "app:QUIC",
            "domain:*.com",
            "ip:10.77.1.0/28",
            "ip:192.0.2.1",
            "app:BitTorrent",
        ],
        Removal::WholeFlow,
    ),
    (
        &[
            "domain:*.test",
            "domain:*.example",
            "app:Social",
            "port:53",
            "app:ICMP",
        ],
        Removal::Inline,
    ),
    (
        &["app:DNS", "domain:~e", "port:443/udp", "ip:any:192.0.2.2"],
        Removal::AllElse,
    ),
    (
        &[
            "app:TLS",
            "port:1-1023",
            "app:HTTP",
            "allow:domain:*.com",
            "allow:ip:dst:192.0.2.3",
            "allow:app:SSH",
        ],
        Removal::Inline,
    ),
];

/// Policies to choose from: without rules, with rules of every kind, and for whole flows.
pub fn policies() -> &'static [Policy] {
    static POLICIES: OnceLock<Vec<Policy>> = OnceLock::new();
    POLICIES.get_or_init(|| {
        let catalogue = Arc::new(Catalogue::builtin().expect("its own tests read it"));
        GIVEN
            .iter()
            .enumerate()
            .map(|(number, rules)| policy(number, &catalogue, *rules))
            .collect()
    })
}

fn policy(number: usize, catalogue: &Arc<Catalogue>, (rules, removal): Given) -> Policy {
    let mut builder = RuleSetBuilder::new(catalogue);
    for rule in rules {
        let (action, rule) = match rule.strip_prefix("allow:") {
            Some(rule) => (Action::Allow, rule),
            None => (Action::Block, *rule),
        };
        let (kind, text) = kind_and_text(rule);
        let added = builder.add((action, kind), text, "here");
        added.expect("a rule that is one");
    }
    Policy {
        catalogue: Arc::clone(catalogue),
        rules: Arc::new(builder.build()),
        removal,
        block_by_dns: number % 2 == 1,
        with_dns: removal == Removal::WholeFlow,
        // Few enough that flows have to leave.
        max_flows: if number == 3 {
            2 * SHARDS
        } else {
            DEFAULT_MAX_FLOWS
        },
        fingerprints: number != 0,
        offsets: number == 1,
    }
}

/// What a rule's text, as reports show it, is about, and what it says.
pub fn kind_and_text(rule: &str) -> (Kind, &str) {
    let (kind, text) = rule.split_once(':').expect("a kind stands in front");
    let kind = match kind {
        "ip" => Kind::Ip,
        "port" => Kind::Port,
        "domain" => Kind::Domain,
        _ => Kind::App,
    };
    (kind, text)
}

/// A capture as it is, behind a byte that chooses the policy.
pub fn capture(bytes: &[u8]) {
    let mut script = Script(bytes);
    let policies = policies();
    holds(
        script.0.get(1..).unwrap_or_default(),
        &policies[script.below(policies.len())],
    );
}

/// A script of packets: of real flows, changed, repeated, cut, fragmented, wrapped; and of its own.
pub fn packets(bytes: &[u8]) {
    let mut script = Script(bytes);
    let policies = policies();
    let policy = &policies[script.below(policies.len())];
    holds(&pool::capture(&mut script), policy);
}

/// Runs the engine over a capture and checks what must hold.
fn holds(file: &[u8], policy: &Policy) {
    let Ok(read) = capture::read(file, None) else {
        return;
    };
    let alone = Run::over(Cursor::new(file.to_vec()), policy, 0);
    // Threads take longer than all else: one capture in sixteen.
    if is_one_in(16, file) {
        let choppy = Choppy {
            bytes: Cursor::new(file.to_vec()),
            step: 1 + file.len() % 1000,
        };
        are_the_same(&alone, &Run::over(choppy, policy, 3));
    }
    alone.adds_up(&read);
    is_an_interleaving(&read, [&alone.forwarded, &alone.dropped]);
}

/// Whether `bytes` are one of so many, by what they hold: what takes long is not done for all, and again for the same.
fn is_one_in(many: u8, bytes: &[u8]) -> bool {
    let sum = bytes
        .iter()
        .fold(0, |sum: u8, byte| sum.wrapping_add(*byte));
    sum.is_multiple_of(many)
}

/// Checks that two runs told the same.
fn are_the_same(one: &Run, other: &Run) {
    assert_eq!(one.forwarded, other.forwarded);
    assert_eq!(one.dropped, other.dropped);
    assert_eq!(one.judged, other.judged);
    assert_eq!(one.lines, other.lines);
    assert_eq!(one.json, other.json);
    assert_eq!(one.flows, other.flows);
}
