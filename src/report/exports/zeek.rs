//! Flows as Zeek's logs in JSON: `conn` for each, `ssl`, `http` and `dns` for what was found in it.
//!
//! * Fields and their values are Zeek's, as far as this program knows them; what it does not know is left out, as Zeek leaves out what is unset:
//!   how much went in which direction, and of connections that were reset or half closed by which side.
//! * A protocol that Zeek has no analyzer for bears our name, in lower case.
//! * All of a flow bears the time of its first packet. A uid is the same in every run.
//!
//! Source: the scripts base/protocols/{conn,ssl,http,dns}/main.zeek of Zeek 6.

use std::io::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;

use serde::Serialize;

use super::{is_icmp, names_from, number_of};
use crate::evidence::{NameSource, TlsVersion};
use crate::flow::{FlowState, FlowSummary};
use crate::packet::{IpProtocol, Timestamp};
use crate::protocol::Protocol;
use crate::report::in_order::{FlowLinesError, InOrder};
use crate::report::inert;

/// The logs that are written, by their names in [`ZeekLogs::finish`]'s order.
pub const ZEEK_LOGS: [&str; 4] = ["conn.log", "ssl.log", "http.log", "dns.log"];

/// The digits of Zeek's uids.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Takes flows as they end, writes their logs in order of first packet.
///
/// Memory: as [`FlowLines`](crate::report::FlowLines).
#[derive(Debug)]
pub struct ZeekLogs(InOrder);

/// What every log begins with.
#[derive(Debug, Clone, Serialize)]
struct Head {
    ts: f64,
    uid: String,
    #[serde(rename = "id.orig_h")]
    orig_h: IpAddr,
    #[serde(rename = "id.orig_p")]
    orig_p: u16,
    #[serde(rename = "id.resp_h")]
    resp_h: IpAddr,
    #[serde(rename = "id.resp_p")]
    resp_p: u16,
}

#[derive(Debug, Serialize)]
struct Line<'a, Rest> {
    #[serde(flatten)]
    head: &'a Head,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Debug, Serialize)]
struct Conn {
    proto: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    duration: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    conn_state: Option<&'static str>,
    community_id: String,
}

#[derive(Debug, Serialize)]
struct Ssl<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ja3: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ja4: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Http<'a> {
    host: &'a str,
}

#[derive(Debug, Serialize)]
struct Dns<'a> {
    proto: String,
    query: &'a str,
}

impl ZeekLogs {
    /// No flows yet. Temporary files, should they be needed, go to `dir`, and have no names there.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self(InOrder::new(dir))
    }

    /// Takes a flow in.
    ///
    /// # Errors
    /// [`FlowLinesError::Temporary`].
    pub fn push(&mut self, flow: &FlowSummary) -> Result<(), FlowLinesError> {
        self.0.push(flow.first_packet, |out| write(flow, out))
    }

    /// Writes every line to its log, in the order of [`ZEEK_LOGS`].
    ///
    /// # Errors
    /// [`FlowLinesError`].
    pub fn finish(self, mut logs: [&mut dyn Write; 4]) -> Result<(), FlowLinesError> {
        self.0.finish(|_, lines| {
            for line in lines.split_inclusive(|byte| *byte == b'\n') {
                if let Some((log, line)) = line.split_first()
                    && let Some(log) = logs.get_mut(usize::from(*log))
                {
                    log.write_all(line)?;
                }
            }
            Ok(())
        })?;
        let mut flushed = logs.iter_mut().map(|log| log.flush());
        flushed.try_for_each(|flushed| flushed.map_err(FlowLinesError::Output))
    }
}

/// The lines of one flow, each behind the number of its log.
fn write(flow: &FlowSummary, out: &mut Vec<u8>) -> io::Result<()> {
    let head = Head::of(flow);
    let findings = flow.findings();
    put(out, 0, &head, Conn::of(flow))?;
    let is_secured = [Protocol::Tls, Protocol::Dtls, Protocol::Quic]
        .iter()
        .any(|protocol| flow.protocols.has(*protocol));
    if is_secured {
        let places = &[NameSource::TlsSni, NameSource::QuicSni, NameSource::DtlsSni];
        let prints = findings.fingerprints.as_deref();
        let ssl = Ssl {
            version: findings.tls_version().map(version),
            server_name: names_from(flow, places).next(),
            ja3: prints.map(|prints| &*prints.ja3),
            ja4: prints.map(|prints| &*prints.ja4),
        };
        put(out, 1, &head, ssl)?;
    }
    for host in names_from(flow, &[NameSource::HttpHost]) {
        put(out, 2, &head, Http { host })?;
    }
    let asked = &[NameSource::DnsQuery, NameSource::Mdns, NameSource::Llmnr];
    for query in names_from(flow, asked) {
        let proto = proto(flow.key.protocol());
        put(out, 3, &head, Dns { proto, query })?;
    }
    Ok(())
}

fn put(out: &mut Vec<u8>, log: u8, head: &Head, rest: impl Serialize) -> io::Result<()> {
    out.push(log);
    inert::to_line(&mut *out, &Line { head, rest })?;
    out.write_all(b"\n")
}

impl Head {
    fn of(flow: &FlowSummary) -> Self {
        let (src, dst) = (flow.src(), flow.dst());
        // Zeek puts an ICMP message's type and code there.
        let icmp = flow.icmp.filter(|_| is_icmp(flow.key.protocol()));
        let ports = icmp.map_or((src.port, dst.port), |icmp| {
            (u16::from(icmp.kind), u16::from(icmp.code))
        });
        Self {
            ts: seconds(flow.first),
            uid: uid(flow),
            orig_h: src.addr,
            orig_p: ports.0,
            resp_h: dst.addr,
            resp_p: ports.1,
        }
    }
}

impl Conn {
    fn of(flow: &FlowSummary) -> Self {
        Self {
            proto: proto(flow.key.protocol()),
            service: service(flow),
            duration: flow.last.ns_since(flow.first) as f64 / 1e9,
            conn_state: match flow.state {
                // Zeek knows states of TCP and UDP alone.
                FlowState::OneWay | FlowState::TwoWay if flow.key.protocol() != IpProtocol::UDP => {
                    Some("OTH")
                }
                FlowState::Syn | FlowState::OneWay => Some("S0"),
                FlowState::Established if flow.initiator_known => Some("S1"),
                FlowState::Established => Some("OTH"),
                FlowState::Closed | FlowState::TwoWay => Some("SF"),
                FlowState::SynAck | FlowState::Fin | FlowState::Reset => None,
            },
            community_id: flow.community_id(),
        }
    }
}

/// Seconds since the epoch, to the microsecond.
fn seconds(time: Timestamp) -> f64 {
    (time.as_ns() / 1000) as f64 / 1e6
}

/// `C` and 17 digits, as Zeek's for connections.
fn uid(flow: &FlowSummary) -> String {
    let mut uid = String::from("C");
    let low = number_of(flow);
    let high = low.rotate_left(29).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut number = u128::from(high) << 64 | u128::from(low);
    for _ in 0..17 {
        let digit = DIGITS.get((number % 62) as usize);
        uid.extend(digit.map(|digit| char::from(*digit)));
        number /= 62;
    }
    uid
}

fn proto(protocol: IpProtocol) -> String {
    match protocol {
        IpProtocol::TCP | IpProtocol::UDP => protocol.to_string(),
        protocol if is_icmp(protocol) => "icmp".to_owned(),
        _ => "unknown_transport".to_owned(),
    }
}

/// The protocols as Zeek calls its analyzers, the outermost first.
///
/// Source: the components that the Plugin.cc and the .evt files in src/analyzer/protocol register.
fn service(flow: &FlowSummary) -> Option<String> {
    let services: Vec<_> = flow
        .protocols
        .iter()
        .filter_map(|protocol| match protocol {
            // What is in it is a conclusion of ours; Zeek names what it reads.
            Protocol::Https
            | Protocol::DnsOverTls
            | Protocol::DnsOverHttps
            | Protocol::DnsOverQuic => None,
            // Zeek says that in `proto`.
            Protocol::Icmp | Protocol::Icmpv6 => None,
            Protocol::Tls => Some("ssl".to_owned()),
            Protocol::Mdns | Protocol::Llmnr => Some("dns".to_owned()),
            Protocol::DceRpc => Some("dce_rpc".to_owned()),
            Protocol::Vnc => Some("rfb".to_owned()),
            Protocol::Dnp3 => Some(by_transport(flow, "dnp3")),
            Protocol::Ldap => Some(by_transport(flow, "ldap")),
            Protocol::Kerberos if flow.key.protocol() == IpProtocol::TCP => {
                Some("krb_tcp".to_owned())
            }
            Protocol::Kerberos => Some("krb".to_owned()),
            other => Some(other.as_str().to_lowercase()),
        })
        .collect();
    (!services.is_empty()).then(|| services.join(","))
}

/// An analyzer that Zeek has twice.
fn by_transport(flow: &FlowSummary, name: &str) -> String {
    format!("{name}_{}", flow.key.protocol())
}

/// A version as Zeek calls it: `TLSv12`, `DTLSv10`.
fn version(version: TlsVersion) -> String {
    match version.to_string().split_once(' ') {
        Some(("SSL", number)) => format!("SSLv{}", number.trim_end_matches(".0")),
        Some((name, number)) => format!("{name}v{}", number.replace('.', "")),
        None => format!("unknown-{}", version.0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::stats::flows::tests::sample_flow;

    fn logs(flows: &[FlowSummary]) -> [Vec<Value>; 4] {
        let mut zeek = ZeekLogs::new("/nonexistent");
        flows.iter().for_each(|flow| zeek.push(flow).unwrap());
        let mut logs = [const { Vec::new() }; 4];
        zeek.finish(logs.each_mut().map(|log| log as &mut dyn Write))
            .unwrap();
        logs.map(|log: Vec<u8>| {
            let text = String::from_utf8(log).unwrap();
            text.lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect()
        })
    }

    #[test]
    fn each_flow_is_a_connection_and_its_hello_shares_the_uid() {
        let ends = ("192.168.1.2:50000", "140.82.112.21:443");
        let mut tls = sample_flow(3, IpProtocol::TCP, ends, &["github.com"]);
        tls.protocols.push(Protocol::Tls);
        tls.protocols.push(Protocol::Https);
        tls.first = Timestamp::from_ns(1_700_000_000_250_000_999);
        tls.last = Timestamp::from_ns(1_700_000_001_250_000_999);
        tls.findings_mut().chosen = Some(TlsVersion(0x0303));
        let mut ping = sample_flow(1, IpProtocol::ICMP, ("10.0.0.1:8", "10.0.0.2:0"), &[]);
        ping.icmp = Some(crate::community_id::IcmpKind { kind: 8, code: 0 });
        ping.state = FlowState::TwoWay;
        let [conn, ssl, http, dns] = logs(&[tls, ping]);
        assert_eq!((conn.len(), ssl.len(), http.len(), dns.len()), (2, 1, 0, 0));
        assert_eq!(
            (&conn[0]["proto"], &conn[0]["id.orig_p"]),
            (&json!("icmp"), &json!(8))
        );
        assert_eq!(conn[0]["conn_state"], json!("OTH"));
        for (key, value) in [
            ("ts", json!(1_700_000_000.25)),
            ("id.orig_h", json!("192.168.1.2")),
            ("id.orig_p", json!(50000)),
            ("id.resp_h", json!("140.82.112.21")),
            ("id.resp_p", json!(443)),
            ("proto", json!("tcp")),
            ("service", json!("ssl")),
            ("duration", json!(1.0)),
            ("conn_state", json!("S1")),
            ("community_id", json!("1:FD68+tP7lGCxmnujfa9/P+kEXbs=")),
        ] {
            assert_eq!(conn[1][key], value, "{key}");
        }
        assert_eq!(
            (&ssl[0]["version"], &ssl[0]["server_name"]),
            (&json!("TLSv12"), &json!("github.com"))
        );
        assert_eq!(ssl[0]["uid"], conn[1]["uid"]);
        let uid = conn[1]["uid"].as_str().unwrap();
        assert!(
            uid.starts_with('C') && uid.len() == 18 && uid != conn[0]["uid"],
            "{uid}"
        );
    }

    #[test]
    fn questions_and_hosts_have_logs_of_their_own() {
        let ends = ("192.168.1.2:50000", "192.168.1.1:53");
        let mut flow = sample_flow(3, IpProtocol::UDP, ends, &["a.example", "b.example"]);
        for (name, from) in flow
            .findings_mut()
            .names
            .iter_mut()
            .zip([NameSource::DnsQuery, NameSource::HttpHost])
        {
            name.from = from;
        }
        let [_, ssl, http, dns] = logs(&[flow]);
        assert!(ssl.is_empty());
        assert_eq!((&http[0]["host"], http.len()), (&json!("b.example"), 1));
        assert_eq!(
            (&dns[0]["query"], &dns[0]["proto"], dns.len()),
            (&json!("a.example"), &json!("udp"), 1)
        );
    }

    #[test]
    fn protocols_are_called_as_zeek_calls_its_analyzers() {
        for (protocol, ip, name) in [
            (Protocol::Dtls, IpProtocol::UDP, Some("dtls")),
            (Protocol::DceRpc, IpProtocol::TCP, Some("dce_rpc")),
            (Protocol::Vnc, IpProtocol::TCP, Some("rfb")),
            (Protocol::Kerberos, IpProtocol::TCP, Some("krb_tcp")),
            (Protocol::Kerberos, IpProtocol::UDP, Some("krb")),
            (Protocol::Ldap, IpProtocol::UDP, Some("ldap_udp")),
            (Protocol::Dnp3, IpProtocol::TCP, Some("dnp3_tcp")),
            (Protocol::Mdns, IpProtocol::UDP, Some("dns")),
            (Protocol::DnsOverTls, IpProtocol::TCP, None),
            (Protocol::Icmp, IpProtocol::ICMP, None),
        ] {
            let mut flow = sample_flow(3, ip, ("10.0.0.1:5", "10.0.0.2:6"), &[]);
            flow.protocols.push(protocol);
            assert_eq!(service(&flow).as_deref(), name, "{protocol}");
        }
    }

    #[test]
    fn uids_of_many_flows_differ() {
        let flows =
            (0..10_000).map(|i| sample_flow(i, IpProtocol::UDP, ("10.0.0.1:1", "10.0.0.2:2"), &[]));
        let uids: std::collections::BTreeSet<_> = flows.map(|flow| uid(&flow)).collect();
        assert_eq!(uids.len(), 10_000);
    }
}
