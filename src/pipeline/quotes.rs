//! Packets that share the verdict of another flow, which they quote: ICMP errors. They stay in their own flow's figures, as dropped; or
//! as kept, where all else is dropped.
//!
//! Inline, the quoted flow's verdict so far counts. When whole flows are removed, it is known only at the end: flows with such
//! packets are then told last.

use std::collections::{BTreeMap, HashMap, HashSet};

use thin_vec::ThinVec;

use super::worker::{Part, Quoted};
use crate::flow::{FlowSummary, SharedFate};
use crate::rules::RuleId;

/// Flows that quote others and are held back until the end, when whole flows are removed. More are told without these packets.
const MAX_HELD: usize = 65_536;
/// Quoted flows whose rule is kept for that. Packets that quote further ones are dropped too, and not counted for the rule.
const MAX_QUOTED: usize = 262_144;

/// A packet that quotes a flow, with the answer of that flow's worker.
pub(super) struct Quote {
    pub(super) index: u32,
    /// Number of the first packet of the packet's own flow.
    pub(super) flow: u64,
    pub(super) quoted: Quoted,
}

/// Brings the workers' answers for a chunk together, in capture order.
pub(super) fn of_chunk(parts: &[Part]) -> Vec<Quote> {
    let mut quoted: Vec<Quoted> = parts
        .iter()
        .flat_map(|part| part.quoted.iter().copied())
        .collect();
    if quoted.is_empty() {
        return Vec::new();
    }
    quoted.sort_unstable_by_key(|quoted| quoted.index);
    let mut quotes: Vec<Quote> = parts
        .iter()
        .flat_map(|part| &part.quoting)
        .filter_map(|&(index, flow)| {
            let at = quoted.binary_search_by_key(&index, |quoted| quoted.index);
            let quoted = *quoted.get(at.ok()?)?;
            Some(Quote {
                index,
                flow,
                quoted,
            })
        })
        .collect();
    quotes.sort_unstable_by_key(|quote| quote.index);
    quotes
}

/// What the verdicts of quoted flows did to the flows that quote them.
#[derive(Default)]
pub(super) struct Quotes {
    /// Packets and bytes, by the first packet of the quoting flow and the rule.
    drops: BTreeMap<(u64, RuleId), (u64, u64)>,
    /// Quoted flows and what blocked them; where whole flows are removed.
    quoted: HashMap<u64, Option<RuleId>, ahash::RandomState>,
    /// Flows that quote others and are not over; where whole flows are removed.
    quoting: HashSet<u64, ahash::RandomState>,
    /// The same that are over.
    held: BTreeMap<u64, FlowSummary>,
    untold: u64,
}

impl Quotes {
    /// A packet of `flow` was dropped for `rule`, which had blocked another flow.
    pub(super) fn dropped(&mut self, flow: u64, rule: RuleId, bytes: u32) {
        let (packets, sum) = self.drops.entry((flow, rule)).or_default();
        *packets += 1;
        *sum += u64::from(bytes);
    }

    /// A packet of one flow quotes another, whose verdict is not final.
    pub(super) fn note(&mut self, quote: &Quote) {
        if self.quoted.len() < MAX_QUOTED {
            let rule = self.quoted.entry(quote.quoted.flow).or_default();
            *rule = rule.or(quote.quoted.rule);
        }
        if self.quoting.len() + self.held.len() < MAX_HELD {
            self.quoting.insert(quote.flow);
        }
    }

    /// Whether nothing here changes or holds a flow that ends.
    pub(super) fn is_empty(&self) -> bool {
        self.drops.is_empty() && self.quoted.is_empty() && self.quoting.is_empty()
    }

    /// A flow has ended: gives it back with its figures put right, or holds it.
    pub(super) fn ended(&mut self, flow: FlowSummary) -> Option<FlowSummary> {
        if let Some(rule) = self.quoted.get_mut(&flow.first_packet) {
            *rule = flow.rule;
        }
        if self.quoting.remove(&flow.first_packet) {
            self.held.insert(flow.first_packet, flow);
            return None;
        }
        Some(self.put_right(flow))
    }

    /// A packet of `flow` goes with `quoted`, which is blocked for good, though its own flow is not.
    pub(super) fn condemned(&mut self, flow: u64, quoted: u64, bytes: u32) {
        let rule = self.quoted.get(&quoted).copied().flatten();
        match rule.filter(|_| self.held.contains_key(&flow)) {
            Some(rule) => self.dropped(flow, rule, bytes),
            None => self.untold += 1,
        }
    }

    /// Packets that were dropped and stand in no flow's figures, because too many flows quote others.
    pub(super) const fn untold(&self) -> u64 {
        self.untold
    }

    /// The flows that were held, in order of their first packets.
    pub(super) fn finish(&mut self) -> Vec<FlowSummary> {
        std::mem::take(&mut self.held)
            .into_values()
            .map(|flow| self.put_right(flow))
            .collect()
    }

    fn put_right(&mut self, mut flow: FlowSummary) -> FlowSummary {
        let of_flow = (flow.first_packet, RuleId(0))..(flow.first_packet + 1, RuleId(0));
        let drops: ThinVec<_> = self
            .drops
            .extract_if(of_flow, |_, _| true)
            .map(|((_, rule), (packets, bytes))| SharedFate {
                rule,
                packets,
                bytes,
            })
            .collect();
        if !drops.is_empty() {
            flow.findings_mut().rare_mut().shared_fates.extend(drops);
        }
        flow
    }
}
