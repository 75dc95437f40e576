//! What each rule says of a flow, asked once more of what is known of it at its end.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::IpAddr;

use super::query::is_of;
use crate::engine::Policy;
use crate::evidence::{Basis, NameSource};
use crate::flow::{FlowState, FlowSummary};
use crate::report::text::printable;
use crate::rules::{Action, End, Kind, Matcher, Rule, RuleId};

/// Rules of one kind that are told of one flow; the one that blocked it always is.
const MAX_TOLD: usize = 20;

/// Tells what each rule says of the flow: those that allow first, for they have the last word.
pub(super) fn write(flow: &FlowSummary, policy: &Policy, out: &mut Vec<u8>) -> io::Result<()> {
    if policy.rules.is_empty() {
        return writeln!(out, "  rules     none were given");
    }
    writeln!(out, "  rules     in the order in which they are asked:")?;
    for action in Action::ALL {
        for kind in Kind::ALL {
            write_some(flow, (action, kind), policy, out)?;
        }
    }
    Ok(())
}

/// Tells what each rule of one action and one kind says of the flow.
fn write_some(
    flow: &FlowSummary,
    (action, kind): (Action, Kind),
    policy: &Policy,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let rules = (0..).map(RuleId).zip(policy.rules.rules());
    let rules = rules.filter(|(_, rule)| (rule.action, rule.matcher.kind()) == (action, kind));
    let allows = match action {
        Action::Allow => "allow ",
        Action::Block => "",
    };
    let (mut told, mut more) = (0, 0);
    for (id, rule) in rules {
        if told >= MAX_TOLD && flow.decided_by() != Some(id) {
            more += 1;
            continue;
        }
        told += 1;
        let answer = answer(flow, (id, rule), policy);
        let (text, origin) = (&rule.text, printable(&rule.origin));
        writeln!(out, "    {allows}{text} ({origin}): {answer}")?;
    }
    if more == 0 {
        return Ok(());
    }
    let kind = match kind {
        Kind::Ip => "address",
        Kind::Port => "port",
        Kind::App => "application",
        Kind::Domain => "domain",
    };
    writeln!(
        out,
        "    and {more} more {allows}{kind} rules, none of which decided"
    )
}

/// What a rule says of a flow.
fn answer(flow: &FlowSummary, (id, rule): (RuleId, &Rule), policy: &Policy) -> String {
    let met = met(flow, rule, policy);
    if flow.decided_by() == Some(id) {
        let mut told = String::from("holds, and decided");
        if let Some((by, value, packet)) = flow.findings().judged_by() {
            // A String takes all that is written to it.
            let _ = write!(told, ": {} {value} in packet {packet}", by.as_str());
        } else if met.is_err() && policy.with_dns && asks(flow) {
            told.push_str(": a flow that its lookup led to meets it");
        }
        return told;
    }
    let what = match met {
        Err(why_not) => return why_not,
        Ok(what) => what,
    };
    match (rule.action, flow.decided_by()) {
        (Action::Block, Some(_)) if flow.allowed.is_some() => {
            format!("holds too ({what}); what allows has the last word")
        }
        (Action::Block, Some(_)) => format!("would hold too ({what}); another came first"),
        (Action::Allow, Some(_)) if flow.allowed.is_some() => {
            format!("would hold too ({what}); another came first")
        }
        (Action::Allow, _) if !flow.tunnels.is_empty() => format!(
            "meets what is known now ({what}), and nothing that was known outside of tunnels while packets came"
        ),
        _ => format!(
            "meets what is known now ({what}), and nothing that was known while packets came"
        ),
    }
}

/// Whether it asks name servers.
fn asks(flow: &FlowSummary) -> bool {
    let mut names = flow.findings().names.iter();
    names.any(|found| found.from == NameSource::DnsQuery)
}

/// What the rule meets of what is known of the flow.
fn met(flow: &FlowSummary, rule: &Rule, policy: &Policy) -> Met {
    match &rule.matcher {
        Matcher::Address(end, net) => address(flow, *end, |addr| net.contains(&addr)),
        Matcher::Ports(_, Some(transport)) if *transport != flow.key.protocol() => {
            Err(format!("no: the flow is one of {}", flow.key.protocol()))
        }
        Matcher::Ports(ports, _) => port(flow, |port| ports.contains(&port)),
        Matcher::App(target) => {
            let is_met = is_of(flow, *target, &policy.catalogue);
            application(flow, is_met, policy)
        }
        Matcher::Domain(pattern) => domain(flow, |name| pattern.matches(name), policy),
        Matcher::NamePart(part) => domain(flow, |name| name.contains(&**part), policy),
    }
}

/// What a rule has met; else why it does not hold.
type Met = Result<String, String>;

fn address(flow: &FlowSummary, end: End, is_in: impl Fn(IpAddr) -> bool) -> Met {
    let (src, dst) = (flow.src().addr, flow.dst().addr);
    let is_one_sided = matches!(flow.state, FlowState::Syn | FlowState::OneWay);
    // An IPv4-mapped address meets the rules for the IPv4 address too.
    let is_met = |addr: IpAddr| is_in(addr) || is_in(addr.to_canonical());
    let no = |who: IpAddr| Err(format!("no: {who} is not in it"));
    match (end, is_met(src), is_met(dst)) {
        (End::Initiator, false, _) => no(src),
        (End::Responder, _, false) => no(dst),
        (End::Sender | End::Either, false, false) => {
            Err(format!("no: neither {src} nor {dst} is in it"))
        }
        (End::Sender, false, true) if is_one_sided => {
            Err(format!("no: {dst} is in it, but sent nothing"))
        }
        (End::Initiator | End::Sender | End::Either, true, _) => Ok(src.to_string()),
        (End::Responder | End::Sender | End::Either, _, true) => Ok(dst.to_string()),
    }
}

fn port(flow: &FlowSummary, is_in: impl Fn(u16) -> bool) -> Met {
    match flow.shown_ends() {
        (src, dst) if src.port == 0 && dst.port == 0 => Err("no: the flow has no ports".to_owned()),
        (_, dst) if is_in(dst.port) => Ok(dst.port.to_string()),
        (_, dst) => Err(format!("no: the flow goes to port {}", dst.port)),
    }
}

fn application(flow: &FlowSummary, is_met: bool, policy: &Policy) -> Met {
    let app = flow.application.and_then(|id| policy.catalogue.app(id));
    let mut known: Vec<String> = app.iter().map(|app| app.name.to_string()).collect();
    known.extend(flow.protocols.iter().map(|protocol| protocol.to_string()));
    let known = match known.as_slice() {
        [] => "nothing that is known".to_owned(),
        known => known.join(", "),
    };
    let by_answer = flow
        .findings()
        .decided_by()
        .is_some_and(|(by, ..)| by == Basis::Name(NameSource::DnsAnswer));
    match is_met {
        true if by_answer && !policy.block_by_dns => Err(format!(
            "no: only a DNS answer says {known}, and those count with --block-by-dns"
        )),
        true => Ok(known),
        false => Err(format!("no: the flow is {known}")),
    }
}

fn domain(flow: &FlowSummary, is_meant: impl Fn(&str) -> bool, policy: &Policy) -> Met {
    let names = flow.findings().names.iter();
    let mut names = names.filter(|found| found.from.is_of_domains()).peekable();
    if names.peek().is_none() {
        return Err("no: the flow has no name".to_owned());
    }
    let mut answered = None;
    for found in names.filter(|found| is_meant(found.name.as_str())) {
        if found.from != NameSource::DnsAnswer || policy.block_by_dns {
            return Ok(found.name.as_str().to_owned());
        }
        answered = Some(&found.name);
    }
    Err(match answered {
        Some(name) => format!(
            "no: only a DNS answer says {}, and those count with --block-by-dns",
            name.as_str()
        ),
        None => "no: none of the flow's names is meant".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Deciding, Ground};
    use crate::packet::IpProtocol;
    use crate::stats::flows::tests::sample_flow;

    const FILE: &[u8] = b"[BLOCKED_IPS]\n10.9.0.0/16\n10.0.0.2\n[BLOCKED_PORTS]\n1-100\n443\n[BLOCKED_APPS]\nNetflix\nYouTube\n[BLOCKED_DOMAINS]\n*.youtube.com\nexample.com\n";

    fn policy(file: &[u8]) -> Policy {
        super::super::tests::policy(|rules| rules.file("r", file).unwrap())
    }

    fn told(flow: &FlowSummary, policy: &Policy) -> Vec<String> {
        let mut out = Vec::new();
        write(flow, policy, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        text.lines()
            .skip(1)
            .map(|line| line.trim().to_owned())
            .collect()
    }

    #[test]
    fn each_rule_says_what_it_met_or_why_it_does_not_hold() {
        let policy = policy(FILE);
        let ends = ("10.0.0.1:50000", "10.0.0.2:443");
        let mut flow = sample_flow(5, IpProtocol::TCP, ends, &["www.youtube.com"]);
        flow.application = policy.catalogue.by_name("www.youtube.com");
        flow.rule = Some(RuleId(5));
        flow.findings_mut().verdict = Some(Deciding::Sign(Box::new(Ground {
            by: Basis::Name(NameSource::TlsSni),
            value: "www.youtube.com".into(),
            packet: 8,
        })));
        assert_eq!(
            told(&flow, &policy),
            [
                "ip:10.9.0.0/16 (r:2): no: neither 10.0.0.1 nor 10.0.0.2 is in it",
                "ip:10.0.0.2 (r:3): would hold too (10.0.0.2); another came first",
                "port:1-100 (r:5): no: the flow goes to port 443",
                "port:443 (r:6): would hold too (443); another came first",
                "app:Netflix (r:8): no: the flow is YouTube",
                "app:YouTube (r:9): holds, and decided: tls_sni www.youtube.com in packet 8",
                "domain:*.youtube.com (r:11): would hold too (www.youtube.com); another came first",
                "domain:example.com (r:12): no: none of the flow's names is meant",
            ]
        );
    }

    #[test]
    fn of_many_rules_the_first_are_told_and_the_one_that_decided() {
        let mut file = b"[BLOCKED_PORTS]\n".to_vec();
        for port in 1..=1000 {
            writeln!(file, "{port}").unwrap();
        }
        let policy = policy(&file);
        let ends = ("10.0.0.1:50000", "10.0.0.2:443");
        let mut flow = sample_flow(5, IpProtocol::TCP, ends, &[]);
        flow.rule = Some(RuleId(442));
        let told = told(&flow, &policy);
        assert_eq!(told.len(), MAX_TOLD + 2);
        assert_eq!(told[MAX_TOLD], "port:443 (r:444): holds, and decided");
        assert_eq!(
            told[MAX_TOLD + 1],
            "and 979 more port rules, none of which decided"
        );
    }

    #[test]
    fn what_only_an_answer_of_dns_says_is_told_as_such() {
        let policy = policy(FILE);
        let ends = ("10.0.0.1:50000", "10.0.0.3:80");
        let mut flow = sample_flow(5, IpProtocol::UDP, ends, &["www.youtube.com"]);
        flow.findings_mut().names[0].from = NameSource::DnsAnswer;
        flow.findings_mut().grounds.application = Some(Deciding::Name(0));
        flow.application = policy.catalogue.by_name("www.youtube.com");
        let told = told(&flow, &policy);
        let unheard: Vec<_> = told
            .iter()
            .filter(|line| line.contains("--block-by-dns"))
            .collect();
        assert_eq!(unheard.len(), 2, "{told:?}");
    }

    #[test]
    fn rules_that_allow_come_first_and_have_the_last_word() {
        let file = b"[BLOCKED_IPS]\nsrc:10.0.0.2\nany:10.0.0.2\n[BLOCKED_PORTS]\n443/udp\n443/tcp\n[BLOCKED_DOMAINS]\n~tube\n[ALLOWED_APPS]\nYouTube\n[ALLOWED_DOMAINS]\nexample.com\n";
        let policy = policy(file);
        let ends = ("10.0.0.1:50000", "10.0.0.2:443");
        let mut flow = sample_flow(5, IpProtocol::TCP, ends, &["www.youtube.com"]);
        flow.application = policy.catalogue.by_name("www.youtube.com");
        flow.allowed = Some(RuleId(5));
        assert_eq!(
            told(&flow, &policy),
            [
                "allow app:YouTube (r:10): holds, and decided",
                "allow domain:example.com (r:12): no: none of the flow's names is meant",
                "ip:src:10.0.0.2 (r:2): no: 10.0.0.1 is not in it",
                "ip:any:10.0.0.2 (r:3): holds too (10.0.0.2); what allows has the last word",
                "port:443/udp (r:5): no: the flow is one of tcp",
                "port:443/tcp (r:6): holds too (443); what allows has the last word",
                "domain:~tube (r:8): holds too (www.youtube.com); what allows has the last word",
            ]
        );
    }

    #[test]
    fn a_lookup_that_shares_a_verdict_says_so() {
        let mut policy = policy(FILE);
        policy.with_dns = true;
        let ends = ("10.0.0.1:50000", "10.0.0.3:53");
        let mut flow = sample_flow(5, IpProtocol::UDP, ends, &["cdn.example"]);
        flow.findings_mut().names[0].from = NameSource::DnsQuery;
        flow.rule = Some(RuleId(5));
        let told = told(&flow, &policy);
        assert_eq!(
            told[5],
            "app:YouTube (r:9): holds, and decided: a flow that its lookup led to meets it"
        );
    }
}
