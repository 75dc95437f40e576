//! What the rules and the catalogue say of where a flow goes: its addresses and its port, and those of the packets around it.

use super::Policy;
use super::conclude::judged_application;
use super::entry::{Entry, News};
use crate::catalogue::{AppId, Catalogue};
use crate::evidence::{Basis, Deciding, Ground};
use crate::key::{FiveTuple, FlowKey, Side};
use crate::observation::Observation;
use crate::rules::{Action, End, RuleId, Tables};

/// Packets of a connection in which nothing was recognised, after which it is asked whose the place is that it goes to: a handshake,
/// and a few with something to say.
pub(super) const PLACED_AFTER: u64 = 8;

/// Asks the rules for addresses and ports about a packet, and about those around it.
pub(super) fn judge_place(entry: &mut Entry, seen: &Observation<'_>, news: &News, policy: &Policy) {
    // Most packets say nothing new of where their flow goes.
    if !news.is_first_of_sender && news.opener.is_none() && seen.outer.is_empty() {
        return;
    }
    for &action in &Action::ALL {
        let rules = policy.rules.tables(action);
        if rules.has_places()
            && entry.is_open_to(action, seen)
            && let Some(rule) = rule_of_place(rules, seen, news)
        {
            entry.judge((action, rule), None, seen, policy.removal);
        }
    }
}

/// The rule for addresses or ports that a packet meets, or those around it.
#[inline]
fn rule_of_place(rules: &Tables, seen: &Observation<'_>, news: &News) -> Option<RuleId> {
    // Mostly there are rules for senders alone, and every other packet of a small capture is the first of its sender.
    if !rules.has_ends() && !rules.has_ports() && seen.outer.is_empty() {
        let sender = news.is_first_of_sender.then_some(seen.sender)?;
        return rules.for_address(End::Sender, seen.key.endpoint(sender).addr);
    }
    rule_of_any_place(rules, seen, news)
}

/// The same where there are rules for other places than senders, or packets around it.
///
/// A call of its own: else the packet's addresses are unpacked also for an action without such rules.
#[inline(never)]
fn rule_of_any_place(rules: &Tables, seen: &Observation<'_>, news: &News) -> Option<RuleId> {
    let end = |side| seen.key.endpoint(side).addr;
    let by_sender = || rules.for_address(End::Sender, end(seen.sender));
    let opener_of = |has_rules| news.opener.filter(|_| has_rules);
    let by_ends = |opener: Side| rules.for_ends(end(opener), end(opener.other()));
    let by_port = |opener: Side| {
        let port = seen.key.endpoint(opener.other()).port;
        let rule = rules.for_port(seen.key.protocol(), port);
        rule.filter(|_| has_ports(&seen.key))
    };
    let by_address = [
        news.is_first_of_sender.then(by_sender).flatten(),
        opener_of(rules.has_ends()).and_then(by_ends),
    ];
    let by_address = by_address.into_iter().flatten().min();
    let by_place = by_address.or_else(|| opener_of(rules.has_ports()).and_then(by_port));
    if by_place.is_some() || seen.outer.is_empty() {
        return by_place;
    }
    rule_around(seen.outer, rules)
}

/// The rule that a packet around this one meets, by its sender or by the port it goes to: what travels in it goes with it.
fn rule_around(outer: &[FiveTuple], rules: &Tables) -> Option<RuleId> {
    let by_address = |tuple: &FiveTuple| {
        let (src, dst) = (tuple.src.addr, tuple.dst.addr);
        let met = [
            rules.for_address(End::Sender, src),
            rules.for_ends(src, dst),
        ];
        met.into_iter().flatten().min()
    };
    outer.iter().find_map(by_address).or_else(|| {
        let mut with_ports = outer.iter().filter(|tuple| tuple.dst.port != 0);
        with_ports.find_map(|tuple| rules.for_port(tuple.protocol, tuple.dst.port))
    })
}

/// Whether the flow's transport has ports that were read: 0 to 0 is none.
fn has_ports(key: &FlowKey) -> bool {
    [Side::Low, Side::High]
        .iter()
        .any(|&side| key.endpoint(side).port != 0)
}

/// Whether any application is known by where its flows go.
pub(super) fn has_places(catalogue: &Catalogue) -> bool {
    catalogue.has_addresses() || catalogue.has_ports()
}

/// Concludes from where the flow goes, once it has had its chance to say more itself.
pub(super) fn place(entry: &mut Entry, seen: &Observation<'_>, policy: &Policy) {
    let is_due = entry.packets >= PLACED_AFTER
        || if entry.classification.protocols.is_empty() {
            seen.tcp.is_none()
        } else {
            !entry.awaits_hello()
        };
    if !is_due {
        return;
    }
    entry.is_placed = true;
    let owner = owner_of_place(entry, &seen.key, &policy.catalogue, seen.number);
    let Some((app, ground)) = owner else { return };
    entry.is_of(app, ground.clone());
    if judged_application(entry, policy) != Some(app) {
        return;
    }
    for action in Action::ALL {
        if let Some(rule) = policy.rules.tables(action).for_app(app) {
            let ground = Deciding::Sign(Box::new(ground.clone()));
            entry.judge((action, rule), Some(ground), seen, policy.removal);
        }
    }
}

/// Whom a flow belongs to by where it goes, where nothing in it says more: the application, and the ground for that.
///
/// * `packet`: the number of the packet that is told with it.
pub(super) fn owner_of_place(
    entry: &Entry,
    key: &FlowKey,
    catalogue: &Catalogue,
    packet: u64,
) -> Option<(AppId, Ground)> {
    let responder = key.endpoint(entry.initiator.other());
    let ground = |by, value: String| Ground {
        by,
        value: value.into(),
        packet,
    };
    let by_address = || {
        let app = catalogue.by_address(responder.addr)?;
        Some((app, ground(Basis::Address, responder.addr.to_string())))
    };
    let by_port = || {
        let app = catalogue.by_port(key.protocol(), responder.port)?;
        Some((app, ground(Basis::Port, responder.port.to_string())))
    };
    by_address().or_else(by_port)
}
