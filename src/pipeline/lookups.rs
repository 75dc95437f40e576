//! Lookups that share the verdict of the flows that they led to: those of name servers, where they are to follow.
//!
//! What a lookup led to is known only after it, so flows that ask name servers are held until all others were told. A lookup led to a flow if
//! its client later opened one that bears the name: as a server name, as a host, in a certificate, or by the answer of DNS.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::domain::DomainName;
use crate::evidence::{FoundName, NameSource};
use crate::flow::{Findings, FlowSummary};
use crate::rules::{Removal, RuleId};

/// Bytes of the flows that ask name servers and are held until the end, about 500 each; further ones go by their own rules alone.
const MAX_HELD_BYTES: usize = 64 << 20;
/// Names of clients whose flows are remembered, and the bytes of those names; further flows take no lookup along.
const MAX_SEQUELS: usize = 262_144;
const MAX_NAME_BYTES: usize = 16 << 20;

/// Flows that ask, and what came of it.
#[derive(Default)]
pub(super) struct Lookups {
    /// Flows that ask and meet no rule by themselves, in the order in which they ended.
    held: Vec<FlowSummary>,
    held_bytes: usize,
    /// What became of a client's flows that bear a name.
    sequels: HashMap<(IpAddr, DomainName), Sequel, ahash::RandomState>,
    name_bytes: usize,
    untold: u64,
}

/// The last flows of a client that bear a name.
#[derive(Debug, Clone, Copy, Default)]
struct Sequel {
    /// First packet of the last one that a rule blocks, and the first such rule.
    taken: Option<(u64, RuleId)>,
    /// First packet of the last one that none does; 0 where there is none.
    left: u64,
}

impl Lookups {
    /// A flow has ended: gives it back, or holds it because it asks name servers.
    pub(super) fn take(&mut self, flow: FlowSummary) -> Option<FlowSummary> {
        let asks = flow.findings().names.iter().any(is_question);
        if !asks {
            self.note(&flow);
            return Some(flow);
        }
        // A verdict of its own stands.
        if flow.decided_by().is_some() {
            return Some(flow);
        }
        let bytes = size_of::<FlowSummary>() + size_of::<Findings>() + flow.findings().held_bytes();
        if self.held_bytes + bytes > MAX_HELD_BYTES {
            self.untold += 1;
            return Some(flow);
        }
        self.held_bytes += bytes;
        self.held.push(flow);
        None
    }

    /// The flows that were held, in order of their first packets, with the verdicts that they share.
    pub(super) fn finish(&mut self) -> Vec<FlowSummary> {
        let mut held = std::mem::take(&mut self.held);
        held.sort_unstable_by_key(|flow| flow.first_packet);
        for flow in &mut held {
            if let Some(rule) = self.rule_for(flow) {
                flow.block(rule);
            }
        }
        held
    }

    /// Flows that could not be held, or whose names could not be kept.
    pub(super) const fn untold(&self) -> u64 {
        self.untold
    }

    fn note(&mut self, flow: &FlowSummary) {
        let client = client(flow);
        let mut is_whole = true;
        for name in names(flow.findings()) {
            let is_room = self.sequels.len() < MAX_SEQUELS
                && self.name_bytes + name.as_str().len() <= MAX_NAME_BYTES;
            let key = (client, name.clone());
            let sequel = match self.sequels.get_mut(&key) {
                Some(sequel) => sequel,
                None if is_room => {
                    self.name_bytes += name.as_str().len();
                    self.sequels.entry(key).or_default()
                }
                None => {
                    is_whole = false;
                    continue;
                }
            };
            match (flow.rule, sequel.taken) {
                (None, _) => sequel.left = sequel.left.max(flow.first_packet),
                (Some(rule), None) => sequel.taken = Some((flow.first_packet, rule)),
                (Some(rule), Some((first, before))) => {
                    sequel.taken = Some((first.max(flow.first_packet), before.min(rule)));
                }
            }
        }
        self.untold += u64::from(!is_whole);
    }

    /// The rule that a flow shares.
    ///
    /// A flow with several lookups goes with those that it led to only when that is all it was for; and where all else goes, it stays for
    /// one of them.
    fn rule_for(&self, flow: &FlowSummary) -> Option<RuleId> {
        let client = client(flow);
        let questions = flow
            .findings()
            .names
            .iter()
            .filter(|name| is_question(name));
        let mut first = None;
        for asked in questions {
            let sequel = self.sequels.get(&(client, asked.name.clone()));
            let sequel = sequel.copied().unwrap_or_default();
            let taken = sequel.taken.filter(|(at, _)| *at > asked.packet);
            first = [first, taken.map(|(_, rule)| rule)]
                .into_iter()
                .flatten()
                .min();
            let is_all_taken = taken.is_some() && sequel.left <= asked.packet;
            if !is_all_taken && flow.removal != Removal::AllElse {
                return None;
            }
        }
        let caveats = flow.findings().rare().caveats.as_ref();
        let is_cut = caveats.is_some_and(|caveats| caveats.names > 0);
        first.filter(|_| !is_cut || flow.removal == Removal::AllElse)
    }
}

fn client(flow: &FlowSummary) -> IpAddr {
    flow.src().addr.to_canonical()
}

fn is_question(found: &FoundName) -> bool {
    found.from == NameSource::DnsQuery
}

/// The names that a flow bears. The answer of DNS is one of them, unless the flow says better itself; a cover name is no better.
fn names(findings: &Findings) -> impl Iterator<Item = &DomainName> {
    use NameSource::{Certificate, DnsAnswer, DtlsSni, HttpHost, QuicSni, TlsSni};
    let is_own = |found: &FoundName| matches!(found.from, TlsSni | QuicSni | DtlsSni | HttpHost);
    let knows_better = !findings.has_ech && findings.names.iter().any(is_own);
    let bears = move |found: &&FoundName| match found.from {
        DnsAnswer => !knows_better,
        Certificate => true,
        _ => is_own(found),
    };
    findings.names.iter().filter(bears).map(|found| &found.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::IpProtocol;
    use crate::stats::flows::tests::sample_flow;

    const CLIENT: &str = "192.168.1.2:50000";
    const RULE: RuleId = RuleId(3);

    /// A flow of the client that bears names, and the rule that blocks it.
    fn visit(first: u64, rule: Option<RuleId>, names: &[&str]) -> FlowSummary {
        let ends = (CLIENT, "203.0.113.9:443");
        let mut flow = sample_flow(first, IpProtocol::TCP, ends, names);
        flow.rule = rule;
        flow
    }

    /// A flow that asks for names, in its first packet.
    fn asking(first: u64, removal: Removal, client: &str, names: &[&str]) -> FlowSummary {
        let ends = (client, "192.168.1.1:53");
        let mut flow = sample_flow(first, IpProtocol::UDP, ends, names);
        flow.removal = removal;
        for found in &mut flow.findings_mut().names {
            (found.from, found.packet) = (NameSource::DnsQuery, first);
        }
        flow
    }

    /// Which of the flows, told in this order, have a rule at the end.
    fn blocked(flows: Vec<FlowSummary>) -> Vec<u64> {
        let mut lookups = Lookups::default();
        let mut told: Vec<_> = flows
            .into_iter()
            .filter_map(|flow| lookups.take(flow))
            .collect();
        told.extend(lookups.finish());
        let blocked = told.iter().filter(|flow| flow.rule.is_some());
        let mut blocked: Vec<_> = blocked.map(|flow| flow.first_packet).collect();
        blocked.sort_unstable();
        blocked
    }

    #[test]
    fn a_lookup_goes_with_what_it_led_to_whichever_ends_first() {
        let lookup = || asking(1, Removal::WholeFlow, CLIENT, &["a.example"]);
        let visit = || visit(5, Some(RULE), &["a.example"]);
        assert_eq!(blocked(vec![lookup(), visit()]), [1, 5]);
        assert_eq!(blocked(vec![visit(), lookup()]), [1, 5]);
    }

    #[test]
    fn what_came_before_or_was_another_s_or_named_otherwise_was_not_led_to() {
        let lookups = [
            asking(6, Removal::WholeFlow, CLIENT, &["a.example"]),
            asking(1, Removal::WholeFlow, "192.168.1.3:50000", &["a.example"]),
            asking(2, Removal::WholeFlow, CLIENT, &["b.example"]),
        ];
        let mut flows = lookups.to_vec();
        flows.push(visit(5, Some(RULE), &["a.example"]));
        assert_eq!(blocked(flows), [5]);
    }

    #[test]
    fn a_lookup_stays_for_one_flow_that_stays() {
        let flows = |last| {
            vec![
                visit(5, Some(RULE), &["a.example"]),
                visit(7, last, &["a.example"]),
                asking(1, Removal::WholeFlow, CLIENT, &["a.example"]),
            ]
        };
        assert_eq!(blocked(flows(None)), [5]);
        assert_eq!(blocked(flows(Some(RuleId(4)))), [1, 5, 7]);
    }

    #[test]
    fn a_flow_of_several_lookups_goes_with_all_of_them_and_is_kept_for_one() {
        let flows = |removal, names: &[&str]| {
            vec![
                asking(1, removal, CLIENT, names),
                visit(5, Some(RULE), &["a.example"]),
                visit(6, Some(RuleId(1)), &["b.example"]),
                visit(7, None, &["c.example"]),
            ]
        };
        use Removal::{AllElse, WholeFlow};
        assert_eq!(
            blocked(flows(WholeFlow, &["a.example", "b.example"])),
            [1, 5, 6]
        );
        assert_eq!(
            blocked(flows(WholeFlow, &["a.example", "c.example"])),
            [5, 6]
        );
        assert_eq!(
            blocked(flows(WholeFlow, &["a.example", "d.example"])),
            [5, 6]
        );
        assert_eq!(
            blocked(flows(AllElse, &["a.example", "c.example"])),
            [1, 5, 6]
        );
        assert_eq!(blocked(flows(AllElse, &["c.example"])), [5, 6]);
    }

    #[test]
    fn lookups_of_many_names_are_held_up_to_a_bound_on_bytes() {
        let mut lookup = asking(1, Removal::WholeFlow, CLIENT, &[]);
        for n in 0..1_000 {
            let name = DomainName::from_bytes(format!("{n:063}.{n:063}.example").as_bytes());
            let findings = lookup.findings_mut();
            findings
                .add(name.unwrap(), NameSource::DnsQuery, 1)
                .unwrap();
        }
        let least = 1_000 * "..example".len() + 2 * 63 * 1_000;
        let mut lookups = Lookups::default();
        let told = (0..1_000).filter_map(|_| lookups.take(lookup.clone()));
        assert_eq!(told.count() as u64, lookups.untold());
        let held = 1_000 - lookups.untold() as usize;
        assert!(held > 100 && held * least <= MAX_HELD_BYTES, "{held}");
    }

    #[test]
    fn the_answer_names_a_flow_that_says_nothing_better() {
        let answered = |own: &[&str], has_ech| {
            let mut flow = visit(5, Some(RULE), own);
            let name = DomainName::from_bytes(b"a.example").unwrap();
            let findings = flow.findings_mut();
            findings.add(name, NameSource::DnsAnswer, 2).unwrap();
            findings.has_ech = has_ech;
            vec![asking(1, Removal::WholeFlow, CLIENT, &["a.example"]), flow]
        };
        assert_eq!(blocked(answered(&[], false)), [1, 5]);
        assert_eq!(blocked(answered(&["b.example"], false)), [5]);
        assert_eq!(blocked(answered(&["cover.example"], true)), [1, 5]);
    }

    #[test]
    fn a_verdict_of_its_own_stands_and_figures_follow_the_one_that_is_shared() {
        let mut allowed = asking(1, Removal::WholeFlow, CLIENT, &["a.example"]);
        allowed.allowed = Some(RuleId(0));
        let flows = vec![allowed, visit(5, Some(RULE), &["a.example"])];
        assert_eq!(blocked(flows), [5]);
        for (removal, dropped) in [(Removal::WholeFlow, 10), (Removal::AllElse, 0)] {
            let mut lookups = Lookups::default();
            assert_eq!(
                lookups.take(asking(1, removal, CLIENT, &["a.example"])),
                None
            );
            lookups.take(visit(5, Some(RULE), &["a.example"]));
            let told = lookups.finish().remove(0);
            assert_eq!((told.rule, told.dropped_in_all()), (Some(RULE), dropped));
        }
    }
}
