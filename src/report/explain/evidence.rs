//! What a flow was concluded from: all that led to an application, in order of the packets that carried it.

use crate::catalogue::{AppId, Catalogue};
use crate::classify;
use crate::domain::DomainName;
use crate::evidence::{Basis, Deciding, Ground};
use crate::flow::FlowSummary;
use crate::protocol::Shape;

/// One piece of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// Number of the packet that carried it.
    pub(super) packet: u64,
    /// Where in that packet's payload it stands, as far as that is known.
    pub(super) offset: Option<u32>,
    /// What kind it is of.
    pub(super) by: Basis,
    /// What it says.
    pub(super) value: &'a str,
    /// The application that it leads to.
    pub(super) app: Option<AppId>,
    /// What came of it.
    pub(super) outcome: Outcome,
}

/// What came of a piece of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It decided.
    Decided,
    /// It says the same as what decided.
    Agrees,
    /// It leads to another application than what decided, which weighs more.
    Lighter,
    /// It leads to another application than what decided, which weighs the same and came first.
    Later,
    /// It leads to an application, and something in the flow itself said otherwise.
    Refuted,
    /// It leads nowhere.
    Nothing,
}

/// The flow's evidence, in order of packets. What was found in one packet stays in the order in which it was found.
pub(super) fn of<'a>(flow: &'a FlowSummary, catalogue: &Catalogue) -> Vec<Piece<'a>> {
    let findings = flow.findings();
    let listed = &findings.rare().signs;
    let deciding = findings.decided_by();
    let outcome = |by: Basis, value: &str, app: Option<AppId>| match (app, deciding) {
        (None, _) => Outcome::Nothing,
        (Some(_), None) => Outcome::Refuted,
        (_, Some((decided, what, _))) if (decided, what) == (by, value) => Outcome::Decided,
        _ if app == flow.application => Outcome::Agrees,
        (_, Some((decided, ..))) if decided.weight() > by.weight() => Outcome::Lighter,
        (_, Some((decided, ..))) if decided.weight() == by.weight() => Outcome::Later,
        _ => Outcome::Refuted,
    };
    let names = findings.names.iter().map(|found| {
        let by = Basis::Name(found.from);
        let value = DomainName::as_str(&found.name);
        let app = classify::owner(value, found.from, catalogue);
        ((found.packet, found.offset), by, value, app)
    });
    let sign = |sign: &'a Ground| {
        let app = owner(sign, flow, catalogue);
        ((sign.packet, None), sign.by, &*sign.value, app)
    };
    let unlisted = match &findings.grounds.application {
        Some(Deciding::Sign(ground)) if !listed.contains(ground) => Some(&**ground),
        _ => None,
    };
    let signs = listed.iter().chain(unlisted).map(sign);
    let mut pieces: Vec<_> = names
        .chain(signs)
        .map(|((packet, offset), by, value, app)| Piece {
            packet,
            offset,
            by,
            value,
            app,
            outcome: outcome(by, value, app),
        })
        .collect();
    pieces.sort_by_key(|piece| piece.packet);
    pieces
}

/// Whom something else than a listed name led to.
fn owner(sign: &Ground, flow: &FlowSummary, catalogue: &Catalogue) -> Option<AppId> {
    match sign.by {
        Basis::Alpn => catalogue.by_alpn(&sign.value),
        Basis::Content => {
            let mut shapes = Shape::ALL.into_iter();
            let shape = shapes.find(|shape| shape.as_str() == &*sign.value)?;
            catalogue.by_shape(shape)
        }
        Basis::Address => catalogue.by_address(flow.dst().addr),
        Basis::Port => catalogue.by_port(flow.key.protocol(), flow.dst().port),
        Basis::Name(from) => classify::owner(&sign.value, from, catalogue),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{FoundName, NameSource};
    use crate::packet::IpProtocol;
    use crate::stats::flows::tests::sample_flow;

    #[test]
    fn the_heavier_and_of_equals_the_first_wins_and_each_other_says_why_it_lost() {
        let catalogue = Catalogue::builtin().unwrap();
        let ends = ("10.0.0.1:50000", "10.0.0.2:443");
        let mut flow = sample_flow(5, IpProtocol::TCP, ends, &[]);
        let names = [
            ("www.netflix.com", NameSource::DnsAnswer, 2),
            ("www.youtube.com", NameSource::TlsSni, 8),
            ("i.ytimg.com", NameSource::HttpHost, 9),
            ("www.tiktok.com", NameSource::HttpHost, 9),
            ("nobody.example", NameSource::HttpHost, 9),
        ];
        let names = names.map(|(name, from, packet)| FoundName {
            name: DomainName::from_bytes(name.as_bytes()).unwrap(),
            from,
            packet,
            offset: None,
        });
        let findings = flow.findings_mut();
        findings.names.extend(names);
        findings.grounds.application = Some(Deciding::Name(1));
        flow.application = catalogue.by_name("www.youtube.com");
        let pieces = of(&flow, &catalogue);
        let outcomes: Vec<_> = pieces
            .iter()
            .map(|piece| (piece.packet, piece.outcome))
            .collect();
        assert_eq!(
            outcomes,
            [
                (2, Outcome::Lighter),
                (8, Outcome::Decided),
                (9, Outcome::Agrees),
                (9, Outcome::Later),
                (9, Outcome::Nothing),
            ]
        );
    }

    #[test]
    fn what_led_somewhere_in_a_flow_of_no_application_was_refuted() {
        let catalogue = Catalogue::builtin().unwrap();
        let ends = ("10.0.0.1:50000", "10.0.0.2:443");
        let flow = sample_flow(5, IpProtocol::TCP, ends, &["www.youtube.com"]);
        assert_eq!(of(&flow, &catalogue)[0].outcome, Outcome::Refuted);
    }

    #[test]
    fn a_place_that_decided_stands_among_the_evidence() {
        let catalogue = Catalogue::builtin().unwrap();
        let ends = ("10.0.0.1:50000", "10.0.0.2:443");
        let mut flow = sample_flow(5, IpProtocol::TCP, ends, &[]);
        let ground = Ground {
            by: Basis::Alpn,
            value: "apns-security-v3".into(),
            packet: 7,
        };
        flow.application = catalogue.by_alpn(&ground.value);
        assert!(flow.application.is_some());
        flow.findings_mut().grounds.application = Some(Deciding::Sign(Box::new(ground)));
        let pieces = of(&flow, &catalogue);
        assert_eq!((pieces.len(), pieces[0].outcome), (1, Outcome::Decided));
    }
}
