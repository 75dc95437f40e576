//! From evidence to classification to verdict.

use super::Policy;
use super::entry::Entry;
use super::offset::offset_of;
use crate::alpn::Alpn;
use crate::catalogue::AppId;
use crate::classify;
use crate::domain::DomainName;
use crate::encrypted_dns;
use crate::evidence::{Basis, Deciding, Evidence, Ground, NameSource};
use crate::observation::Observation;
use crate::passive_dns::Naming;
use crate::protocol::Protocol;
use crate::rules::{Action, RuleId, Tables};

/// Takes in what a packet of the flow says: the flow is classified by it, and judged by the rules.
pub(super) fn conclude(
    entry: &mut Entry,
    seen: &Observation<'_>,
    policy: &Policy,
    evidence: &mut Vec<Evidence>,
) {
    let mut conclusion = Conclusion::begin(entry, seen, policy);
    for piece in evidence.drain(..) {
        conclusion.take(piece);
    }
    conclusion.end();
}

/// The same with the name that an answer of DNS gave the flow before it began.
pub(super) fn conclude_from_answer(
    entry: &mut Entry,
    seen: &Observation<'_>,
    policy: &Policy,
    naming: &Naming,
) {
    let mut conclusion = Conclusion::begin(entry, seen, policy);
    conclusion.at = naming.packet;
    conclusion.named(naming.name.clone(), NameSource::DnsAnswer);
    conclusion.end();
}

/// What one packet's evidence comes to.
struct Conclusion<'a> {
    entry: &'a mut Entry,
    policy: &'a Policy,
    seen: &'a Observation<'a>,
    /// Number of the packet that carried the evidence.
    at: u64,
    /// The rules of either action that were met, in the order of [`Action::ALL`].
    met: [Met; Action::ALL.len()],
    /// The application that something else than a name led to first: whether it is the flow's is known when all is taken in.
    unnamed: Option<AppId>,
}

/// Rules of one action that were met, and what met them.
#[derive(Default)]
struct Met {
    /// The first for an application or a protocol.
    application: Option<(RuleId, Deciding)>,
    /// The first for a domain.
    domain: Option<(RuleId, Deciding)>,
}

impl<'a> Conclusion<'a> {
    fn begin(entry: &'a mut Entry, seen: &'a Observation<'a>, policy: &'a Policy) -> Self {
        Self {
            entry,
            policy,
            seen,
            at: seen.number,
            met: Default::default(),
            unnamed: None,
        }
    }

    fn end(mut self) {
        let judged = judged_application(self.entry, self.policy);
        if self.unnamed.is_some() && self.unnamed == judged {
            let decided_by = self.entry.findings().decided_by();
            let decided_by = decided_by.map(|(by, value, packet)| sign(by, value, packet));
            if let (Some(app), Some(sign)) = (judged, decided_by) {
                self.ask(|rules| rules.for_app(app), || sign.clone());
            }
        }
        if self.policy.rules.is_empty() {
            return;
        }
        for (action, met) in Action::ALL.into_iter().zip(&mut self.met) {
            let met = met.application.take().or_else(|| met.domain.take());
            if let Some((rule, ground)) = met {
                let (seen, removal) = (self.seen, self.policy.removal);
                self.entry
                    .judge((action, rule), Some(ground), seen, removal);
            }
        }
    }

    fn take(&mut self, piece: Evidence) {
        match piece {
            Evidence::Protocol(protocol) => self.speaks(protocol),
            Evidence::TlsOffer {
                alpn,
                version,
                has_ech,
            } => {
                let is_tls = self.entry.classification.protocols.has(Protocol::Tls);
                if is_tls && !self.is_tunnel() && classify::is_https(&alpn, self.responder_port()) {
                    self.speaks(Protocol::Https);
                }
                for id in alpn.iter() {
                    let owner = self.policy.catalogue.by_alpn(id);
                    self.is_of(owner, Basis::Alpn, id);
                }
                self.carries_dns(&alpn);
                let findings = self.entry.findings();
                findings.alpn = alpn;
                findings.offered = version;
                findings.has_ech |= has_ech;
            }
            // The first hello is what the software made of its own accord; a second one follows the server's wishes.
            Evidence::Fingerprints(prints) => {
                self.entry.findings().fingerprints.get_or_insert(prints);
            }
            Evidence::TlsChoice(version) => {
                self.entry.findings().chosen = Some(version);
                self.has_unheard_client();
            }
            Evidence::TlsRecords => {
                self.speaks(Protocol::Tls);
                self.has_unheard_client();
            }
            Evidence::Shape(shape) => {
                let owner = self.policy.catalogue.by_shape(shape);
                self.is_of(owner, Basis::Content, shape.as_str());
            }
            Evidence::HostConflict => self.entry.findings().host_conflict = true,
            Evidence::Caveats(caveats) => self.entry.findings().caveats().add(&caveats),
            Evidence::Name(name, from) => self.named(name, from),
        }
    }

    fn responder_port(&self) -> u16 {
        self.entry.responder_port(&self.seen.key)
    }

    fn speaks(&mut self, protocol: Protocol) {
        if self.entry.classification.protocols.has(protocol) {
            return;
        }
        // Also for one more than a flow can show: a row of decoys before it must not save it.
        let at = self.at;
        let sign = || sign(Basis::Content, protocol.as_str(), at);
        self.ask(|rules| rules.for_protocol(protocol), sign);
        if !self.entry.classification.add_protocol(protocol) {
            return;
        }
        self.entry.findings().grounds.protocols.push(self.at);
    }

    /// Whether the TLS in the flow only makes keys for something else, so that neither port nor offer says what it carries.
    fn is_tunnel(&self) -> bool {
        self.entry.classification.protocols.has(Protocol::OpenVpn)
    }

    /// TLS carries what its port says where its client was not heard: that is all there is to go by.
    fn has_unheard_client(&mut self) {
        if self.entry.findings().offered.is_some() {
            return;
        }
        if !self.is_tunnel() && classify::is_https(&Alpn::NONE, self.responder_port()) {
            self.speaks(Protocol::Https);
        }
        self.carries_dns(&Alpn::NONE);
    }

    /// Tells encrypted DNS if this offer is one.
    fn carries_dns(&mut self, alpn: &Alpn) {
        let port = self.responder_port();
        let protocols = &self.entry.classification.protocols;
        if let Some(dns) = encrypted_dns::by_offer(protocols, alpn, port) {
            self.speaks(dns);
        }
    }

    fn named(&mut self, name: DomainName, from: NameSource) {
        // A response repeats its query's question, and leads to nothing new.
        if from == NameSource::DnsQuery && self.entry.was_named_last(&name, from) {
            return;
        }
        if matches!(from, NameSource::TlsSni | NameSource::QuicSni) {
            let protocols = &self.entry.classification.protocols;
            if let Some(dns) = encrypted_dns::by_name(protocols, name.as_str()) {
                self.speaks(dns);
            }
        }
        let (mut is_deciding, mut owner) = (false, None);
        if from.is_of_domains() {
            owner = classify::owner(name.as_str(), from, &self.policy.catalogue);
            let classification = &mut self.entry.classification;
            match owner {
                Some(app) => is_deciding = classification.consider(app, Basis::Name(from)),
                None => classification.consider_stranger(from),
            }
        }
        let packet = self.at;
        let findings = self.entry.findings();
        let place = findings.add(name, from, packet);
        if self.policy.offsets
            && from != NameSource::DnsAnswer
            && let Ok(place) = place
        {
            findings.locate(place, packet, |name| offset_of(name, self.seen.payload));
        }
        // Of answers of DNS, it comes out at the end whether one decides.
        if is_deciding && from != NameSource::DnsAnswer {
            findings.grounds.application = Some(match place {
                Ok(place) => Deciding::Name(place),
                Err(ref name) => sign(Basis::Name(from), name.as_str(), packet),
            });
        }
        let is_judged = from.is_of_domains()
            && (from != NameSource::DnsAnswer || self.policy.block_by_dns)
            && !self.policy.rules.is_empty();
        if is_judged {
            self.judge(owner, (&place, from));
        }
    }

    /// Asks the rules about a name: the one at a place of the flow's list, or one that had no room there.
    fn judge(
        &mut self,
        owner: Option<AppId>,
        (place, from): (&Result<u32, DomainName>, NameSource),
    ) {
        let at = self.at;
        let (name, place) = match place {
            Err(name) => (name, None),
            Ok(place) => {
                let names = self.entry.findings.as_ref().map(|findings| &findings.names);
                let Some(found) = names.and_then(|names| names.get(*place as usize)) else {
                    return;
                };
                // What met the rule is told with the packet that it met it by, which need not be the first with the name.
                (&found.name, Some(*place).filter(|_| found.packet == at))
            }
        };
        // A certificate may list hosts of all that its owner runs. The flow's application is the first's, and no rule for another
        // application takes it; a rule for a domain takes it, for the flow may lead there.
        let is_judged =
            from != NameSource::Certificate || owner == self.entry.classification.application();
        let owner = owner.filter(|_| is_judged);
        let ground = || match place {
            Some(place) => Deciding::Name(place),
            None => sign(Basis::Name(from), name.as_str(), at),
        };
        for (action, met) in Action::ALL.into_iter().zip(&mut self.met) {
            let rules = self.policy.rules.tables(action);
            if !rules.is_empty() && self.entry.is_open_to(action, self.seen) {
                let of_owner = owner.and_then(|app| rules.for_app(app));
                meet(&mut met.application, of_owner, ground);
                meet(&mut met.domain, rules.for_domain(name.as_str()), ground);
            }
        }
    }

    /// Asks the rules about an application or a protocol.
    fn ask(&mut self, for_it: impl Fn(&Tables) -> Option<RuleId>, ground: impl Fn() -> Deciding) {
        for (action, met) in Action::ALL.into_iter().zip(&mut self.met) {
            let rules = self.policy.rules.tables(action);
            if !rules.is_empty() && self.entry.is_open_to(action, self.seen) {
                meet(&mut met.application, for_it(rules), &ground);
            }
        }
    }

    /// Takes in whose something else is than a name.
    fn is_of(&mut self, owner: Option<AppId>, by: Basis, value: &str) {
        if let Some(app) = owner {
            let sign = ground(by, value, self.at);
            self.unnamed.get_or_insert(app);
            self.entry.is_of(app, sign.clone());
            self.entry.findings().rare_mut().add_sign(sign);
        }
    }
}

fn ground(by: Basis, value: &str, packet: u64) -> Ground {
    Ground {
        by,
        value: value.into(),
        packet,
    }
}

fn sign(by: Basis, value: &str, packet: u64) -> Deciding {
    Deciding::Sign(Box::new(ground(by, value, packet)))
}

/// The application that verdicts go by.
pub(super) fn judged_application(entry: &Entry, policy: &Policy) -> Option<AppId> {
    if policy.block_by_dns {
        entry.classification.application()
    } else {
        entry.classification.own_application()
    }
}

/// Takes in a rule that was met. Of several the one that was given first counts.
#[inline]
fn meet(
    before: &mut Option<(RuleId, Deciding)>,
    rule: Option<RuleId>,
    ground: impl FnOnce() -> Deciding,
) {
    if let Some(rule) = rule
        && before.as_ref().is_none_or(|(before, _)| rule < *before)
    {
        *before = Some((rule, ground()));
    }
}
