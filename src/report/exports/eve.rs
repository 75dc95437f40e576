//! Flows as Suricata's EVE events, one JSON object a line: `flow` for each, and before it `tls`, `quic`, `http` and `dns` for what was found in it.
//!
//! * Keys and their values are Suricata's, as far as this program knows them; `dpi_engine` is an object of our own. What it does not know is
//!   left out: how much went in which direction, types of DNS questions, URLs, certificates, the version of QUIC.
//! * A protocol that Suricata has no name for bears ours, in lower case.
//! * Events of a flow stand together, in order of the flows' first packets. All but `flow` bear the time of the flow's first packet.
//!
//! Source: the user guides of Suricata 7 and 8, "EVE JSON Format", and etc/schema.json in their source; `dns` is as version 2 has it.

use std::io::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;

use serde::Serialize;

use super::{is_icmp, names_from, number_of};
use crate::alpn::Alpn;
use crate::community_id::IcmpKind;
use crate::evidence::NameSource;
use crate::flow::{FlowEnd, FlowState, FlowSummary};
use crate::packet::{IpProtocol, Timestamp};
use crate::protocol::Protocol;
use crate::report::Names;
use crate::report::in_order::{FlowLinesError, InOrder};
use crate::report::inert;

/// Numbers that JavaScript counts exactly; Suricata's flow ids have no more bits either.
const FLOW_ID_BITS: u32 = 51;

/// Takes flows as they end, writes their events in order of first packet.
///
/// Memory: as [`FlowLines`](crate::report::FlowLines).
#[derive(Debug)]
pub struct EveEvents(InOrder);

#[derive(Debug, Clone, Serialize)]
struct Event<'a> {
    timestamp: String,
    flow_id: u64,
    event_type: &'static str,
    src_ip: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    src_port: Option<u16>,
    dest_ip: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    dest_port: Option<u16>,
    proto: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    icmp_type: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icmp_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_proto: Option<String>,
    community_id: String,
    #[serde(flatten)]
    what: What<'a>,
    dpi_engine: Own<'a>,
}

/// What an event tells, under the key of its type.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "lowercase")]
enum What<'a> {
    Flow(Flow),
    Tls(Tls<'a>),
    Quic(Tls<'a>),
    Http {
        hostname: &'a str,
    },
    Dns {
        #[serde(rename = "type")]
        kind: &'static str,
        rrname: &'a str,
    },
}

#[derive(Debug, Clone, Serialize)]
struct Flow {
    start: String,
    end: String,
    /// Whole seconds.
    age: u64,
    state: &'static str,
    reason: &'static str,
    alerted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
struct Tls<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sni: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ja3: Option<Hash<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ja4: Option<&'a str>,
    #[serde(skip_serializing_if = "Alpn::is_empty")]
    client_alpns: &'a Alpn,
}

#[derive(Debug, Clone, Serialize)]
struct Hash<'a> {
    hash: &'a str,
}

/// What Suricata has no key for.
#[derive(Debug, Clone, Serialize)]
struct Own<'a> {
    application: Option<&'a str>,
    category: Option<&'a str>,
    verdict: &'static str,
    rule: Option<&'a str>,
    packets: u64,
    bytes: u64,
    dropped: u64,
}

impl EveEvents {
    /// No flows yet. Temporary files, should they be needed, go to `dir`, and have no names there.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self(InOrder::new(dir))
    }

    /// Takes a flow in.
    ///
    /// # Errors
    /// [`FlowLinesError::Temporary`].
    pub fn push(&mut self, flow: &FlowSummary, names: &impl Names) -> Result<(), FlowLinesError> {
        self.0
            .push(flow.first_packet, |out| write(flow, names, out))
    }

    /// Writes every event.
    ///
    /// # Errors
    /// [`FlowLinesError`]: a closed pipe shows as [`FlowLinesError::Output`].
    pub fn finish(self, mut out: impl Write) -> Result<(), FlowLinesError> {
        self.0.finish(|_, events| out.write_all(events))?;
        out.flush().map_err(FlowLinesError::Output)
    }
}

/// The events of one flow, a line each.
fn write(flow: &FlowSummary, names: &impl Names, out: &mut Vec<u8>) -> io::Result<()> {
    let mut put = |event_type, time, what| -> io::Result<()> {
        inert::to_line(
            &mut *out,
            &Event::new(flow, names, (event_type, time), what),
        )?;
        out.write_all(b"\n")
    };
    if flow.protocols.has(Protocol::Quic) {
        put(
            "quic",
            flow.first,
            What::Quic(Tls {
                // The key is there, but means the version of QUIC.
                version: None,
                ..Tls::of(flow, &[NameSource::QuicSni])
            }),
        )?;
    } else if flow.protocols.has(Protocol::Tls) {
        put(
            "tls",
            flow.first,
            What::Tls(Tls::of(flow, &[NameSource::TlsSni])),
        )?;
    }
    for hostname in names_from(flow, &[NameSource::HttpHost]) {
        put("http", flow.first, What::Http { hostname })?;
    }
    for rrname in names_from(flow, &[NameSource::DnsQuery]) {
        let kind = "query";
        put("dns", flow.first, What::Dns { kind, rrname })?;
    }
    put("flow", flow.last, What::Flow(Flow::of(flow)))
}

impl<'a> Event<'a> {
    fn new(
        flow: &'a FlowSummary,
        names: &'a impl Names,
        (event_type, time): (&'static str, Timestamp),
        what: What<'a>,
    ) -> Self {
        let (src, dst) = (flow.src(), flow.dst());
        let protocol = flow.key.protocol();
        let has_ports = matches!(
            protocol,
            IpProtocol::TCP | IpProtocol::UDP | IpProtocol::SCTP
        );
        let IcmpParts(icmp_type, icmp_code) = flow.icmp.filter(|_| is_icmp(protocol)).into();
        let application = flow.application.and_then(|id| names.application(id));
        Self {
            timestamp: time_of(time),
            flow_id: number_of(flow) >> (64 - FLOW_ID_BITS),
            event_type,
            src_ip: src.addr,
            src_port: has_ports.then_some(src.port),
            dest_ip: dst.addr,
            dest_port: has_ports.then_some(dst.port),
            proto: proto(protocol),
            icmp_type,
            icmp_code,
            app_proto: app_proto(flow),
            community_id: flow.community_id(),
            what,
            dpi_engine: Own {
                application: application.map(|(name, _)| name),
                category: application.map(|(_, category)| category),
                verdict: flow.verdict(),
                rule: flow.decided_by().and_then(|id| Some(names.rule(id)?.0)),
                packets: flow.packets,
                bytes: flow.bytes,
                dropped: flow.dropped_in_all(),
            },
        }
    }
}

/// Type and code of an ICMP message, where there is one.
struct IcmpParts(Option<u8>, Option<u8>);

impl From<Option<IcmpKind>> for IcmpParts {
    fn from(icmp: Option<IcmpKind>) -> Self {
        Self(icmp.map(|icmp| icmp.kind), icmp.map(|icmp| icmp.code))
    }
}

impl Flow {
    fn of(flow: &FlowSummary) -> Self {
        Self {
            start: time_of(flow.first),
            end: time_of(flow.last),
            age: flow.last.ns_since(flow.first) / 1_000_000_000,
            state: match flow.state {
                FlowState::Syn | FlowState::SynAck | FlowState::OneWay => "new",
                FlowState::Established | FlowState::Fin | FlowState::TwoWay => "established",
                FlowState::Closed | FlowState::Reset => "closed",
            },
            reason: match flow.end {
                FlowEnd::Finished => "shutdown",
                FlowEnd::Expired => "timeout",
                FlowEnd::Evicted => "forced",
                FlowEnd::Replaced => "tcp_reuse",
            },
            alerted: false,
            action: flow.is_dropped().then_some("drop"),
        }
    }
}

impl<'a> Tls<'a> {
    fn of(flow: &'a FlowSummary, places: &'static [NameSource]) -> Self {
        let findings = flow.findings();
        let prints = findings.fingerprints.as_deref();
        Self {
            sni: names_from(flow, places).next(),
            version: findings.tls_version().map(|version| version.to_string()),
            ja3: prints.map(|prints| Hash { hash: &prints.ja3 }),
            ja4: prints.map(|prints| &*prints.ja4),
            client_alpns: &findings.alpn,
        }
    }
}

/// As Suricata writes it: microseconds and an offset without a colon.
fn time_of(time: Timestamp) -> String {
    let text = time.to_string();
    // From nine digits of a second to six, which rounds down as the reader of a capture does.
    match text
        .strip_suffix('Z')
        .and_then(|text| text.get(..text.len().checked_sub(3)?))
    {
        Some(text) => format!("{text}+0000"),
        None => text,
    }
}

fn proto(protocol: IpProtocol) -> String {
    match protocol {
        IpProtocol::ICMP6 => "IPv6-ICMP".to_owned(),
        other => other.to_string().to_uppercase(),
    }
}

/// The protocol as Suricata calls it: the outermost one, which is what its own detection goes by.
///
/// Source: `AppProtoToString` in src/app-layer-protos.c.
fn app_proto(flow: &FlowSummary) -> Option<String> {
    let outermost = flow.protocols.iter().next()?;
    Some(match outermost {
        Protocol::Icmp | Protocol::Icmpv6 => return None,
        Protocol::Http2 => "http2".to_owned(),
        Protocol::Kerberos => "krb5".to_owned(),
        Protocol::Postgresql => "pgsql".to_owned(),
        Protocol::Vnc => "rfb".to_owned(),
        Protocol::Xmpp => "jabber".to_owned(),
        Protocol::DceRpc => "dcerpc".to_owned(),
        Protocol::BitTorrent if flow.key.protocol() == IpProtocol::UDP => {
            "bittorrent-dht".to_owned()
        }
        other => other.as_str().to_lowercase(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::report::tests::{Book, GITHUB};
    use crate::rules::RuleId;
    use crate::stats::flows::tests::sample_flow;

    fn events(flow: &FlowSummary) -> Vec<Value> {
        let mut eve = EveEvents::new("/nonexistent");
        eve.push(flow, &Book).unwrap();
        let mut out = Vec::new();
        eve.finish(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn a_flow_is_told_last_and_its_hello_before_it() {
        let ends = ("192.168.1.2:50000", "140.82.112.21:443");
        let mut flow = sample_flow(3, IpProtocol::TCP, ends, &["github.com"]);
        flow.protocols.push(Protocol::Tls);
        flow.protocols.push(Protocol::Https);
        (flow.application, flow.rule) = (Some(GITHUB), Some(RuleId(0)));
        flow.last = Timestamp::from_ns(2_500_000_999);
        flow.findings_mut().alpn = [&b"h2"[..]].into_iter().collect();
        let told = events(&flow);
        assert_eq!(told.len(), 2);
        for (key, value) in [
            ("timestamp", json!("1970-01-01T00:00:00.000000+0000")),
            ("event_type", json!("tls")),
            ("src_ip", json!("192.168.1.2")),
            ("src_port", json!(50000)),
            ("dest_ip", json!("140.82.112.21")),
            ("dest_port", json!(443)),
            ("proto", json!("TCP")),
            ("app_proto", json!("tls")),
            ("community_id", json!("1:FD68+tP7lGCxmnujfa9/P+kEXbs=")),
            ("tls", json!({"sni": "github.com", "client_alpns": ["h2"]})),
        ] {
            assert_eq!(told[0][key], value, "{key}");
        }
        assert_eq!(told[1]["timestamp"], "1970-01-01T00:00:02.500000+0000");
        assert_eq!(told[0]["flow_id"], told[1]["flow_id"]);
        assert!(told[0]["flow_id"].as_u64().unwrap() < 1 << FLOW_ID_BITS);
        let told_flow = json!({
            "start": "1970-01-01T00:00:00.000000+0000", "end": "1970-01-01T00:00:02.500000+0000", "age": 2,
            "state": "established", "reason": "shutdown", "alerted": false, "action": "drop",
        });
        assert_eq!(told[1]["flow"], told_flow);
        assert_eq!(told[1]["dpi_engine"]["rule"], "app:GitHub");
    }

    #[test]
    fn questions_and_hosts_are_events_of_their_own() {
        let ends = ("192.168.1.2:50000", "192.168.1.1:53");
        let mut flow = sample_flow(3, IpProtocol::UDP, ends, &["a.example", "b.example"]);
        flow.protocols.push(Protocol::Dns);
        for (name, from) in flow
            .findings_mut()
            .names
            .iter_mut()
            .zip([NameSource::DnsQuery, NameSource::HttpHost])
        {
            name.from = from;
        }
        let told = events(&flow);
        let types: Vec<_> = told
            .iter()
            .map(|event| event["event_type"].as_str().unwrap())
            .collect();
        assert_eq!(types, ["http", "dns", "flow"]);
        assert_eq!(told[0]["http"], json!({"hostname": "b.example"}));
        assert_eq!(
            told[1]["dns"],
            json!({"type": "query", "rrname": "a.example"})
        );
    }

    #[test]
    fn a_hello_of_quic_tells_no_version_of_tls_in_the_place_of_its_own() {
        let ends = ("192.168.1.2:50000", "140.82.112.21:443");
        let mut flow = sample_flow(3, IpProtocol::UDP, ends, &["github.com"]);
        flow.protocols.push(Protocol::Quic);
        flow.findings_mut().names[0].from = NameSource::QuicSni;
        flow.findings_mut().chosen = Some(crate::evidence::TlsVersion(0x0304));
        assert_eq!(events(&flow)[0]["quic"], json!({"sni": "github.com"}));
    }

    #[test]
    fn protocols_are_called_as_suricata_calls_them() {
        for (protocol, ip, name) in [
            (Protocol::Kerberos, IpProtocol::TCP, json!("krb5")),
            (Protocol::Postgresql, IpProtocol::TCP, json!("pgsql")),
            (Protocol::Vnc, IpProtocol::TCP, json!("rfb")),
            (Protocol::Xmpp, IpProtocol::TCP, json!("jabber")),
            (Protocol::DceRpc, IpProtocol::TCP, json!("dcerpc")),
            (
                Protocol::BitTorrent,
                IpProtocol::UDP,
                json!("bittorrent-dht"),
            ),
            (Protocol::BitTorrent, IpProtocol::TCP, json!("bittorrent")),
            (Protocol::Icmp, IpProtocol::ICMP, Value::Null),
            (Protocol::Icmpv6, IpProtocol::ICMP6, Value::Null),
        ] {
            let mut flow = sample_flow(3, ip, ("10.0.0.1:5", "10.0.0.2:6"), &[]);
            flow.protocols.push(protocol);
            assert_eq!(events(&flow)[0]["app_proto"], name, "{protocol}");
        }
    }

    #[test]
    fn icmp_has_types_and_no_ports() {
        let mut flow = sample_flow(1, IpProtocol::ICMP6, ("[fe80::1]:128", "[ff02::1]:7"), &[]);
        flow.icmp = Some(IcmpKind { kind: 128, code: 0 });
        let told = &events(&flow)[0];
        assert_eq!(
            (&told["proto"], &told["icmp_type"]),
            (&json!("IPv6-ICMP"), &json!(128))
        );
        assert!(told.get("src_port").is_none() && told.get("app_proto").is_none());
    }
}
